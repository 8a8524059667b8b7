#include "proxy/config/tls_rules.h"

#include <doctest/doctest.h>

namespace oxbow::config {

namespace {

std::string text(const std::optional<Fault>& fault) {
  if (!fault) return "";
  return fault->suggestion.empty() ? fault->message : fault->message + " -> " + fault->suggestion;
}

}  // namespace

TEST_CASE("only hosts are asked for by name") {
  for (const char* name : {"example.com", "localhost", "a_b.example", "xn--bcher-kva.example"})
    CHECK(text(checkSni(name)).empty());
  for (const std::string address : {"10.0.0.1", "::1", "[::1]"})
    CHECK(text(checkSni(address)) ==
          "\"" + address +
              "\" is an IP address, which no handshake can ask for; write a host, or off");
  CHECK(text(checkSni("a.example:443")) ==
        "\"a.example:443\" has a port; write the host alone -> a.example");
  CHECK(text(checkSni("https://a.example")) ==
        "\"https://a.example\" is a URL; write the host alone");
  CHECK(text(checkSni("a.example.")) == "\"a.example.\" ends with a dot -> a.example");
  for (const std::string name : {"", "a b", ".a", "a..b", "*.a"})
    CHECK(text(checkSni(name)) == "\"" + name + "\" is no host");
  CHECK(text(checkSni(std::string(253, 'a'))).empty());
  CHECK_FALSE(text(checkSni(std::string(254, 'a'))).empty());
}

TEST_CASE("certificates are verified for a host or an IP address") {
  for (const char* name : {"example.com", "10.0.0.1", "::1"})
    CHECK(text(checkVerifyName(name)).empty());
  CHECK(text(checkVerifyName("[::1]")) == "\"[::1]\" has brackets; write the address alone -> ::1");
  CHECK(text(checkVerifyName("a:1")) == "\"a:1\" has a port; write the host alone -> a");
  CHECK(text(checkVerifyName("*.a.example")) == "\"*.a.example\" is no host");
}

TEST_CASE("a certificate is for hosts, or for all below one") {
  for (const char* name : {"example.com", "*.example.com"})
    CHECK(text(checkCertificateName(name)).empty());
  for (const std::string any : {"*", "_"})
    CHECK(text(checkCertificateName(any)) ==
          "\"" + any + "\" is no host; the first certificate is the one for any");
  CHECK(text(checkCertificateName("10.0.0.1")) ==
        "\"10.0.0.1\" is an IP address, which no handshake can ask for");
  CHECK(text(checkCertificateName("*.a.example:443")) ==
        "\"*.a.example:443\" has a port; write the host alone -> *.a.example");
  CHECK(text(checkCertificateName("*.a.example.")) ==
        "\"*.a.example.\" ends with a dot -> *.a.example");
  for (const std::string name : {"", "*.", "www.*.com", "*a", "https://a", "*.*.a"})
    CHECK(text(checkCertificateName(name)) ==
          "\"" + name + "\" is neither a host nor of the form *.example.com");
}

TEST_CASE("a file is named, never pasted, and what was pasted is not shown") {
  for (const char* path : {"a.pem", "/etc/oxbow/a b.pem", "../a.pem", "gr\xc3\xbc\xc3\x9f.pem"})
    CHECK(text(checkFileName(path)).empty());
  CHECK(text(checkFileName("")) == "is empty");
  CHECK(text(checkFileName("a\nb")) == "control characters are not allowed in a path");
  CHECK(text(checkFileName("-----BEGIN PRIVATE KEY-----\nsecret\n")) ==
        "is the text of a file; write its path");
}

TEST_CASE("cipher suites stand where their version is") {
  for (const char* list : {"ECDHE+AESGCM:ECDHE+CHACHA20", "HIGH:!aNULL", "@SECLEVEL=2:DEFAULT"})
    CHECK(text(checkCiphers(list)).empty());
  for (const char* list : {"ECDHE+AESGCM:TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"})
    CHECK(text(checkCiphers(list)) ==
          "\"TLS_AES_128_GCM_SHA256\" is of TLS 1.3; write it in ciphersuites");
  CHECK(text(checkCiphersuites("TLS_AES_128_GCM_SHA256:TLS_AES_128_CCM_8_SHA256")).empty());
  CHECK(text(checkCiphersuites("TLS_AES_128_GCM_SHA256:ECDHE-RSA-AES128-GCM-SHA256")) ==
        "\"ECDHE-RSA-AES128-GCM-SHA256\" is no cipher suite of TLS 1.3; those of TLS 1.2 stand in "
        "ciphers");
  CHECK(text(checkGroups("X25519:P-256")).empty());
  for (const auto check : {checkCiphers, checkCiphersuites, checkGroups}) {
    CHECK(text(check("")) == "is empty; leave it out for oxbow's own");
    CHECK(text(check("a\nb")) == "control characters are not allowed");
  }
}

}  // namespace oxbow::config
