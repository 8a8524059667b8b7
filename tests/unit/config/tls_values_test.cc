#include "tests/unit/config/support.h"

// What `tls:` becomes, of what conf/examples/all-keys.yaml says and of what is left out.

namespace oxbow::config {

using namespace std::chrono_literals;

namespace {

Config allKeys() {
  LoadResult result = loadFile(OXBOW_SOURCE_ROOT "/conf/examples/all-keys.yaml");
  REQUIRE(result.config.has_value());
  return *result.config;
}

UpstreamTls upstreamTls(const std::string& value) {
  return loaded(withUpstream("    tls: " + value)).upstreams[0].tls;
}

ListenerTls listenerTls(const std::string& more) {
  return loaded(withListener("    tls: { certificates: [ { cert: a, key: b } ]" + more + " }"))
      .listeners[0]
      .tls;
}

}  // namespace

TEST_CASE("the tls of an upstream is read") {
  const UpstreamTls tls = allKeys().upstreams[0].tls;
  CHECK(*tls.enabled);
  CHECK(*tls.sni == "api.internal");
  CHECK(*tls.verify);
  CHECK_FALSE(tls.verify.isDefault());
  CHECK(*tls.verifyName == "api.example.com");
  CHECK(*tls.verifyDepth == 2);
  CHECK(*tls.ca == "/etc/oxbow/ca.pem");
  CHECK(*tls.crl == "/etc/oxbow/crl.pem");
  CHECK(*tls.certificate == "/etc/oxbow/client.pem");
  CHECK(*tls.certificateKey == "/etc/oxbow/client.key");
  CHECK(*tls.passwordFile == "/etc/oxbow/client.pass");
  CHECK_FALSE(*tls.sessionReuse);
  CHECK(*tls.parameters.ciphers == "ECDHE+AESGCM:ECDHE+CHACHA20");
  CHECK(*tls.parameters.ciphersuites == "TLS_AES_128_GCM_SHA256");
  CHECK(*tls.parameters.groups == "X25519:P-256");
  REQUIRE(tls.parameters.alpn.size() == 1);
  CHECK(*tls.parameters.alpn[0] == "http/1.1");
  CHECK_FALSE(tls.parameters.alpn[0].isDefault());
}

TEST_CASE("tls of an upstream is off, on, or a mapping") {
  CHECK_FALSE(*loaded(withUpstream("")).upstreams[0].tls.enabled);
  CHECK_FALSE(*upstreamTls("off").enabled);
  CHECK(*upstreamTls("on").enabled);
  CHECK(*upstreamTls("{}").enabled);
  CHECK(upstreamTls("on") == upstreamTls("{}"));
  CHECK(*upstreamTls("on").verify);
  CHECK(*upstreamTls("on").ca == "system");
}

TEST_CASE("names have no case, and a name that is off is a word") {
  CHECK(*upstreamTls("{ sni: API.Internal }").sni == "api.internal");
  CHECK(*upstreamTls("{ sni: off }").sni == "off");
  CHECK(*upstreamTls("{ sni: no }").sni == "off");
  CHECK(*upstreamTls("{ verify_name: API.Internal }").verifyName == "api.internal");
  CHECK(*upstreamTls("{ verify_name: \"::1\" }").verifyName == "::1");
  CHECK(*listenerTls(", unknown_sni: default").certificates[0].cert == "a");
}

TEST_CASE("versions of TLS") {
  const TlsParameters now = upstreamTls("on").parameters;
  CHECK(*now.minVersion == TlsVersion::Tls12);
  CHECK(*now.maxVersion == TlsVersion::Tls13);
  CHECK(*upstreamTls("{ min_version: TLSv1.3 }").parameters.minVersion == TlsVersion::Tls13);
  CHECK(*upstreamTls("{ max_version: TLSv1.2 }").parameters.maxVersion == TlsVersion::Tls12);
}

TEST_CASE("the tls of a listener is read") {
  const ListenerTls tls = allKeys().listeners[0].tls;
  CHECK(tls.enabled());
  CHECK(*tls.unknownSni == UnknownSni::Reject);
  CHECK(*tls.clients.verify == ClientVerify::Optional);
  CHECK(*tls.clients.ca == "/etc/oxbow/clients-ca.pem");
  CHECK(*tls.clients.verifyDepth == 4);
  CHECK(*tls.handshakeTimeout == 5s);
  CHECK(*tls.parameters.ciphers == "ECDHE+AESGCM");
  CHECK(*tls.sessionTickets);
  REQUIRE(tls.sessionTicketKeys.size() == 2);
  CHECK(*tls.sessionTicketKeys[0] == "/etc/oxbow/tickets-new.key");
  CHECK(*tls.sessionTimeout == 1h);
  CHECK(*tls.hstsMaxAge == 730 * 24h);
  CHECK(*tls.hstsSubdomains);
  CHECK(*tls.hstsPreload);
  CHECK(*allKeys().listeners[1].tls.sessionTicketRotation == 24h);
}

TEST_CASE("the certificates of a listener are read") {
  const auto certificates = allKeys().listeners[0].tls.certificates;
  REQUIRE(certificates.size() == 2);
  CHECK(*certificates[0].cert == "/etc/oxbow/site.pem");
  CHECK(*certificates[0].key == "/etc/oxbow/site.key");
  CHECK(*certificates[0].passwordFile == "/etc/oxbow/site.pass");
  CHECK(*certificates[0].ocsp == "/etc/oxbow/site.ocsp");
  CHECK(certificates[0].names.empty());
  CHECK_FALSE(certificates[0].clients.has_value());
  REQUIRE(certificates[1].names.size() == 2);
  CHECK(*certificates[1].names[1] == "*.partners.example.com");
  REQUIRE(certificates[1].clients.has_value());
  CHECK(*certificates[1].clients->verify == ClientVerify::Require);
  CHECK(*certificates[1].clients->ca == "/etc/oxbow/partners-ca.pem");
  CHECK(*certificates[1].clients->crl == "/etc/oxbow/partners.crl");
  CHECK(*certificates[1].clients->verifyDepth == 2);
}

TEST_CASE("what a listener's tls leaves out has a careful default") {
  const ListenerTls tls = listenerTls("");
  CHECK(*tls.unknownSni == UnknownSni::Default);
  CHECK(*tls.clients.verify == ClientVerify::Off);
  CHECK(*tls.handshakeTimeout == 10s);
  CHECK(*tls.sessionTickets);
  CHECK(*tls.hstsMaxAge == 0s);
  CHECK_FALSE(loaded(withListener("    tls: off")).listeners[0].tls.enabled());
}

TEST_CASE("clients of one certificate may be told apart from those of the others") {
  const std::string all = ", client_certificates: { verify: require, ca: c }";
  const ListenerTls tls =
      loaded(withListener("    tls: { certificates: [ { cert: a, key: b }, { cert: c, key: d, "
                          "client_certificates: off } ]" +
                          all + " }"))
          .listeners[0]
          .tls;
  CHECK(*tls.clients.verify == ClientVerify::Require);
  CHECK_FALSE(tls.certificates[0].clients.has_value());
  REQUIRE(tls.certificates[1].clients.has_value());
  CHECK(*tls.certificates[1].clients->verify == ClientVerify::Off);
}

TEST_CASE("a redirect to https has a port, and needs no routes") {
  const auto port = [](const std::string& value) {
    return *loaded("listeners: [ { listen: 127.0.0.1:0, https_redirect: " + value + " } ]\n")
                .listeners[0]
                .httpsRedirect;
  };
  CHECK(port("on") == 443);
  CHECK(port("yes") == 443);
  CHECK(port("8443") == 8443);
  CHECK(port("65535") == 65535);
  CHECK(*loaded(withListener("    https_redirect: off")).listeners[0].httpsRedirect == 0);
  CHECK(*allKeys().listeners[2].httpsRedirect == 8443);
  CHECK(allKeys().listeners[2].routes.empty());
}

}  // namespace oxbow::config
