#include <doctest/doctest.h>
#include <openssl/err.h>

#include <algorithm>
#include <string>

#include "proxy/tls/material.h"
#include "tests/support/test_ca.h"
#include "tests/unit/tls/block.h"

using namespace oxbow;
using namespace oxbow::tls;
using oxbow::test::KeyFormat;
using oxbow::test::KeyType;
using oxbow::test::Leaf;
using oxbow::test::TestCa;

namespace {

struct IdentityFixture {
  TestCa ca;
  Leaf leaf = ca.issue({.dns = {"a.example"}});
  Told told;
  Identity identity;

  bool read(const std::string& cert, const std::string& key, const std::string& password = {}) {
    const auto certFile = at(cert, 5);
    const auto keyFile = at(key, 6);
    const auto passwordFile = at(password, 7);
    identity = {};
    const bool good = readIdentity({certFile, keyFile, passwordFile}, told.complaints, identity);
    CHECK(ERR_peek_error() == 0);
    CHECK(good == told.errors.empty());
    return good;
  }
  bool readKey(const std::string& pem, const std::string& password = {}) {
    return read(leaf.certFile, ca.write("some.key", pem),
                password.empty() ? "" : ca.write("password", password));
  }
  // No text has a line of the key.
  void checkNoneTells(const std::string& secret) const {
    for (const auto* list : {&told.errors, &told.warnings})
      for (const auto& problem : *list)
        CHECK(problem.message.find(secret.substr(30, 20)) == std::string::npos);
  }
};

}  // namespace

TEST_CASE_FIXTURE(IdentityFixture, "a certificate and its key are read") {
  REQUIRE(read(leaf.certFile, leaf.keyFile));
  CHECK(told.nothing());
  REQUIRE(identity.chain.size() == 1);
  CHECK(X509_cmp(identity.chain[0].get(), leaf.certificate.get()) == 0);
  CHECK(EVP_PKEY_eq(identity.key.get(), leaf.key.get()) == 1);
  CHECK(identity.digest.size() == 32);
}

TEST_CASE_FIXTURE(IdentityFixture, "relative files count from the folder") {
  const Complaints inFolder{kBlock, ca.path(""), told.errors, told.warnings};
  const auto cert = at("leaf1.pem");
  const auto key = at("leaf1.key");
  const auto none = at("");
  CHECK(readIdentity({cert, key, none}, inFolder, identity));
}

TEST_CASE_FIXTURE(IdentityFixture, "the chain comes in the order of the file") {
  TestCa middle = ca.intermediate();
  const Leaf below = middle.issue({.dns = {"b.example"}});
  REQUIRE(read(below.certFile, below.keyFile));
  REQUIRE(identity.chain.size() == 2);
  CHECK(X509_cmp(identity.chain[1].get(), &middle.certificate()) == 0);
}

TEST_CASE_FIXTURE(IdentityFixture, "certificate and key may stand in one file") {
  const std::string both =
      "a note\n" + keyPem(*leaf.key, KeyFormat::Pkcs8) + test::certificatePem(*leaf.certificate);
  const std::string file = ca.write("both.pem", both);
  CHECK(read(file, file));
}

TEST_CASE_FIXTURE(IdentityFixture, "keys in the older formats are read") {
  CHECK(readKey(keyPem(*leaf.key, KeyFormat::Traditional)));
  // As `openssl ecparam -genkey` writes it: prime256v1 as a block of its own.
  CHECK(readKey("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" +
                keyPem(*leaf.key, KeyFormat::Traditional)));
  const Leaf rsa = ca.issue({.dns = {"a.example"}, .key = KeyType::Rsa2048});
  CHECK(read(rsa.certFile, ca.write("rsa.key", keyPem(*rsa.key, KeyFormat::Traditional))));
  CHECK(read(rsa.certFile, rsa.keyFile));
}

TEST_CASE_FIXTURE(IdentityFixture, "an encrypted key opens with the first line of its file") {
  for (const KeyFormat format : {KeyFormat::Pkcs8, KeyFormat::Traditional}) {
    const std::string pem = keyPem(*leaf.key, format, "open sesame");
    CHECK(readKey(pem, "open sesame"));
    CHECK(readKey(pem, "open sesame\nanother\n"));
    CHECK(readKey(pem, "open sesame\r\n"));
  }
  CHECK(told.nothing());
}

TEST_CASE_FIXTURE(IdentityFixture, "an encrypted key needs a passphrase, and asks nobody for it") {
  for (const KeyFormat format : {KeyFormat::Pkcs8, KeyFormat::Traditional}) {
    told.errors.clear();
    const std::string pem = keyPem(*leaf.key, format, "open sesame");
    CHECK_FALSE(readKey(pem));
    checkOne(told.errors, "key", "the key is encrypted; name a password_file");
    CHECK(told.errors[0].place == Place{6, 3});
    checkNoneTells(pem);
  }
}

TEST_CASE_FIXTURE(IdentityFixture, "a wrong passphrase is told") {
  for (const KeyFormat format : {KeyFormat::Pkcs8, KeyFormat::Traditional}) {
    told.errors.clear();
    CHECK_FALSE(readKey(keyPem(*leaf.key, format, "open sesame"), "open barley\nopen sesame"));
    checkOne(told.errors, "key", "the passphrase is wrong");
    CHECK(told.errors[0].message.find("barley") == std::string::npos);
  }
}

TEST_CASE_FIXTURE(IdentityFixture, "a passphrase longer than any that OpenSSL takes is wrong") {
  CHECK_FALSE(readKey(keyPem(*leaf.key, KeyFormat::Pkcs8, "open sesame"), std::string(5000, 'a')));
  checkOne(told.errors, "key", "the passphrase is wrong");
}

TEST_CASE_FIXTURE(IdentityFixture, "a password file needs a first line") {
  CHECK_FALSE(readKey(keyPem(*leaf.key, KeyFormat::Pkcs8, "open sesame"), "\nopen sesame"));
  checkOne(told.errors, "password_file", "its first line is empty");
}

TEST_CASE_FIXTURE(IdentityFixture, "a password file that is not there is told") {
  CHECK_FALSE(read(leaf.certFile, leaf.keyFile, ca.path("none")));
  checkOne(told.errors, "password_file", "no such file");
}

TEST_CASE_FIXTURE(IdentityFixture, "files that are not there are told, both of them") {
  CHECK_FALSE(read(ca.path("none.pem"), ca.path("none.key")));
  REQUIRE(told.errors.size() == 2);
  CHECK(told.errors[0].path == std::string(kBlock) + ".cert");
  CHECK(told.errors[0].place == Place{5, 3});
  CHECK(told.errors[0].message == '"' + ca.path("none.pem") + "\": no such file");
  CHECK(told.errors[1].path == std::string(kBlock) + ".key");
  CHECK(told.errors[1].message == '"' + ca.path("none.key") + "\": no such file");
}

TEST_CASE_FIXTURE(IdentityFixture, "files that may be elsewhere are warned of, others are not") {
  told.complaints.isElsewhere = true;
  const Located<std::string> nowhere = at(ca.path("none.pem"));
  const Located<std::string> key = at(leaf.keyFile), none = at("");
  CHECK_FALSE(readIdentity({nowhere, key, none}, told.complaints, identity));
  CHECK(told.errors.empty());
  checkOne(told.warnings, "cert", "no such file");
  CHECK_FALSE(readIdentity({key, key, none}, told.complaints, identity));
  checkOne(told.errors, "cert", "no certificate in it");
}

TEST_CASE_FIXTURE(IdentityFixture,
                  "the keys of the configuration go by the names they have there") {
  const auto none = at(ca.path("none"));
  const auto empty = at("");
  CHECK_FALSE(readIdentity({none, none, empty, "certificate", "certificate_key"}, told.complaints,
                           identity));
  REQUIRE(told.errors.size() == 2);
  CHECK(told.errors[0].path == std::string(kBlock) + ".certificate");
  CHECK(told.errors[1].path == std::string(kBlock) + ".certificate_key");
}

TEST_CASE_FIXTURE(IdentityFixture, "a key of another certificate is told") {
  const Leaf other = ca.issue({.dns = {"a.example"}});
  CHECK_FALSE(read(leaf.certFile, other.keyFile));
  checkOne(told.errors, "key", "the key does not belong to the certificate");
  CHECK(told.errors[0].message.find("number") == std::string::npos);
}

TEST_CASE_FIXTURE(IdentityFixture, "a key of another type than the certificate's is told") {
  const Leaf rsa = ca.issue({.dns = {"a.example"}, .key = KeyType::Rsa2048});
  CHECK_FALSE(read(leaf.certFile, rsa.keyFile));
  checkOne(told.errors, "key", "the key does not belong to the certificate");
}

TEST_CASE_FIXTURE(IdentityFixture, "a chain in the wrong order is told") {
  const std::string chain =
      test::certificatePem(ca.certificate()) + test::certificatePem(*leaf.certificate);
  CHECK_FALSE(read(ca.write("chain.pem", chain), leaf.keyFile));
  checkOne(told.errors, "key", "but to number 2 in its file");
}

TEST_CASE_FIXTURE(IdentityFixture, "files without what is sought are told") {
  SUBCASE("nothing") {
    CHECK_FALSE(read(ca.write("cert", ""), leaf.keyFile));
    checkOne(told.errors, "cert", "no certificate in it");
  }
  SUBCASE("garbage") {
    CHECK_FALSE(read(ca.write("cert", std::string("\x30\x82\0\xff garbage", 12)), leaf.keyFile));
    checkOne(told.errors, "cert", "no certificate in it");
  }
  SUBCASE("a key instead") {
    CHECK_FALSE(read(leaf.keyFile, leaf.keyFile));
    checkOne(told.errors, "cert", "no certificate in it");
  }
  SUBCASE("no key") {
    CHECK_FALSE(read(leaf.certFile, ca.write("key", "")));
    checkOne(told.errors, "key", "no private key in it");
  }
  SUBCASE("garbage for a key") {
    CHECK_FALSE(readKey("not a key\n"));
    checkOne(told.errors, "key", "no private key in it");
  }
  SUBCASE("a certificate for a key") {
    CHECK_FALSE(read(leaf.certFile, leaf.certFile));
    checkOne(told.errors, "key", "no private key in it");
  }
}

TEST_CASE_FIXTURE(IdentityFixture, "a certificate that was cut is told with its number") {
  const std::string good = test::certificatePem(*leaf.certificate);
  std::string broken = good;
  broken.erase(broken.size() / 2, 64);
  CHECK_FALSE(read(ca.write("cert", good + broken), leaf.keyFile));
  checkOne(told.errors, "cert", "certificate 2 in it is broken: ");
}

TEST_CASE_FIXTURE(IdentityFixture, "a key that was cut is told, without its bytes") {
  std::string broken = keyPem(*leaf.key, KeyFormat::Pkcs8);
  const std::string whole = broken;
  broken.erase(broken.size() / 2, 16);
  CHECK_FALSE(readKey(broken));
  checkOne(told.errors, "key", "the private key in it is broken");
  checkNoneTells(whole);
}

TEST_CASE_FIXTURE(IdentityFixture, "a key that everybody may write is refused") {
  const std::string pem = keyPem(*leaf.key, KeyFormat::Pkcs8);
  CHECK_FALSE(read(leaf.certFile, ca.write("open.key", pem, 0602)));
  checkOne(told.errors, "key", "everybody may write it");
}

TEST_CASE_FIXTURE(IdentityFixture, "a key that everybody may read is warned of") {
  const std::string pem = keyPem(*leaf.key, KeyFormat::Pkcs8);
  CHECK(read(leaf.certFile, ca.write("open.key", pem, 0644)));
  checkOne(told.warnings, "key", "everybody may read it");
}

TEST_CASE_FIXTURE(IdentityFixture, "a password that everybody may read is warned of") {
  const std::string pem = keyPem(*leaf.key, KeyFormat::Pkcs8, "open sesame");
  const std::string password = ca.write("password", "open sesame", 0644);
  CHECK(read(leaf.certFile, ca.write("some.key", pem), password));
  checkOne(told.warnings, "password_file", "everybody may read it");
}

TEST_CASE_FIXTURE(IdentityFixture, "a file that is too large is not read") {
  CHECK_FALSE(read(ca.write("cert", std::string(kMaxFile + 1, '\n')), leaf.keyFile));
  checkOne(told.errors, "cert", "is larger than 1048576 bytes");
}

TEST_CASE_FIXTURE(IdentityFixture, "certificates out of their time are warned of") {
  SUBCASE("expired") {
    const Leaf old = ca.issue({.dns = {"a.example"}, .valid = test::kExpired});
    CHECK(read(old.certFile, old.keyFile));
    checkOne(told.warnings, "cert", ": the certificate expired on ");
  }
  SUBCASE("not yet valid") {
    const Leaf early = ca.issue({.dns = {"a.example"}, .valid = test::kNotYet});
    CHECK(read(early.certFile, early.keyFile));
    checkOne(told.warnings, "cert", ": the certificate is not valid before ");
  }
  SUBCASE("an intermediate one") {
    TestCa middle = ca.intermediate("Old", test::kExpired);
    const Leaf below = middle.issue({.dns = {"a.example"}});
    CHECK(read(below.certFile, below.keyFile));
    checkOne(told.warnings, "cert", ": certificate 2 in it expired on ");
  }
}

TEST_CASE_FIXTURE(IdentityFixture, "the digest is that of the certificates") {
  REQUIRE(read(leaf.certFile, leaf.keyFile));
  const Digest first = identity.digest;
  REQUIRE(readKey(keyPem(*leaf.key, KeyFormat::Traditional)));
  CHECK(identity.digest == first);
  const std::string longer = ca.write("longer.pem", test::certificatePem(*leaf.certificate) +
                                                        test::certificatePem(ca.certificate()));
  REQUIRE(read(longer, leaf.keyFile));
  CHECK(identity.digest != first);
}
