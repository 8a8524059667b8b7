#include "proxy/tls/material.h"

#include <doctest/doctest.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <string>

#include "tests/support/test_ca.h"
#include "tests/unit/tls/block.h"

using namespace oxbow;
using namespace oxbow::tls;
using namespace std::chrono_literals;
using oxbow::test::Leaf;
using oxbow::test::TestCa;

TEST_CASE("complaints name the block, the key and the place") {
  Told told;
  const Complaints below = told.complaints.below("certificates[1]");
  below.error({3, 4}, "cert", "is odd");
  below.warn({5, 6}, "key", "is old");
  CHECK(told.errors == std::vector<config::Problem>{
                           {{3, 4}, "listeners[0].tls.certificates[1].cert", "is odd", {}}});
  CHECK(told.warnings == std::vector<config::Problem>{
                             {{5, 6}, "listeners[0].tls.certificates[1].key", "is old", {}}});
}

TEST_CASE("a digest keeps its parts apart") {
  CHECK(digestOf({"ab", "c"}) == digestOf({"ab", "c"}));
  CHECK(digestOf({"ab", "c"}) != digestOf({"a", "bc"}));
  CHECK(digestOf({"ab"}) != digestOf({"ab", ""}));
  CHECK(digestOf({}).size() == 32);
}

TEST_CASE("the time that a certificate has left") {
  TestCa ca;
  const WallTime now = std::chrono::system_clock::now();
  const Leaf leaf = ca.issue({.valid = {.until = 1h}});
  CHECK(timeLeft(*leaf.certificate, now) <= 1h + 1min);
  CHECK(timeLeft(*leaf.certificate, now) > 59min);
  CHECK(timeLeft(*leaf.certificate, now + 2h) < -59min);
}

TEST_CASE("a certificate without an end has much time left") {
  TestCa ca;
  const Leaf leaf = ca.issue({});
  REQUIRE(ASN1_TIME_set_string(X509_getm_notAfter(leaf.certificate.get()), "99991231235959Z") == 1);
  CHECK(timeLeft(*leaf.certificate, std::chrono::system_clock::now()) > 24h * 365 * 100);
}

TEST_CASE("errors of OpenSSL are told once, the first of them") {
  ERR_raise(ERR_LIB_PEM, PEM_R_BAD_PASSWORD_READ);
  ERR_raise(ERR_LIB_PEM, PEM_R_NO_START_LINE);
  CHECK(takeErrors() == "bad password read");
  CHECK(ERR_peek_error() == 0);
  CHECK(takeErrors() == "unknown error");
}
