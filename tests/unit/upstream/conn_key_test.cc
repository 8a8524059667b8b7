#include <doctest/doctest.h>

#include <functional>
#include <tuple>
#include <vector>

#include "proxy/upstream/upstream.h"

using namespace oxbow;
using upstream::ConnKey;

namespace {

// A change of each part of what tells two connections apart.
const std::vector<std::function<void(ConnKey&)>>& changes() {
  static const std::vector<std::function<void(ConnKey&)>> all = {
      [](ConnKey& key) { key.address = SocketAddress::parse("127.0.0.2:1").value(); },
      [](ConnKey& key) { key.address = SocketAddress::parse("127.0.0.1:2").value(); },
      [](ConnKey& key) { key.local = SocketAddress::parseIp("127.0.0.3", 0).value(); },
      [](ConnKey& key) { key.tls.reset(); },
      [](ConnKey& key) { key.tls->sni = "b.test"; },
      [](ConnKey& key) { key.tls->sni.clear(); },
      [](ConnKey& key) { key.tls->verifyName = "b.test"; },
      [](ConnKey& key) { key.tls->verify = false; },
      [](ConnKey& key) { key.tls->verifyDepth = 7; },
      [](ConnKey& key) { key.tls->trust = "other"; },
      [](ConnKey& key) { key.tls->certificate = "other"; },
      [](ConnKey& key) { key.tls->minVersion = config::TlsVersion::Tls13; },
      [](ConnKey& key) { key.tls->maxVersion = config::TlsVersion::Tls12; },
      [](ConnKey& key) { key.tls->ciphers = "AES"; },
      [](ConnKey& key) { key.tls->ciphersuites = "AES"; },
      [](ConnKey& key) { key.tls->groups = "P-256"; },
      [](ConnKey& key) { key.tls->alpn = "other"; },
  };
  return all;
}

ConnKey key() {
  ConnKey made;
  made.address = SocketAddress::parse("127.0.0.1:1").value();
  made.tls.emplace();
  made.tls->sni = made.tls->verifyName = "a.test";
  return made;
}

ConnKey changed(size_t which) {
  ConnKey made = key();
  changes()[which](made);
  return made;
}

}  // namespace

TEST_CASE("keys that differ in anything are of different connections, every pair of them") {
  CHECK(key() == key());
  for (size_t i = 0; i < changes().size(); ++i) {
    CAPTURE(i);
    CHECK_FALSE(changed(i) == key());
    CHECK(changed(i) == changed(i));
    for (size_t j = 0; j < i; ++j) {
      CAPTURE(j);
      CHECK_FALSE(changed(i) == changed(j));
    }
  }
}

TEST_CASE("every member of the identity has its change above") {
  // A member that is added makes this fail, until it is looked at here.
  const tls::ClientIdentity identity;
  const auto& [sni, verifyName, verify, verifyDepth, trust, certificate, minVersion, maxVersion,
               ciphers, ciphersuites, groups, alpn] = identity;
  (void)std::tie(sni, verifyName, verify, verifyDepth, trust, certificate, minVersion, maxVersion,
                 ciphers, ciphersuites, groups, alpn);
  const auto& [address, local, tls] = ConnKey();
  (void)std::tie(address, local, tls);
  CHECK(changes().size() == 17);
}
