#include "proxy/tls/parameters.h"

#include <doctest/doctest.h>
#include <openssl/err.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/unit/tls/block.h"

using namespace oxbow;
using namespace oxbow::tls;
using config::TlsVersion;

namespace {

struct ParametersFixture {
  Told told;
  config::TlsParameters parameters;
  ContextPtr context{SSL_CTX_new(TLS_method())};

  bool apply() {
    const bool good = applyParameters(*context, parameters, told.complaints);
    CHECK(good == told.errors.empty());
    CHECK(ERR_peek_error() == 0);
    return good;
  }
  std::vector<std::string> ciphers() const {
    std::vector<std::string> names;
    const STACK_OF(SSL_CIPHER)* all = SSL_CTX_get_ciphers(context.get());
    for (int i = 0; i < sk_SSL_CIPHER_num(all); ++i)
      names.emplace_back(SSL_CIPHER_get_name(sk_SSL_CIPHER_value(all, i)));
    return names;
  }
  bool has(const std::string& cipher) const {
    const auto all = ciphers();
    return std::find(all.begin(), all.end(), cipher) != all.end();
  }
};

}  // namespace

TEST_CASE_FIXTURE(ParametersFixture, "the defaults are modern") {
  REQUIRE(apply());
  CHECK(told.nothing());
  CHECK(SSL_CTX_get_min_proto_version(context.get()) == TLS1_2_VERSION);
  CHECK(SSL_CTX_get_max_proto_version(context.get()) == TLS1_3_VERSION);
  for (const std::string& cipher : ciphers())
    CHECK_MESSAGE((cipher.starts_with("TLS_") || cipher.starts_with("ECDHE-")), cipher);
  CHECK(has("ECDHE-RSA-AES128-GCM-SHA256"));
  CHECK_FALSE(has("ECDHE-RSA-AES128-SHA"));
}

TEST_CASE_FIXTURE(ParametersFixture, "what is off for good is off") {
  REQUIRE(apply());
  const uint64_t options = SSL_CTX_get_options(context.get());
  CHECK((options & SSL_OP_NO_COMPRESSION) != 0);
  CHECK((options & SSL_OP_NO_RENEGOTIATION) != 0);
  CHECK(SSL_CTX_get_max_early_data(context.get()) == 0);
  const long modes = SSL_CTX_get_mode(context.get());
  CHECK((modes & SSL_MODE_RELEASE_BUFFERS) != 0);
  CHECK((modes & SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER) != 0);
  CHECK((modes & SSL_MODE_AUTO_RETRY) != 0);
  CHECK(SSL_CTX_get_read_ahead(context.get()) == 1);
}

TEST_CASE_FIXTURE(ParametersFixture, "versions are those of the configuration") {
  parameters.minVersion = TlsVersion::Tls13;
  REQUIRE(apply());
  CHECK(SSL_CTX_get_min_proto_version(context.get()) == TLS1_3_VERSION);
  parameters.minVersion = parameters.maxVersion = TlsVersion::Tls12;
  REQUIRE(apply());
  CHECK(SSL_CTX_get_max_proto_version(context.get()) == TLS1_2_VERSION);
}

TEST_CASE_FIXTURE(ParametersFixture, "ciphers are those of the configuration") {
  parameters.ciphers = at("ECDHE+AESGCM:!AES256:ECDHE-RSA-AES128-SHA:@SECLEVEL=2");
  REQUIRE(apply());
  CHECK(told.nothing());
  CHECK(has("ECDHE-RSA-AES128-SHA"));
  CHECK_FALSE(has("ECDHE-RSA-AES256-GCM-SHA384"));
}

TEST_CASE_FIXTURE(ParametersFixture, "ciphers that name none are an error") {
  parameters.ciphers = at("NONSENSE");
  CHECK_FALSE(apply());
  checkOne(told.errors, "ciphers", "\"NONSENSE\" names no cipher");
  CHECK(told.errors[0].place == Place{7, 3});
}

TEST_CASE_FIXTURE(ParametersFixture, "one that is unknown among known ones is warned of") {
  parameters.ciphers = at("ECDHE-RSA-AES128-GCM-SHA265:ECDHE-RSA-AES256-GCM-SHA384");
  CHECK(apply());
  checkOne(told.warnings, "ciphers", "\"ECDHE-RSA-AES128-GCM-SHA265\" names no cipher");
}

TEST_CASE_FIXTURE(ParametersFixture, "cipher suites are those of the configuration") {
  parameters.ciphersuites = at("TLS_CHACHA20_POLY1305_SHA256");
  REQUIRE(apply());
  CHECK(has("TLS_CHACHA20_POLY1305_SHA256"));
  CHECK_FALSE(has("TLS_AES_128_GCM_SHA256"));
}

TEST_CASE_FIXTURE(ParametersFixture, "an unknown cipher suite is an error") {
  for (const char* list :
       {"TLS_AES_128_GCM_SHA265", "TLS_AES_128_GCM_SHA256:TLS_AES_128_GCM_SHA265",
        "TLS_AES_128_GCM_SHA265:TLS_AES_128_GCM_SHA256"}) {
    told.errors.clear();
    parameters.ciphersuites = at(list);
    CHECK_FALSE(apply());
    checkOne(told.errors, "ciphersuites", "\"TLS_AES_128_GCM_SHA265\" is no cipher suite");
  }
}

TEST_CASE_FIXTURE(ParametersFixture, "a list without cipher suites is an error") {
  parameters.ciphersuites = at(":");
  CHECK_FALSE(apply());
  checkOne(told.errors, "ciphersuites", "names no cipher suite");
}

TEST_CASE_FIXTURE(ParametersFixture, "an unknown group is an error") {
  parameters.groups = at("P-384");
  REQUIRE(apply());
  parameters.groups = at("X25519:P-257");
  CHECK_FALSE(apply());
  checkOne(told.errors, "groups", "\"X25519:P-257\" has a group that is unknown");
}

TEST_CASE_FIXTURE(ParametersFixture, "all that is wrong is told") {
  parameters.ciphers = at("NONSENSE");
  parameters.ciphersuites = at("NONSENSE");
  parameters.groups = at("NONSENSE");
  parameters.alpn = {at("")};
  CHECK_FALSE(apply());
  CHECK(told.errors.size() == 4);
}

TEST_CASE_FIXTURE(ParametersFixture, "protocols are written as RFC 7301 has them") {
  CHECK(alpnWire(parameters) == "\x08http/1.1");
  parameters.alpn = {at("h2"), at("http/1.1")};
  CHECK(alpnWire(parameters) == "\x02h2\x08http/1.1");
}

TEST_CASE_FIXTURE(ParametersFixture,
                  "a protocol that does not fit its byte of length is an error") {
  parameters.alpn = {at(std::string(255, 'a'))};
  REQUIRE(apply());
  parameters.alpn = {at("http/1.1"), at(std::string(256, 'a'), 9)};
  CHECK_FALSE(apply());
  checkOne(told.errors, "alpn", "is no protocol: 1 to 255 bytes");
  CHECK(told.errors[0].place == Place{9, 3});
}
