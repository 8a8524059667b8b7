#include <doctest/doctest.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include <string>

#include "proxy/tls/material.h"
#include "tests/support/test_ca.h"
#include "tests/unit/tls/block.h"

using namespace oxbow;
using namespace oxbow::tls;
using oxbow::test::Leaf;
using oxbow::test::TestCa;

namespace {

struct TrustFixture {
  TestCa ca;
  Leaf leaf = ca.issue({.dns = {"a.example"}});
  Told told;
  Trust trust;

  bool read(const std::string& caFile, const std::string& crlFile = {}) {
    const auto caAt = at(caFile, 5);
    const auto crlAt = at(crlFile, 6);
    trust = {};
    const bool good = readTrust(caAt, crlAt, told.complaints, trust);
    CHECK(ERR_peek_error() == 0);
    CHECK(good == told.errors.empty());
    return good;
  }

  int verify(const Leaf& what) const {
    std::unique_ptr<X509_STORE_CTX, Free<X509_STORE_CTX_free>> context(X509_STORE_CTX_new());
    REQUIRE(X509_STORE_CTX_init(context.get(), trust.store.get(), what.certificate.get(),
                                nullptr) == 1);
    X509_verify_cert(context.get());
    return X509_STORE_CTX_get_error(context.get());
  }
};

}  // namespace

TEST_CASE_FIXTURE(TrustFixture, "what an authority has issued verifies") {
  TestCa other("Other CA");
  REQUIRE(read(ca.file()));
  CHECK(told.nothing());
  REQUIRE(trust.authorities.size() == 1);
  CHECK(X509_cmp(trust.authorities[0].get(), &ca.certificate()) == 0);
  CHECK(verify(leaf) == X509_V_OK);
  CHECK(verify(other.issue({})) == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
}

TEST_CASE_FIXTURE(TrustFixture, "a file may have several authorities") {
  TestCa other("Other CA");
  const std::string both =
      test::certificatePem(ca.certificate()) + test::certificatePem(other.certificate());
  REQUIRE(read(ca.write("both.pem", both)));
  CHECK(trust.authorities.size() == 2);
  CHECK(verify(leaf) == X509_V_OK);
  CHECK(verify(other.issue({})) == X509_V_OK);
}

TEST_CASE_FIXTURE(TrustFixture, "the system's authorities are none of the file's") {
  REQUIRE(read("system"));
  CHECK(trust.authorities.empty());
  CHECK(verify(leaf) == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
}

TEST_CASE_FIXTURE(TrustFixture, "what the list has revoked does not verify") {
  const Leaf revoked = ca.issue({});
  ca.revoke(revoked);
  REQUIRE(read(ca.file(), ca.writeCrl()));
  CHECK(told.nothing());
  CHECK(verify(leaf) == X509_V_OK);
  CHECK(verify(revoked) == X509_V_ERR_CERT_REVOKED);
}

TEST_CASE_FIXTURE(TrustFixture, "an expired list is warned of") {
  REQUIRE(read(ca.file(), ca.writeCrl(test::kExpired)));
  checkOne(told.warnings, "crl", "has expired");
  CHECK(verify(leaf) == X509_V_ERR_CRL_HAS_EXPIRED);
}

TEST_CASE_FIXTURE(TrustFixture, "lists are asked of every authority in the chain") {
  TestCa middle = ca.intermediate();
  const std::string chain =
      test::certificatePem(ca.certificate()) + test::certificatePem(middle.certificate());
  const Leaf below = middle.issue({});
  const std::string file = ca.write("chain.pem", chain);
  REQUIRE(read(file, ca.writeCrl()));
  CHECK(verify(below) == X509_V_ERR_UNABLE_TO_GET_CRL);
  REQUIRE(read(file, middle.writeCrl()));
  CHECK(verify(below) == X509_V_ERR_UNABLE_TO_GET_CRL);
  REQUIRE(read(file, ca.write("both.crl", ca.crlPem() + middle.crlPem())));
  CHECK(verify(below) == X509_V_OK);
}

TEST_CASE_FIXTURE(TrustFixture, "files that are wrong are told") {
  SUBCASE("no such file") {
    CHECK_FALSE(read(ca.path("none.pem")));
    checkOne(told.errors, "ca", "no such file");
    CHECK(told.errors[0].place == Place{5, 3});
  }
  SUBCASE("nothing in it") {
    CHECK_FALSE(read(ca.write("empty", "")));
    checkOne(told.errors, "ca", "no certificate in it");
  }
  SUBCASE("no such list") {
    CHECK_FALSE(read(ca.file(), ca.path("none.crl")));
    checkOne(told.errors, "crl", "no such file");
    CHECK(told.errors[0].place == Place{6, 3});
  }
  SUBCASE("no list in it") {
    CHECK_FALSE(read(ca.file(), ca.file()));
    checkOne(told.errors, "crl", "no revocation list in it");
  }
  SUBCASE("both") {
    CHECK_FALSE(read(ca.path("none.pem"), ca.path("none.crl")));
    CHECK(told.errors.size() == 2);
  }
}

TEST_CASE_FIXTURE(TrustFixture, "the digest is that of both files") {
  REQUIRE(read(ca.file()));
  const Digest alone = trust.digest;
  REQUIRE(read(ca.write("copy.pem", test::certificatePem(ca.certificate()))));
  CHECK(trust.digest == alone);
  REQUIRE(read(ca.file(), ca.writeCrl()));
  const Digest withList = trust.digest;
  CHECK(withList != alone);
  ca.revoke(leaf);
  REQUIRE(read(ca.file(), ca.writeCrl()));
  CHECK(trust.digest != withList);
  REQUIRE(read("system"));
  CHECK(trust.digest != alone);
}
