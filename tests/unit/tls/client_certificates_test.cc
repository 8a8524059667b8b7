#include <doctest/doctest.h>
#include <openssl/x509_vfy.h>

#include <string>

#include "tests/unit/tls/listener.h"

using namespace oxbow;
using namespace oxbow::tls;
using config::ClientVerify;
using oxbow::test::Leaf;
using oxbow::test::TestCa;

namespace {

constexpr int kVersions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

struct ClientFixture : Listener {
  TestCa people{"People CA"};
  TestCa strangers{"Strangers CA"};
  Leaf leaf = addNew({.dns = {"a.example"}});

  struct Seen {
    bool through = false;
    std::optional<int> alert;
    long result = -1;
    bool hasCertificate = false;
  };
  Seen connect(const Leaf* certificate, int version = TLS1_3_VERSION) {
    Handshake handshake = start({.maxVersion = version, .certificate = certificate});
    Seen seen;
    seen.through = handshake.run();
    seen.alert = handshake.alert();
    seen.result = handshake.verifyResult();
    seen.hasCertificate = SSL_get0_peer_certificate(&handshake.server()) != nullptr;
    return seen;
  }
};

}  // namespace

TEST_CASE_FIXTURE(ClientFixture, "off: nobody is asked for a certificate") {
  const Leaf client = people.issue({.commonName = "client"});
  CHECK(connect(&client).through);
  CHECK_FALSE(connect(&client).hasCertificate);
}

TEST_CASE_FIXTURE(ClientFixture, "off: the files are not read") {
  config.clients.ca = at(ca.path("none"));
  CHECK(make());
}

TEST_CASE_FIXTURE(ClientFixture, "require: a good certificate is let in") {
  config.clients = clientsOf(people);
  const Leaf client = people.issue({.commonName = "client"});
  for (const int version : kVersions) {
    const Seen seen = connect(&client, version);
    CHECK(seen.through);
    CHECK(seen.hasCertificate);
    CHECK(seen.result == X509_V_OK);
  }
}

TEST_CASE_FIXTURE(ClientFixture, "require: no certificate ends the handshake") {
  config.clients = clientsOf(people);
  CHECK(connect(nullptr, TLS1_3_VERSION).alert == SSL_AD_CERTIFICATE_REQUIRED);
  CHECK(connect(nullptr, TLS1_2_VERSION).alert == SSL_AD_HANDSHAKE_FAILURE);
}

TEST_CASE_FIXTURE(ClientFixture, "require: a bad certificate ends the handshake") {
  config.clients = clientsOf(people);
  const Leaf stranger = strangers.issue({.commonName = "client"});
  const Leaf expired = people.issue({.commonName = "client", .valid = test::kExpired});
  const Leaf early = people.issue({.commonName = "client", .valid = test::kNotYet});
  for (const int version : kVersions) {
    CAPTURE(version);
    CHECK_FALSE(connect(&stranger, version).through);
    CHECK(connect(&stranger, version).alert == SSL_AD_UNKNOWN_CA);
    CHECK(connect(&expired, version).alert == SSL_AD_CERTIFICATE_EXPIRED);
    CHECK(connect(&early, version).alert == SSL_AD_BAD_CERTIFICATE);
  }
}

TEST_CASE_FIXTURE(ClientFixture, "require: a revoked certificate ends the handshake") {
  const Leaf good = people.issue({.commonName = "good"});
  const Leaf revoked = people.issue({.commonName = "revoked"});
  people.revoke(revoked);
  config.clients = clientsOf(people);
  config.clients.crl = at(people.writeCrl());
  for (const int version : kVersions) {
    CHECK(connect(&good, version).through);
    CHECK(connect(&revoked, version).alert == SSL_AD_CERTIFICATE_REVOKED);
  }
}

TEST_CASE_FIXTURE(ClientFixture, "optional: any client goes on, and the result is known") {
  const Leaf good = people.issue({.commonName = "good"});
  const Leaf revoked = people.issue({.commonName = "revoked"});
  people.revoke(revoked);
  config.clients = clientsOf(people, ClientVerify::Optional);
  config.clients.crl = at(people.writeCrl());
  const Leaf stranger = strangers.issue({.commonName = "client"});
  const Leaf expired = people.issue({.commonName = "client", .valid = test::kExpired});
  for (const int version : kVersions) {
    CAPTURE(version);
    const Seen none = connect(nullptr, version);
    CHECK(none.through);
    CHECK_FALSE(none.hasCertificate);
    const auto resultOf = [&](const Leaf& client) {
      const Seen seen = connect(&client, version);
      CHECK(seen.through);
      CHECK(seen.hasCertificate);
      return seen.result;
    };
    CHECK(resultOf(good) == X509_V_OK);
    CHECK(resultOf(stranger) == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
    CHECK(resultOf(expired) == X509_V_ERR_CERT_HAS_EXPIRED);
    CHECK(resultOf(revoked) == X509_V_ERR_CERT_REVOKED);
  }
}

TEST_CASE_FIXTURE(ClientFixture, "verify_depth bounds the authorities between") {
  TestCa middle = people.intermediate();
  const Leaf below = middle.issue({.commonName = "client"});
  config.clients = clientsOf(people);
  config.clients.ca = at(people.write("both.pem", test::certificatePem(people.certificate()) +
                                                      test::certificatePem(middle.certificate())));
  config.clients.verifyDepth = 1;
  CHECK(connect(&below).through);
  context = nullptr;
  config.clients.verifyDepth = 0;
  CHECK_FALSE(connect(&below).through);
}

TEST_CASE_FIXTURE(ClientFixture, "clients are told which authorities count") {
  config.clients = clientsOf(people);
  Handshake handshake = start({});
  handshake.run();
  const STACK_OF(X509_NAME)* names = SSL_get0_peer_CA_list(&handshake.client());
  REQUIRE(sk_X509_NAME_num(names) == 1);
  CHECK(X509_NAME_cmp(sk_X509_NAME_value(names, 0), X509_get_subject_name(&people.certificate())) ==
        0);
}

TEST_CASE_FIXTURE(ClientFixture, "a certificate's own rule stands in place of the listener's") {
  addNew({.dns = {"b.example"}});
  addNew({.dns = {"c.example"}});
  config.clients = clientsOf(people);
  config.certificates[1].clients = clientsOf(strangers);
  config.certificates[2].clients = config::ClientCertificates{};
  const Leaf person = people.issue({.commonName = "person"});
  const Leaf stranger = strangers.issue({.commonName = "stranger"});
  const auto letsIn = [&](const std::string& sni, const Leaf* client) {
    Handshake handshake = start({.sni = sni, .certificate = client});
    return handshake.run();
  };
  CHECK(letsIn("a.example", &person));
  CHECK_FALSE(letsIn("a.example", &stranger));
  CHECK_FALSE(letsIn("a.example", nullptr));
  CHECK(letsIn("b.example", &stranger));
  CHECK_FALSE(letsIn("b.example", &person));
  CHECK_FALSE(letsIn("b.example", nullptr));
  CHECK(letsIn("c.example", nullptr));
}

TEST_CASE_FIXTURE(ClientFixture, "each name asks for its own authorities, depth included") {
  addNew({.dns = {"b.example"}});
  TestCa middle = strangers.intermediate();
  const Leaf below = middle.issue({.commonName = "client"});
  config.clients = clientsOf(people);
  config.certificates[1].clients = clientsOf(strangers);
  config.certificates[1].clients->ca =
      at(strangers.write("both.pem", test::certificatePem(strangers.certificate()) +
                                         test::certificatePem(middle.certificate())));
  config.clients.verifyDepth = 0;
  config.certificates[1].clients->verifyDepth = 1;
  Handshake handshake = start({.sni = "b.example", .certificate = &below});
  CHECK(handshake.run());
  CHECK(sk_X509_NAME_num(SSL_get0_peer_CA_list(&handshake.client())) == 2);
}

TEST_CASE_FIXTURE(ClientFixture, "certificates of one name must agree on the verification") {
  addNew({.dns = {"a.example"}, .key = test::KeyType::Rsa2048});
  config.certificates[1].clients = clientsOf(people);
  CHECK_FALSE(make());
  checkOne(told.errors, "certificates[1].client_certificates",
           "\"a.example\" is verified otherwise in certificates[0]");
  CHECK(told.errors[0].place == Place{20, 5});
}

TEST_CASE_FIXTURE(ClientFixture, "files of the verification that are wrong are told") {
  config.clients = clientsOf(people);
  config.clients.crl = at(people.path("none"));
  config.certificates[0].clients = clientsOf(people);
  config.certificates[0].clients->ca = at(people.path("none"));
  CHECK_FALSE(make());
  REQUIRE(told.errors.size() == 2);
  CHECK(told.errors[0].path == "listeners[0].tls.client_certificates.crl");
  CHECK(told.errors[1].path == "listeners[0].tls.certificates[0].client_certificates.ca");
}

TEST_CASE_FIXTURE(ClientFixture, "whether a request may come over a connection of another name") {
  addNew({.dns = {"b.example", "*.b.example"}});
  addNew({.dns = {"c.example"}});
  config.certificates[1].clients = clientsOf(people);
  const Leaf person = people.issue({.commonName = "person"});
  Handshake open = start({.sni = "a.example"});
  Handshake verified = start({.sni = "b.example", .certificate = &person});
  REQUIRE(open.run());
  REQUIRE(verified.run());
  const auto mayOpen = [&](const char* host) { return context->mayServe(open.server(), host); };
  const auto mayVerified = [&](const char* host) {
    return context->mayServe(verified.server(), host);
  };
  for (const char* host : {"a.example", "A.Example.:443", "c.example", "unknown.example", "",
                           "[::1]:443", "127.0.0.1", "d.b.example.org"}) {
    CAPTURE(host);
    CHECK(mayOpen(host));
    CHECK_FALSE(mayVerified(host));
  }
  for (const char* host : {"b.example", "B.EXAMPLE.", "b.example.:8443", "d.b.example:443"}) {
    CAPTURE(host);
    CHECK_FALSE(mayOpen(host));
    CHECK(mayVerified(host));
  }
}

TEST_CASE_FIXTURE(ClientFixture,
                  "a client that changes the name in between is verified for the last") {
  addNew({.dns = {"b.example"}});
  config.certificates[1].clients = clientsOf(people);
  const Leaf person = people.issue({.commonName = "person"});
  for (const Leaf* certificate : {&person, static_cast<const Leaf*>(nullptr)}) {
    // A group that we do not have: the server asks for another ClientHello.
    Handshake handshake =
        start({.sni = "a.example", .groups = "P-521:P-256", .certificate = certificate});
    SSL_do_handshake(&handshake.client());
    SSL_do_handshake(&handshake.server());
    REQUIRE(SSL_set_tlsext_host_name(&handshake.client(), "b.example") == 1);
    CHECK(handshake.run() == (certificate != nullptr));
    CHECK(context->mayServe(handshake.server(), "b.example"));
    CHECK_FALSE(context->mayServe(handshake.server(), "a.example"));
  }
}

TEST_CASE_FIXTURE(ClientFixture, "names of one verification may share their connections") {
  addNew({.dns = {"b.example"}});
  config.clients = clientsOf(people);
  config.certificates[1].clients = clientsOf(people);
  const Leaf person = people.issue({.commonName = "person"});
  Handshake handshake = start({.sni = "a.example", .certificate = &person});
  REQUIRE(handshake.run());
  CHECK(context->mayServe(handshake.server(), "b.example"));
  CHECK(context->mayServe(handshake.server(), "unknown.example"));
}
