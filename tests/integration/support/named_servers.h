#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/integration/support/fake_upstream.h"
#include "tests/integration/support/oxbow.h"
#include "tests/support/dns_server.h"

namespace oxbow::integration {

using test::DnsServer;
using test::DnsType;

// "127.0.0.2:8080" without its port, and the port alone.
inline std::string hostOf(const FakeUpstream& upstream) {
  const std::string address = upstream.address();
  return address.substr(0, address.rfind(':'));
}
inline std::string portOf(const FakeUpstream& upstream) {
  const std::string address = upstream.address();
  return address.substr(address.rfind(':') + 1);
}

// An origin that tells which one it is.
inline std::unique_ptr<FakeUpstream> namedOrigin(const std::string& name,
                                                 const std::string& address) {
  return std::make_unique<FakeUpstream>(answering(ok(name)), address);
}

// What makes oxbow ask `dns` and nobody else. `timeout`: of the resolver.
inline std::string resolvedBy(const DnsServer& dns, const std::string& timeout = "2s") {
  return "resolver: { addresses: [ " + dns.address() + " ], hosts: off, timeout: " + timeout +
         " }\n" + kAdmin;
}

}  // namespace oxbow::integration
