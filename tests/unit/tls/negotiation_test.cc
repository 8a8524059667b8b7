#include <doctest/doctest.h>

#include <chrono>
#include <string>

#include "tests/unit/tls/listener.h"

using namespace oxbow;
using namespace oxbow::tls;
using namespace std::chrono_literals;
using config::TlsVersion;
using oxbow::test::KeyType;
using oxbow::test::Leaf;

namespace {

struct NegotiationFixture : Listener {
  Leaf leaf = addNew({.dns = {"a.example"}});

  std::string agreed(const std::string& offer) {
    Handshake handshake = start({.alpn = offer});
    return handshake.run() ? handshake.alpn() : "none";
  }
  std::optional<int> alertOf(const ClientSpec& spec) {
    Handshake handshake = start(spec);
    CHECK_FALSE(handshake.run());
    return handshake.alert();
  }
  std::string versionOf(const ClientSpec& spec) {
    Handshake handshake = start(spec);
    REQUIRE(handshake.run());
    return SSL_get_version(&handshake.client());
  }
};

}  // namespace

TEST_CASE_FIXTURE(NegotiationFixture, "bytes pass once the handshake is through") {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Handshake handshake = start({.maxVersion = version});
    REQUIRE(handshake.run());
    CHECK(handshake.serverSends("from the server"));
    CHECK(handshake.clientSends("from the client"));
  }
}

TEST_CASE_FIXTURE(NegotiationFixture, "the highest version that both have is taken") {
  CHECK(versionOf({}) == "TLSv1.3");
  CHECK(versionOf({.maxVersion = TLS1_2_VERSION}) == "TLSv1.2");
}

TEST_CASE_FIXTURE(NegotiationFixture, "versions that are not to be spoken are refused") {
  CHECK(alertOf({.minVersion = TLS1_VERSION, .maxVersion = TLS1_1_VERSION}) ==
        SSL_AD_PROTOCOL_VERSION);
  SUBCASE("1.2") {
    config.parameters.minVersion = TlsVersion::Tls13;
    context = nullptr;
    CHECK(alertOf({.maxVersion = TLS1_2_VERSION}) == SSL_AD_PROTOCOL_VERSION);
    CHECK(versionOf({}) == "TLSv1.3");
  }
  SUBCASE("1.3") {
    config.parameters.maxVersion = TlsVersion::Tls12;
    context = nullptr;
    CHECK(alertOf({.minVersion = TLS1_3_VERSION}) == SSL_AD_PROTOCOL_VERSION);
    CHECK(versionOf({}) == "TLSv1.2");
  }
}

TEST_CASE_FIXTURE(NegotiationFixture, "the server's order of protocols decides") {
  config.parameters.alpn = {at("h2"), at("http/1.1")};
  CHECK(agreed("\x08http/1.1\x02h2") == "h2");
  CHECK(agreed("\x08http/1.1") == "http/1.1");
  CHECK(agreed("\x03"
               "foo\x08http/1.1") == "http/1.1");
}

TEST_CASE_FIXTURE(NegotiationFixture, "without alpn: it is http/1.1") {
  CHECK(agreed("\x02h2\x08http/1.1") == "http/1.1");
}

TEST_CASE_FIXTURE(NegotiationFixture, "a client with none of our protocols is refused") {
  CHECK(alertOf({.alpn = "\x02h2"}) == SSL_AD_NO_APPLICATION_PROTOCOL);
}

TEST_CASE_FIXTURE(NegotiationFixture, "a client that names no protocol is served") {
  CHECK(agreed("") == "");
}

TEST_CASE_FIXTURE(NegotiationFixture, "renegotiation is refused, and the connection goes on") {
  Handshake handshake = start({.maxVersion = TLS1_2_VERSION});
  REQUIRE(handshake.run());
  REQUIRE(SSL_renegotiate(&handshake.client()) == 1);
  SSL_do_handshake(&handshake.client());
  char byte = 0;
  // The server reads the ClientHello, answers it with a warning, and has nothing to say itself.
  const int got = SSL_read(&handshake.server(), &byte, 1);
  CHECK(SSL_get_error(&handshake.server(), got) == SSL_ERROR_WANT_READ);
  CHECK(SSL_do_handshake(&handshake.client()) != 1);
  CHECK(SSL_num_renegotiations(&handshake.server()) == 0);
}

TEST_CASE_FIXTURE(NegotiationFixture, "OCSP responses are stapled to their certificates") {
  const Leaf rsa = addNew({.dns = {"a.example"}, .key = KeyType::Rsa2048});
  const std::string first = ca.ocspDer(leaf);
  const std::string second = ca.ocspDer(rsa);
  config.certificates[0].ocsp = at(ca.write("first", first));
  config.certificates[1].ocsp = at(ca.write("second", second));
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    Handshake ecdsa =
        start({.maxVersion = version, .signatures = "ECDSA+SHA256", .wantsStaple = true});
    REQUIRE(ecdsa.run());
    CHECK(ecdsa.staple() == first);
    Handshake other =
        start({.maxVersion = version, .signatures = "RSA-PSS+SHA256", .wantsStaple = true});
    REQUIRE(other.run());
    CHECK(other.staple() == second);
  }
  Handshake unasked = start({});
  REQUIRE(unasked.run());
  CHECK(unasked.staple().empty());
  CHECK(told.nothing());
}

TEST_CASE_FIXTURE(NegotiationFixture, "a certificate without a response has none stapled") {
  Handshake handshake = start({.wantsStaple = true});
  REQUIRE(handshake.run());
  CHECK(handshake.staple().empty());
}

TEST_CASE_FIXTURE(NegotiationFixture, "a response that is not to be stapled is warned of") {
  std::string what;
  SUBCASE("expired") {
    what = "not stapled: it has expired";
    config.certificates[0].ocsp = at(ca.write("ocsp", ca.ocspDer(leaf, {.valid = test::kExpired})));
  }
  SUBCASE("not there") {
    what = "not stapled: no such file";
    config.certificates[0].ocsp = at(ca.path("none"));
  }
  Handshake handshake = start({.wantsStaple = true});
  REQUIRE(handshake.run());
  CHECK(handshake.staple().empty());
  checkOne(told.warnings, "certificates[0].ocsp", what);
}
