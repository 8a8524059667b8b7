#include <doctest/doctest.h>
#include <openssl/bio.h>
#include <openssl/err.h>

#include <string>

#include "tests/unit/tls/listener.h"

using namespace oxbow;
using namespace oxbow::tls;
using config::UnknownSni;
using oxbow::test::KeyType;
using oxbow::test::Leaf;

namespace {

struct SniFixture : Listener {
  bool shows(const std::string& sni, const Leaf& leaf) {
    Handshake handshake = start({.sni = sni});
    return handshake.run() && handshake.isFrom(leaf);
  }
  std::optional<int> alertOf(const std::string& sni) {
    Handshake handshake = start({.sni = sni});
    CHECK_FALSE(handshake.run());
    return handshake.alert();
  }
  // The signatures that a client takes decide which of the certificates of a name it sees.
  bool showsTo(const char* signatures, int version, const Leaf& leaf,
               const std::string& sni = "a.example") {
    Handshake handshake =
        start({.sni = sni, .minVersion = version, .maxVersion = version, .signatures = signatures});
    return handshake.run() && handshake.isFrom(leaf);
  }
  // What the server sends for a first flight of the client.
  std::string answerTo(const std::string& flight) {
    const SslPtr server = made().accept();
    SSL_set0_rbio(server.get(), BIO_new_mem_buf(flight.data(), static_cast<int>(flight.size())));
    return firstFlight(*server);
  }
  static std::string firstFlight(SSL& ssl) {
    BIO* out = BIO_new(BIO_s_mem());
    SSL_set0_wbio(&ssl, out);
    SSL_do_handshake(&ssl);
    ERR_clear_error();
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(out, &bytes);
    return {bytes, static_cast<size_t>(size)};
  }
};

}  // namespace

TEST_CASE_FIXTURE(SniFixture, "the name that a client asks for chooses the certificate") {
  const Leaf first = addNew({.dns = {"first.example"}});
  const Leaf exact = addNew({.dns = {"a.example", "b.example"}});
  const Leaf wildcard = addNew({.dns = {"*.example"}});
  CHECK(shows("a.example", exact));
  CHECK(shows("b.example", exact));
  CHECK(shows("A.Example", exact));
  CHECK(shows("a.example.", exact));
  CHECK(shows("c.example", wildcard));
  CHECK(shows("first.example", first));
  CHECK(told.nothing());
}

TEST_CASE_FIXTURE(SniFixture, "a star covers one label; the rest is the default's") {
  const Leaf first = addNew({.dns = {"first.example"}});
  const Leaf wildcard = addNew({.dns = {"*.b.example"}});
  CHECK(shows("a.b.example", wildcard));
  CHECK(shows("a.a.b.example", first));
  CHECK(shows("b.example", first));
  CHECK(shows("other.example", first));
  CHECK(shows("", first));
}

TEST_CASE_FIXTURE(SniFixture, "names of the configuration stand in place of the certificate's") {
  const Leaf first = addNew({.dns = {"first.example"}});
  const Leaf second = addNew({.dns = {"a.example"}});
  config.certificates[1].names = {at("B.example."), at("*.c.example")};
  CHECK(shows("a.example", first));
  CHECK(shows("b.example", second));
  CHECK(shows("a.c.example", second));
}

TEST_CASE_FIXTURE(SniFixture, "unknown_sni: reject refuses other names, and none at all") {
  const Leaf first = addNew({.dns = {"first.example"}});
  config.unknownSni = UnknownSni::Reject;
  CHECK(shows("first.example", first));
  CHECK(alertOf("other.example") == SSL_AD_UNRECOGNIZED_NAME);
  CHECK(alertOf("") == SSL_AD_UNRECOGNIZED_NAME);
}

TEST_CASE_FIXTURE(SniFixture, "a name that is malformed ends the handshake") {
  addNew({.dns = {"a.example"}});
  Handshake handshake = start({.sni = "a.example"});
  std::string hello = firstFlight(handshake.client());
  const size_t name = hello.find("a.example");
  REQUIRE(name != std::string::npos);
  const std::string decodeError{2, SSL_AD_DECODE_ERROR};
  CHECK_FALSE(answerTo(hello).ends_with(decodeError));
  hello[name - 3] = 1;  // the type of the name
  CHECK(answerTo(hello).ends_with(decodeError));
}

TEST_CASE_FIXTURE(SniFixture, "certificates of one name stand side by side by their keys") {
  const Leaf rsa = addNew({.dns = {"a.example"}, .key = KeyType::Rsa2048});
  const Leaf ecdsa = addNew({.dns = {"a.example"}});
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    CHECK(showsTo("ECDSA+SHA256", version, ecdsa));
    CHECK(showsTo("RSA-PSS+SHA256:RSA+SHA256", version, rsa));
    CHECK(showsTo("ECDSA+SHA256", version, ecdsa, ""));
    CHECK(showsTo("RSA-PSS+SHA256:RSA+SHA256", version, rsa, ""));
  }
  CHECK(told.nothing());
}

TEST_CASE_FIXTURE(SniFixture, "certificates stand side by side only for the names they share") {
  const Leaf rsa = addNew({.dns = {"a.example", "b.example"}, .key = KeyType::Rsa2048});
  const Leaf ecdsa = addNew({.dns = {"c.example", "b.example"}});
  const char* const any = "ECDSA+SHA256:RSA-PSS+SHA256";
  CHECK(showsTo(any, TLS1_3_VERSION, rsa, "a.example"));
  CHECK(showsTo(any, TLS1_3_VERSION, ecdsa, "b.example"));
  CHECK(showsTo(any, TLS1_3_VERSION, ecdsa, "c.example"));
  CHECK(showsTo("RSA-PSS+SHA256", TLS1_3_VERSION, rsa, "b.example"));
  Handshake handshake = start({.sni = "a.example", .signatures = "ECDSA+SHA256"});
  CHECK_FALSE(handshake.run());
}

TEST_CASE_FIXTURE(SniFixture, "a second key of the same type is warned of, and the first used") {
  const Leaf first = addNew({.dns = {"a.example"}});
  const Leaf second = addNew({.dns = {"a.example", "b.example"}});
  CHECK(shows("a.example", first));
  CHECK(shows("b.example", second));
  checkOne(told.warnings, "certificates[1].names",
           "\"a.example\" has a key of that type in certificates[0]");
}

TEST_CASE_FIXTURE(SniFixture, "a certificate that no name leads to is warned of") {
  const Leaf first = addNew({});
  addNew({});
  CHECK(shows("a.example", first));
  checkOne(told.warnings, "certificates[1].names", "no name leads to this certificate");
  CHECK(told.warnings[0].place == Place{20, 5});
}

TEST_CASE_FIXTURE(SniFixture, "a name that is none is an error") {
  addNew({.dns = {"a.example"}});
  config.certificates[0].names = {at("b.example"), at("*b.example", 9)};
  CHECK_FALSE(make());
  checkOne(told.errors, "certificates[0].names", "\"*b.example\" is neither a host name nor");
  CHECK(told.errors[0].place == Place{9, 3});
}

TEST_CASE_FIXTURE(SniFixture, "the chain is what the file has") {
  test::TestCa middle = ca.intermediate();
  const Leaf below = middle.issue({.dns = {"long.example"}});
  add(below);
  addNew({.dns = {"short.example"}});
  // The authorities of clients are none of its business.
  config.clients = clientsOf(ca, config::ClientVerify::Optional);
  const auto lengthFor = [&](const std::string& sni) {
    Handshake handshake = start({.sni = sni});
    REQUIRE(handshake.run());
    return sk_X509_num(SSL_get_peer_cert_chain(&handshake.client()));
  };
  CHECK(lengthFor("long.example") == 2);
  CHECK(lengthFor("short.example") == 1);
}

TEST_CASE_FIXTURE(SniFixture, "the server knows the name, resumed or not, and says so") {
  addNew({.dns = {"a.example"}});
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    ClientSpec spec{.sni = "other.example", .maxVersion = version};
    Handshake full = start(spec);
    REQUIRE(full.run());
    CHECK(std::string(SSL_get_servername(&full.server(), TLSEXT_NAMETYPE_host_name)) ==
          "other.example");
    spec.session = full.session();
    Handshake second = start(spec);
    REQUIRE(second.run());
    REQUIRE(second.resumed());
    CHECK(std::string(SSL_get_servername(&second.server(), TLSEXT_NAMETYPE_host_name)) ==
          "other.example");
  }
}

TEST_CASE_FIXTURE(SniFixture, "the name counts after a HelloRetryRequest too") {
  addNew({.dns = {"first.example"}});
  const Leaf second = addNew({.dns = {"a.example"}});
  // The client's first guess at a group is one that we do not have.
  Handshake handshake = start({.sni = "a.example", .groups = "P-521:P-256"});
  REQUIRE(handshake.run());
  CHECK(handshake.isFrom(second));
  CHECK(SSL_get_negotiated_group(&handshake.client()) == NID_X9_62_prime256v1);
}
