#pragma once

#include <memory>
#include <string>

#include "proxy/tls/server_context.h"
#include "tests/support/test_ca.h"
#include "tests/unit/tls/block.h"
#include "tests/unit/tls/handshake.h"

namespace oxbow::tls {

// A listener's block that a test fills in, and what is made of it.
struct Listener {
  test::TestCa ca;
  Told told;
  config::ListenerTls config;
  ManualClock clock;
  std::shared_ptr<TicketKeys> tickets = std::make_shared<TicketKeys>(clock, std::chrono::hours(12));
  std::shared_ptr<const ServerContext> context;

  config::CertificatePair& add(const test::Leaf& leaf) {
    config::CertificatePair& pair = config.certificates.emplace_back();
    const auto line = static_cast<uint32_t>(10 * config.certificates.size());
    pair.place = {line, 5};
    pair.cert = at(leaf.certFile, line + 1);
    pair.key = at(leaf.keyFile, line + 2);
    return pair;
  }
  test::Leaf addNew(const test::LeafSpec& spec) {
    test::Leaf leaf = ca.issue(spec);
    add(leaf);
    return leaf;
  }

  bool make() {
    context = ServerContext::make(config, tickets, told.complaints);
    CHECK((context != nullptr) == told.errors.empty());
    return context != nullptr;
  }
  const ServerContext& made() {
    if (context == nullptr) REQUIRE(make());
    return *context;
  }
  Handshake start(const ClientSpec& spec) { return Handshake(made(), spec); }
};

inline config::ClientCertificates clientsOf(
    const test::TestCa& ca, config::ClientVerify verify = config::ClientVerify::Require) {
  config::ClientCertificates clients;
  clients.verify = verify;
  clients.ca = at(ca.file(), 8);
  return clients;
}

}  // namespace oxbow::tls
