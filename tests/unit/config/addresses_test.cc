#include "proxy/config/addresses.h"

#include <doctest/doctest.h>

namespace oxbow::config {

namespace {

bool collideText(const char* a, const char* b) {
  const SocketAddress first = SocketAddress::parse(a).value();
  const SocketAddress second = SocketAddress::parse(b).value();
  CHECK(collide(first, second) == collide(second, first));
  return collide(first, second);
}

std::string nameServer(const char* text) {
  const auto address = parseNameServer(text);
  return address ? address->text() : "none";
}

}  // namespace

TEST_CASE("addresses collide when they are equal, or one covers the other") {
  CHECK(collideText("127.0.0.1:80", "127.0.0.1:80"));
  CHECK(collideText("*:80", "127.0.0.1:80"));
  CHECK(collideText("0.0.0.0:80", "*:80"));
  CHECK(collideText("[::]:80", "[::1]:80"));
  CHECK(collideText("unix:/a", "unix:/a"));
  CHECK(collideText("unix:/run/a", "unix://run///a"));
}

TEST_CASE("different addresses stand together") {
  CHECK_FALSE(collideText("127.0.0.1:80", "127.0.0.1:81"));
  CHECK_FALSE(collideText("127.0.0.1:80", "127.0.0.2:80"));
  CHECK_FALSE(collideText("*:80", "127.0.0.1:81"));
  CHECK_FALSE(collideText("[::1]:80", "127.0.0.1:80"));
  CHECK_FALSE(collideText("unix:/a", "unix:/b"));
  CHECK_FALSE(collideText("unix:/a", "unix:/a/b"));
  CHECK_FALSE(collideText("unix:/ab", "unix:/a/b"));
  CHECK_FALSE(collideText("unix:/a", "127.0.0.1:80"));
  // The kernel gives each its own port.
  CHECK_FALSE(collideText("127.0.0.1:0", "127.0.0.1:0"));
  CHECK_FALSE(collide(SocketAddress(), SocketAddress()));
}

TEST_CASE("name servers have a port, or 53") {
  CHECK(nameServer("8.8.8.8") == "8.8.8.8:53");
  CHECK(nameServer("127.0.0.1:5353") == "127.0.0.1:5353");
  CHECK(nameServer("::1") == "[::1]:53");
  CHECK(nameServer("[::1]:5353") == "[::1]:5353");
  for (const char* text : {"dns.example", "", "127.0.0.1:0", "unix:/x", "*:53", "127.0.0.1:x",
                           "0.0.0.0", "::", "224.0.0.1"})
    CHECK(nameServer(text) == "none");
}

}  // namespace oxbow::config
