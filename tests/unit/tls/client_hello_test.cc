#include "proxy/tls/client_hello.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace oxbow::tls;
using namespace std::literals;

TEST_CASE("a server_name extension holds exactly one host name") {
  CHECK(parseServerName("\0\x04\0\0\x01"
                        "a"sv) == "a");
  CHECK(parseServerName("\0\x0c\0\0\x09"
                        "a.example"sv) == "a.example");
  std::string large = "\x01\x03\0\x01\0"s + std::string(256, 'a');
  CHECK(parseServerName(large) == std::string(256, 'a'));
}

TEST_CASE("whatever else it holds is malformed") {
  const std::string_view good =
      "\0\x0c\0\0\x09"
      "a.example"sv;
  for (size_t size = 0; size < good.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(parseServerName(good.substr(0, size)));
  }
  CHECK_FALSE(parseServerName(std::string(good) + "a"));
  SUBCASE("an empty name") { CHECK_FALSE(parseServerName("\0\x03\0\0\0"sv)); }
  SUBCASE("another type") {
    CHECK_FALSE(
        parseServerName("\0\x04\x01\0\x01"
                        "a"sv));
  }
  SUBCASE("a list longer than the extension") {
    CHECK_FALSE(
        parseServerName("\0\x05\0\0\x01"
                        "a"sv));
  }
  SUBCASE("a name shorter than the list") {
    CHECK_FALSE(
        parseServerName("\0\x05\0\0\x01"
                        "ab"sv));
  }
  SUBCASE("two names") {
    CHECK_FALSE(
        parseServerName("\0\x08\0\0\x01"
                        "a\0\0\x01"
                        "b"sv));
  }
  SUBCASE("a NUL in the name") {
    CHECK_FALSE(
        parseServerName("\0\x06\0\0\x03"
                        "a\0b"sv));
  }
}
