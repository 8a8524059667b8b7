#include "proxy/tls/server_context.h"

#include <doctest/doctest.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "tests/unit/tls/listener.h"

using namespace oxbow;
using namespace oxbow::tls;
using namespace std::chrono_literals;
using oxbow::test::KeyFormat;
using oxbow::test::Leaf;
using oxbow::test::TestCa;

namespace {

struct ContextFixture : Listener {
  TestCa people{"People CA"};
  Leaf leaf = addNew({.dns = {"a.example", "*.a.example"}, .valid = {.until = 1h}});

  Digest digest() {
    REQUIRE(make());
    return context->digest();
  }
};

}  // namespace

TEST_CASE_FIXTURE(ContextFixture, "a listener shows its certificates") {
  const Leaf second = addNew({.commonName = "b.example"});
  config.certificates[1].names = {at("C.example")};
  const auto& all = made().certificates();
  REQUIRE(all.size() == 2);
  CHECK(all[0].file == leaf.certFile);
  CHECK(all[0].subject == "CN=a.example");
  CHECK(all[0].names == std::vector<std::string>{"a.example", "*.a.example"});
  const Duration left = all[0].notAfter - std::chrono::system_clock::now();
  CHECK(left > 59min);
  CHECK(left < 61min);
  CHECK(all[1].file == second.certFile);
  CHECK(all[1].subject == "CN=b.example");
  CHECK(all[1].names == std::vector<std::string>{"c.example"});
}

TEST_CASE_FIXTURE(ContextFixture, "all files are listed, each once") {
  const std::string password = ca.write("password", "sesame");
  const std::string ocsp = ca.write("ocsp", ca.ocspDer(leaf));
  const std::string ticketKey = ca.write("ticket.key", std::string(80, 'k'));
  config.certificates[0].passwordFile = at(password);
  config.certificates[0].ocsp = at(ocsp);
  config.clients = clientsOf(people);
  config.clients.crl = at(people.writeCrl());
  addNew({.dns = {"b.example"}});
  const Leaf second = addNew({.dns = {"c.example"}});
  config.certificates[1] = config.certificates[2];
  config.certificates.pop_back();
  config.certificates[1].clients = clientsOf(ca);
  config.sessionTicketKeys = {at(ticketKey)};
  CHECK(made().files() == std::vector<std::string>{leaf.certFile, leaf.keyFile, password, ocsp,
                                                   second.certFile, second.keyFile, ca.file(),
                                                   people.file(), people.path("ca.crl"),
                                                   ticketKey});
}

TEST_CASE_FIXTURE(ContextFixture, "files are listed as opened, without the system's authorities") {
  config.certificates[0].cert = at("leaf1.pem");
  config.certificates[0].key = at("leaf1.key");
  config.clients = clientsOf(people);
  config.clients.ca = at("system");
  const std::string folder = ca.path("");
  const Complaints inFolder{kBlock, folder, told.errors, told.warnings};
  const auto made = ServerContext::make(config, tickets, inFolder);
  REQUIRE(made != nullptr);
  CHECK(made->files() == std::vector<std::string>{leaf.certFile, leaf.keyFile});
}

TEST_CASE_FIXTURE(ContextFixture, "the digest is the same for the same") {
  CHECK(digest().size() == 32);
  CHECK(digest() == digest());
}

TEST_CASE_FIXTURE(ContextFixture, "the digest covers what the files hold") {
  config.clients = clientsOf(people);
  config.clients.crl = at(people.writeCrl());
  config.certificates[0].ocsp = at(ca.write("ocsp", ca.ocspDer(leaf)));
  config.sessionTicketKeys = {at(ca.write("ticket.key", std::string(80, 'k')))};
  const Digest before = digest();
  SUBCASE("certificate") {
    const Leaf next = ca.issue({.dns = {"a.example"}});
    ca.write("leaf1.pem", test::certificatePem(*next.certificate));
    ca.write("leaf1.key", keyPem(*next.key, KeyFormat::Pkcs8));
  }
  SUBCASE("CA") { people.write("ca.pem", test::certificatePem(TestCa().certificate())); }
  SUBCASE("revocation list") {
    people.revoke(leaf);
    people.writeCrl();
  }
  SUBCASE("OCSP response") { ca.write("ocsp", ca.ocspDer(leaf, {.valid = {.until = 2h}})); }
  SUBCASE("ticket key") { ca.write("ticket.key", std::string(80, 'l')); }
  CHECK(digest() != before);
}

TEST_CASE_FIXTURE(ContextFixture, "the digest covers every value of the block") {
  const auto change = [](auto&& what) { return std::function<void(config::ListenerTls&)>(what); };
  using Config = config::ListenerTls;
  const std::vector<std::function<void(Config&)>> changes = {
      change([](Config& c) { c.unknownSni = config::UnknownSni::Reject; }),
      change([](Config& c) { c.parameters.minVersion = config::TlsVersion::Tls13; }),
      change([](Config& c) { c.parameters.maxVersion = config::TlsVersion::Tls12; }),
      change([](Config& c) { c.parameters.ciphers = at("ECDHE-ECDSA-AES128-GCM-SHA256"); }),
      change([](Config& c) { c.parameters.ciphersuites = at("TLS_AES_128_GCM_SHA256"); }),
      change([](Config& c) { c.parameters.groups = at("P-256"); }),
      change([](Config& c) { c.parameters.alpn = {at("h2")}; }),
      change([](Config& c) { c.clients.verifyDepth = 5; }),
      change([](Config& c) { c.sessionTickets = false; }),
      change([](Config& c) { c.sessionTicketRotation = Duration(1h); }),
      change([](Config& c) { c.sessionTimeout = Duration(1h); }),
      change([](Config& c) { c.handshakeTimeout = Duration(1s); }),
      change([](Config& c) { c.hstsMaxAge = Duration(1h); }),
      change([](Config& c) { c.hstsSubdomains = true; }),
      change([](Config& c) { c.hstsPreload = true; }),
      change([](Config& c) { c.certificates[0].names = {at("a.example")}; }),
      change([](Config& c) { c.certificates[0].clients = config::ClientCertificates{}; }),
  };
  const config::ListenerTls original = config;
  const Digest before = digest();
  for (size_t i = 0; i < changes.size(); ++i) {
    CAPTURE(i);
    config = original;
    changes[i](config);
    CHECK(digest() != before);
  }
}

TEST_CASE_FIXTURE(ContextFixture, "all that is wrong is told at once") {
  config.parameters.groups = at("nonsense");
  config.certificates[0].key = at(ca.path("none"));
  config::CertificatePair& second = add(ca.issue({.dns = {"b.example"}}));
  second.cert = at(ca.path("none"));
  CHECK_FALSE(make());
  REQUIRE(told.errors.size() == 3);
  CHECK(told.errors[0].path == "listeners[0].tls.groups");
  CHECK(told.errors[1].path == "listeners[0].tls.certificates[0].key");
  CHECK(told.errors[2].path == "listeners[0].tls.certificates[1].cert");
}

TEST_CASE_FIXTURE(ContextFixture, "a key that is too short to be safe is told") {
  const KeyPtr weak(EVP_RSA_gen(1024));
  X509* certificate = leaf.certificate.get();
  REQUIRE(X509_set_pubkey(certificate, weak.get()) == 1);
  REQUIRE(X509_sign(certificate, &ca.key(), EVP_sha256()) > 0);
  config.certificates[0].cert = at(ca.write("weak.pem", test::certificatePem(*certificate)));
  config.certificates[0].key = at(ca.write("weak.key", keyPem(*weak, KeyFormat::Pkcs8)));
  CHECK_FALSE(make());
  checkOne(told.errors, "certificates[0].cert", "it cannot be used: ee key too small");
  CHECK(ERR_peek_error() == 0);
}

TEST_CASE_FIXTURE(ContextFixture, "an expired certificate is warned of, and served") {
  const Leaf old = ca.issue({.dns = {"a.example"}, .valid = test::kExpired});
  config.certificates.clear();
  add(old);
  Handshake handshake = start({.sni = "a.example"});
  REQUIRE(handshake.run());
  CHECK(handshake.isFrom(old));
  checkOne(told.warnings, "certificates[0].cert", "expired on");
}
