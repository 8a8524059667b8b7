#include "proxy/route/value_template.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/unit/route/tls_facts.h"

namespace oxbow::route {
namespace {

std::string written(const char* text, const net::TlsFacts* tls = nullptr) {
  const Variables variables{"id-1", "10.0.0.1", "example.com", "https", tls};
  const ValueTemplate value(text);
  std::string out(value.size(variables) + 1, '?');
  CHECK(value.write(out.data(), variables) == out.data() + out.size() - 1);
  CHECK(out.back() == '?');
  out.pop_back();
  return out;
}

TEST_CASE("values are taken apart into text and variables") {
  CHECK(written("plain") == "plain");
  CHECK(written("$request_id") == "id-1");
  CHECK(written("a-$host/$scheme") == "a-example.com/https");
  CHECK(written("$remote_addr$remote_addr") == "10.0.0.110.0.0.1");
  CHECK(written("cost: $5") == "cost: $5");
  CHECK(written("") == "");
}

TEST_CASE("variables tell of the client's TLS") {
  Facts tls;
  CHECK(written("$ssl_protocol", &tls) == "TLSv1.3");
  CHECK(written("$ssl_cipher", &tls) == "TLS_AES_128_GCM_SHA256");
  CHECK(written("$ssl_server_name", &tls) == "example.com");
  CHECK(written("$ssl_session_reused", &tls) == ".");
  CHECK(written("$ssl_client_verify", &tls) == "FAILED:certificate has expired");
  CHECK(written("$ssl_client_s_dn", &tls) == "CN=Ada Lovelace,O=Example");
  CHECK(written("$ssl_client_fingerprint", &tls) == "00ff");
  tls.isResumed = true;
  CHECK(written("$ssl_session_reused", &tls) == "r");
  CHECK(written("<$ssl_protocol/$scheme$ssl_client_fingerprint>", &tls) == "<TLSv1.3/https00ff>");
}

TEST_CASE("variables of TLS are empty for a plain client") {
  CHECK(written("[$ssl_protocol$ssl_cipher$ssl_server_name$ssl_session_reused$ssl_client_verify"
                "$ssl_client_s_dn$ssl_client_fingerprint]",
                nullptr) == "[]");
}

TEST_CASE("a name is taken whole, not for a shorter one that it begins with") {
  Facts tls;
  CHECK(written("$ssl_client_s_dn_legacy", &tls) == "$ssl_client_s_dn_legacy");
  CHECK(written("$ssl_ciphers", &tls) == "$ssl_ciphers");
  CHECK(written("$ssl_client_", &tls) == "$ssl_client_");
  CHECK(written("$hostname", &tls) == "$hostname");
  CHECK(written("$ssl_cipher-$host.$", &tls) == "TLS_AES_128_GCM_SHA256-example.com.$");
  CHECK(written("$$host", &tls) == "$example.com");
}

TEST_CASE("what a subject holds stays within its field") {
  Facts tls;
  const auto subject = [&tls](std::string text) {
    tls.subject = std::move(text);
    return written("$ssl_client_s_dn", &tls);
  };
  CHECK(subject("CN=a\r\nX-Admin: yes") == "CN=a%0D%0AX-Admin: yes");
  CHECK(subject(std::string("CN=a\0b\x7f\t", 8)) == "CN=a%00b%7F%09");
  CHECK(subject("CN=\xc3\xa9") == "CN=%C3%A9");
  // A percent sign as well, so that no subject looks like another.
  CHECK(subject("CN=100%25") == "CN=100%2525");
  // White space at an end would be lost as the field's own.
  CHECK(subject(" CN=a b\\ ") == "%20CN=a b\\%20");
  CHECK(subject(" ") == "%20");
}

TEST_CASE("a server name is fit for Host, whatever a client asks for") {
  Facts tls;
  tls.name = "Sub-1_x.example.com";
  CHECK(written("$ssl_server_name", &tls) == "Sub-1_x.example.com");
  tls.name = "a/b,c@d e:1\r\n\xff";
  CHECK(written("$ssl_server_name", &tls) == "a%2Fb%2Cc%40d%20e%3A1%0D%0A%FF");
}

TEST_CASE("the bound leaves TLS to the connection, which knows how long its values are") {
  Facts tls;
  tls.subject = std::string(1000, 'x') + "\n";
  const Variables variables{"id-1", "10.0.0.1", "example.com", "https", &tls};
  const Variables plain{"id-1", "10.0.0.1", "example.com", "http"};
  const ValueTemplate value("a $host $ssl_client_s_dn$ssl_client_s_dn $ssl_session_reused");
  CHECK(value.tlsBytes(tls) == 2 * 1003 + 1);
  CHECK(value.size(variables) == value.size(plain) + value.tlsBytes(tls));
  CHECK(value.bound() >= value.size(plain));
  CHECK(value.bound() < 512);
  CHECK(ValueTemplate("$host").tlsBytes(tls) == 0);
  CHECK_FALSE(ValueTemplate("$ssl_cipher").isLiteral());
}

}  // namespace
}  // namespace oxbow::route
