#include "proxy/tls/client_context.h"

#include <doctest/doctest.h>
#include <openssl/x509v3.h>

#include <vector>

#include "proxy/tls/tls_transport.h"
#include "tests/unit/tls/raw_peer.h"

using namespace oxbow;
using namespace oxbow::test;
using tls::ClientContext;
using tls::ClientIdentity;

namespace {

struct ClientFixture {
  TestCa ca;
  config::UpstreamTls config;
  std::vector<config::Problem> errors, warnings;

  ClientFixture() {
    config.enabled = {true, {1, 1}};
    config.ca = {ca.file(), {1, 1}};
  }
  std::shared_ptr<const ClientContext> make() {
    return ClientContext::make(config, {"upstreams.a.tls", "", errors, warnings});
  }
  ClientIdentity identity(const char* server) { return make()->identityFor(server); }

  // What a handshake with a server of that certificate comes to.
  net::Opening shake(const Leaf& leaf, const std::string& server, net::OpenFailure& failure) {
    SocketPair pair;
    RawServer raw(leaf);
    RawConn peer(raw, pair.theirs());
    const auto context = make();
    REQUIRE(context != nullptr);
    tls::TlsTransport ours(pair.ours(), context->connect(context->identityFor(server), nullptr),
                           std::shared_ptr<tls::SessionCache>());
    net::Opening opening = net::Opening::Pending;
    for (int i = 0; i < 10 && opening == net::Opening::Pending; ++i) {
      opening = ours.open();
      peer.handshake();
    }
    failure = ours.openFailure();
    return opening;
  }
  net::CertificateFault faultOf(const Leaf& leaf, const std::string& server = "api.test:1") {
    net::OpenFailure failure;
    CHECK(shake(leaf, server, failure) == net::Opening::Failed);
    CHECK(failure.kind == net::OpenFailure::Kind::Certificate);
    CHECK(*failure.detail != '\0');
    return failure.fault;
  }
  bool accepts(const Leaf& leaf, const std::string& server = "api.test:1") {
    net::OpenFailure failure;
    return shake(leaf, server, failure) == net::Opening::Done;
  }
};

// The same with that DNS name, whatever is in it.
Leaf renamed(const Leaf& leaf, const TestCa& ca, std::string_view name) {
  Leaf other;
  other.certificate.reset(X509_dup(leaf.certificate.get()));
  X509* const certificate = other.certificate.get();
  X509_EXTENSION_free(
      X509_delete_ext(certificate, X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1)));
  GENERAL_NAMES* names = sk_GENERAL_NAME_new_null();
  GENERAL_NAME* dns = GENERAL_NAME_new();
  ASN1_IA5STRING* text = ASN1_IA5STRING_new();
  ASN1_STRING_set(text, name.data(), static_cast<int>(name.size()));
  GENERAL_NAME_set0_value(dns, GEN_DNS, text);
  sk_GENERAL_NAME_push(names, dns);
  X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, 0);
  GENERAL_NAMES_free(names);
  X509_sign(certificate, &ca.key(), EVP_sha256());
  other.certFile = ca.write("renamed.pem", certificatePem(*certificate));
  EVP_PKEY_up_ref(leaf.key.get());
  other.key.reset(leaf.key.get());
  return other;
}

config::Located<std::string> text(const char* value) { return {std::string(value), {1, 1}}; }

}  // namespace

TEST_CASE_FIXTURE(ClientFixture, "the name to ask for and to verify is the server's") {
  CHECK(identity("api.test:8443").sni == "api.test");
  CHECK(identity("api.test:8443").verifyName == "api.test");
}

TEST_CASE_FIXTURE(ClientFixture, "an address is verified and not asked for") {
  CHECK(identity("127.0.0.1:8443").sni.empty());
  CHECK(identity("127.0.0.1:8443").verifyName == "127.0.0.1");
  CHECK(identity("[::1]:8443").sni.empty());
  CHECK(identity("[::1]:8443").verifyName == "::1");
}

TEST_CASE_FIXTURE(ClientFixture, "names of the configuration come first") {
  config.sni = text("front.test");
  CHECK(identity("10.0.0.1:1").sni == "front.test");
  CHECK(identity("10.0.0.1:1").verifyName == "front.test");
  config.verifyName = text("back.test");
  CHECK(identity("10.0.0.1:1").sni == "front.test");
  CHECK(identity("10.0.0.1:1").verifyName == "back.test");
  config.sni = text("off");
  CHECK(identity("a.test:1").sni.empty());
  CHECK(identity("unix:/run/a.sock").verifyName == "back.test");
}

TEST_CASE_FIXTURE(ClientFixture, "without a name to verify there is no connection") {
  const auto context = make();
  ClientIdentity nameless = context->identityFor("unix:/run/a.sock");
  CHECK(nameless.verifyName.empty());
  CHECK(context->connect(nameless, nullptr) == nullptr);
}

TEST_CASE_FIXTURE(ClientFixture, "files count by what is in them") {
  const ClientIdentity before = identity("a.test:1");
  TestCa other;
  const std::string copy = ca.write("copy.pem", certificatePem(ca.certificate()));
  config.ca = text(copy.c_str());
  CHECK(identity("a.test:1") == before);
  config.ca = text(other.file().c_str());
  CHECK_FALSE(identity("a.test:1") == before);
}

TEST_CASE_FIXTURE(ClientFixture, "a certificate of ours is part of the identity") {
  const ClientIdentity before = identity("a.test:1");
  const Leaf one = ca.issue({{"client.test"}});
  const Leaf two = ca.issue({{"client.test"}});
  config.certificate = text(one.certFile.c_str());
  config.certificateKey = text(one.keyFile.c_str());
  const ClientIdentity first = identity("a.test:1");
  CHECK_FALSE(first == before);
  config.certificate = text(two.certFile.c_str());
  config.certificateKey = text(two.keyFile.c_str());
  CHECK_FALSE(identity("a.test:1") == first);
  config.certificateKey = text(one.keyFile.c_str());
  CHECK(make() == nullptr);
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].path == "upstreams.a.tls.certificate_key");
}

TEST_CASE_FIXTURE(ClientFixture, "a server with a good certificate is accepted") {
  CHECK(accepts(ca.issue({{"api.test"}})));
  CHECK(accepts(ca.issue({{"*.api.test"}}), "a.api.test:1"));
  CHECK(accepts(ca.issue({{}, {"127.0.0.1"}}), "127.0.0.1:1"));
  CHECK(accepts(ca.intermediate().issue({{"api.test"}})));
}

TEST_CASE_FIXTURE(ClientFixture, "what is wrong with a certificate is told") {
  using net::CertificateFault;
  CHECK(faultOf(ca.issue({{"other.test"}})) == CertificateFault::WrongName);
  CHECK(faultOf(ca.issue({{"a.*.test"}}), "a.b.test:1") == CertificateFault::WrongName);
  CHECK(faultOf(ca.issue({{"127.0.0.1"}}), "127.0.0.1:1") == CertificateFault::WrongName);
  CHECK(faultOf(ca.issue({{"api.test"}, {}, {}, KeyType::P256, kExpired})) ==
        CertificateFault::Expired);
  CHECK(faultOf(ca.issue({{"api.test"}, {}, {}, KeyType::P256, kNotYet})) ==
        CertificateFault::NotYetValid);
  TestCa other("Another CA");
  CHECK(faultOf(other.issue({{"api.test"}})) == CertificateFault::UnknownCa);
}

TEST_CASE_FIXTURE(ClientFixture, "a name with NUL in it is no name of the server") {
  using std::string_view_literals::operator""sv;
  const Leaf honest = ca.issue({{"api.test"}});
  CHECK(accepts(honest));
  CHECK(faultOf(renamed(honest, ca, "api.test\0.evil.test"sv)) == net::CertificateFault::WrongName);
}

TEST_CASE_FIXTURE(ClientFixture, "a revoked certificate is refused") {
  const Leaf good = ca.issue({{"api.test"}});
  const Leaf bad = ca.issue({{"api.test"}});
  ca.revoke(bad);
  config.crl = text(ca.writeCrl().c_str());
  CHECK(accepts(good));
  CHECK(faultOf(bad) == net::CertificateFault::Revoked);
}

TEST_CASE_FIXTURE(ClientFixture, "without verification any certificate will do") {
  config.verify = {false, {1, 1}};
  TestCa other("Another CA");
  CHECK(accepts(other.issue({{"other.test"}, {}, {}, KeyType::P256, kExpired})));
}

TEST_CASE_FIXTURE(ClientFixture, "a chain longer than verify_depth is refused") {
  config.verifyDepth = {0, {1, 1}};
  CHECK(accepts(ca.issue({{"api.test"}})));
  CHECK(faultOf(ca.intermediate().issue({{"api.test"}})) == net::CertificateFault::Other);
}
