#include "proxy/codec/http/auth_scheme.h"

#include <doctest/doctest.h>

#include <string>

#include "proxy/codec/http/field_writer.h"

namespace oxbow::http {
namespace {

bool binds(std::string_view name, std::string_view value) {
  char bytes[512];
  Field fields[2];
  FieldWriter writer(bytes, sizeof bytes, fields, 2);
  REQUIRE(writer.add("Accept", "NTLM"));
  REQUIRE(writer.add(name, value));
  return bindsConnection(writer.block());
}

TEST_CASE("NTLM and Negotiate bind the connection, in every field that names schemes") {
  for (const std::string name :
       {"Authorization", "Proxy-Authorization", "WWW-Authenticate", "proxy-authenticate"}) {
    CAPTURE(name);
    CHECK(binds(name, "NTLM"));
    CHECK(binds(name, "negotiate YIIabc=="));
    CHECK_FALSE(binds(name, "Basic realm=\"x\""));
  }
  CHECK_FALSE(binds("X-Authenticate", "NTLM"));
}

TEST_CASE("a challenge binds wherever it stands in the list") {
  CHECK(binds("WWW-Authenticate", "Basic realm=\"x\", NTLM"));
  CHECK(binds("WWW-Authenticate", "Digest realm=\"x\", nonce=\"y\",\tNegotiate ab=, Basic"));
  CHECK(binds("WWW-Authenticate", ",,NTLM"));
  CHECK(binds("WWW-Authenticate", "Basic realm=\"a\\\"b\", ntlm"));
}

TEST_CASE("words that are no scheme bind nothing") {
  CHECK_FALSE(binds("WWW-Authenticate", "Basic realm=\"a, NTLM\""));
  CHECK_FALSE(binds("WWW-Authenticate", "Basic realm=\"a\\\", NTLM\""));
  CHECK_FALSE(binds("WWW-Authenticate", "Digest realm=x, ntlm=1"));
  CHECK_FALSE(binds("WWW-Authenticate", "Digest realm=x, ntlm = \"1\""));
  CHECK_FALSE(binds("WWW-Authenticate", "NTLMv3"));
  CHECK_FALSE(binds("WWW-Authenticate", "Basic NTLM"));
  CHECK_FALSE(binds("WWW-Authenticate", ""));
}

TEST_CASE("a field that is not forwarded binds nothing") {
  char bytes[64];
  Field fields[1];
  FieldWriter writer(bytes, sizeof bytes, fields, 1);
  REQUIRE(writer.add("Authorization", "NTLM abc"));
  FieldBlock block = writer.block();
  CHECK(bindsConnection(block));
  block.drop(Name::Authorization);
  CHECK_FALSE(bindsConnection(block));
}

}  // namespace
}  // namespace oxbow::http
