#include "proxy/tls/staple.h"

#include <doctest/doctest.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>

#include <chrono>
#include <string>

#include "tests/support/test_ca.h"

using namespace oxbow;
using namespace oxbow::tls;
using namespace std::chrono_literals;
using oxbow::test::Leaf;
using oxbow::test::TestCa;

namespace {

struct StapleFixture {
  TestCa ca;
  Leaf leaf = ca.issue({.dns = {"a.example"}});
  WallTime now = std::chrono::system_clock::now();

  std::string fault(const std::string& der) const {
    const auto staple = Staple::parse(der, *leaf.certificate, now);
    CHECK(ERR_peek_error() == 0);
    return staple ? "none" : staple.error();
  }
};

}  // namespace

TEST_CASE_FIXTURE(StapleFixture, "a response is stapled until newer information is to be had") {
  const std::string der = ca.ocspDer(leaf, {.valid = {.until = 1h}});
  const auto staple = Staple::parse(der, *leaf.certificate, now);
  REQUIRE(staple.ok());
  CHECK(staple.value().der() == der);
  CHECK(staple.value().isFresh(now));
  CHECK(staple.value().isFresh(now + 59min));
  CHECK_FALSE(staple.value().isFresh(now + 61min));
}

TEST_CASE_FIXTURE(StapleFixture, "a response without an end does not expire") {
  const auto staple =
      Staple::parse(ca.ocspDer(leaf, {.hasNextUpdate = false}), *leaf.certificate, now);
  REQUIRE(staple.ok());
  CHECK(staple.value().isFresh(now + 24h * 365 * 10));
}

TEST_CASE_FIXTURE(StapleFixture, "what is not to be stapled") {
  const std::string good = ca.ocspDer(leaf);
  CHECK(fault(good) == "none");
  CHECK(fault("") == "no OCSP response in it (DER is what is read)");
  CHECK(fault("garbage") == "no OCSP response in it (DER is what is read)");
  CHECK(fault(good.substr(0, good.size() / 2)) == "no OCSP response in it (DER is what is read)");
  CHECK(fault(ca.ocspDer(leaf, {.valid = test::kExpired})) == "it has expired");
  CHECK(fault(ca.ocspDer(leaf, {.valid = test::kNotYet})) == "it is not valid yet");
  CHECK(fault(ca.ocspDer(leaf, {.status = V_OCSP_CERTSTATUS_UNKNOWN})) ==
        "it does not know the certificate");
}

TEST_CASE_FIXTURE(StapleFixture, "a response for another certificate") {
  CHECK(fault(ca.ocspDer(ca.issue({.dns = {"a.example"}}))) == "it is for another certificate");
  // The same serial number, of another issuer.
  TestCa other("Other CA");
  Leaf twin = other.issue({.dns = {"a.example"}});
  X509_set_serialNumber(twin.certificate.get(),
                        const_cast<ASN1_INTEGER*>(X509_get0_serialNumber(leaf.certificate.get())));
  CHECK(fault(other.ocspDer(twin)) == "it is for another certificate");
}
