#include "proxy/dns/address_policy.h"

#include <doctest/doctest.h>

#include <string>

namespace oxbow::dns {
namespace {

std::string scope(const std::string& ip) {
  const Result<SocketAddress> address = SocketAddress::parseIp(ip, 80);
  REQUIRE_MESSAGE(address.ok(), ip);
  switch (scopeOf(address.value())) {
    case Scope::Public:
      return "public";
    case Scope::Private:
      return "private";
    default:
      return "never";
  }
}

// A range by its edges, with the addresses next to them, and what those are.
struct Edges {
  const char* below;  // null: there is none
  const char* first;
  const char* last;
  const char* above;
  const char* inside;
  const char* scopeBelow = "public";
  const char* scopeAbove = "public";
};

void check(const Edges& range) {
  CAPTURE(range.first);
  if (range.below != nullptr) CHECK(scope(range.below) == range.scopeBelow);
  CHECK(scope(range.first) == range.inside);
  CHECK(scope(range.last) == range.inside);
  if (range.above != nullptr) CHECK(scope(range.above) == range.scopeAbove);
}

TEST_CASE("what no server can have") {
  check({nullptr, "0.0.0.0", "0.255.255.255", "1.0.0.0", "never"});
  check(
      {"223.255.255.255", "224.0.0.0", "239.255.255.255", "240.0.0.0", "never", "public", "never"});
  check({"239.255.255.255", "240.0.0.0", "255.255.255.255", nullptr, "never", "never"});
  check({nullptr, "::", "::", "::1", "never", "", "private"});
  check({"feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
         "ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", nullptr, "never", "private"});
}

TEST_CASE("IPv4 addresses that are no public server's") {
  check({"9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0", "private"});
  check({"100.63.255.255", "100.64.0.0", "100.127.255.255", "100.128.0.0", "private"});
  check({"126.255.255.255", "127.0.0.0", "127.255.255.255", "128.0.0.0", "private"});
  check({"169.253.255.255", "169.254.0.0", "169.254.255.255", "169.255.0.0", "private"});
  check({"172.15.255.255", "172.16.0.0", "172.31.255.255", "172.32.0.0", "private"});
  check({"191.255.255.255", "192.0.0.0", "192.0.0.255", "192.0.1.0", "private"});
  check({"192.167.255.255", "192.168.0.0", "192.168.255.255", "192.169.0.0", "private"});
  check({"198.17.255.255", "198.18.0.0", "198.19.255.255", "198.20.0.0", "private"});
  CHECK(scope("127.0.0.1") == "private");
  CHECK(scope("169.254.169.254") == "private");
}

TEST_CASE("IPv6 addresses that are no public server's") {
  check({"::", "::1", "::1", "::2", "private", "never", "never"});
  check({"fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
         "fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fe00::", "private"});
  check({"fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fe80::",
         "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fec0::", "private", "public", "private"});
  check({"febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fec0::",
         "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ff00::", "private", "private", "never"});
  CHECK(scope("fd00:ec2::254") == "private");  // metadata
}

TEST_CASE("public addresses, documentation among them") {
  for (const char* ip :
       {"1.1.1.1", "8.8.8.8", "192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1",
        "2606:4700:4700::1111", "2a00::1", "2001:1::1", "64:ff9a::10.0.0.1", "3fff::1"})
    CHECK_MESSAGE(scope(ip) == "public", ip);
}

TEST_CASE("an IPv4 address inside an IPv6 address is what counts") {
  for (const std::string prefix : {"::ffff:", "::", "64:ff9b::", "64:ff9b:1::"}) {
    CAPTURE(prefix);
    for (const char* ip : {"8.8.8.8", "192.0.2.1", "11.0.0.0", "223.255.255.255"})
      CHECK_MESSAGE(scope(prefix + ip) == "public", ip);
    for (const char* ip : {"127.0.0.1", "10.1.2.3", "172.31.0.1", "192.168.0.1", "169.254.169.254",
                           "100.64.0.1", "192.0.0.8", "198.19.0.1"})
      CHECK_MESSAGE(scope(prefix + ip) == "private", ip);
    for (const char* ip : {"224.0.0.1", "240.0.0.1", "255.255.255.255", "0.1.0.0"})
      CHECK_MESSAGE(scope(prefix + ip) == "never", ip);
  }
}

TEST_CASE("the ranges that have IPv4 addresses inside end where they end") {
  // One bit beside each: the bytes are no IPv4 address there.
  CHECK(scope("::fffe:10.0.0.1") == "public");
  CHECK(scope("::1:ffff:10.0.0.1") == "public");
  CHECK(scope("::1:10.0.0.1") == "public");
  CHECK(scope("::1:0:10.0.0.1") == "public");
  CHECK(scope("64:ff9b::1:10.0.0.1") == "public");
  CHECK(scope("64:ff9b:0:1::10.0.0.1") == "public");
  CHECK(scope("64:ff9b:2::10.0.0.1") == "public");
  CHECK(scope("64:ff9b:1:ffff:ffff:ffff:10.0.0.1") == "private");
  CHECK(scope("2001:1::f5ff:fffe") == "public");
  CHECK(scope("2000:ffff::f5ff:fffe") == "public");
  CHECK(scope("2001:a00:1::") == "public");
  CHECK(scope("2003:a00:1::") == "public");
}

TEST_CASE("6to4: behind the prefix") {
  CHECK(scope("2002:808:808::1") == "public");
  CHECK(scope("2002:a00:1::1") == "private");  // 10.0.0.1
  CHECK(scope("2002:aff:ffff::8.8.8.8") == "private");
  CHECK(scope("2002:b00::10.0.0.1") == "public");  // 11.0.0.0
  CHECK(scope("2002:7f00:1::") == "private");      // 127.0.0.1
  CHECK(scope("2002:a9fe:a9fe::1") == "private");  // 169.254.169.254
  CHECK(scope("2002:e000:1::1") == "never");       // 224.0.0.1
  CHECK(scope("2002::1") == "never");
}

TEST_CASE("Teredo: the client, with all bits turned") {
  // RFC 4380, section 4: ~192.0.2.45 is 3f:ff:fd:d2; the server's address stands in front.
  CHECK(scope("2001:0:4136:e378:8000:63bf:3fff:fdd2") == "public");
  CHECK(scope("2001:0:4136:e378:8000:63bf:f5ff:fffe") == "private");  // 10.0.0.1
  CHECK(scope("2001:0:4136:e378:8000:63bf:80ff:fffe") == "private");  // 127.0.0.1
  CHECK(scope("2001:0:4136:e378:8000:63bf:5601:5601") == "private");  // 169.254.169.254
  CHECK(scope("2001:0:4136:e378:8000:63bf:1fff:fffe") == "never");    // 224.0.0.1
  CHECK(scope("2001:0:a00:1:8000:63bf:3fff:fdd2") == "public");
  CHECK(scope("2001:0:4136:e378:8000:63bf:10.0.0.1") == "never");  // 245.255.255.254
}

TEST_CASE("NAT64 of this network: by any of the prefixes that it may have") {
  // RFC 6052, section 2.2: of 48, 56 and 64 bits. Bits 64 to 71 are 0.
  CHECK(scope("64:ff9b:1:a00:0:100::") == "private");     // 10.0.0.1
  CHECK(scope("64:ff9b:1:aa0a:0:1::") == "private");      // 10.0.0.1
  CHECK(scope("64:ff9b:1:aaaa:a:1:100:0") == "private");  // 10.0.1.1
  CHECK(scope("64:ff9b:1:808:8:800::") == "public");      // 8.8.8.8
  CHECK(scope("64:ff9b:1:fffe::8.8.8.8") == "public");
  CHECK(scope("64:ff9b:1:fffe::10.0.0.1") == "private");
  // Whatever the rest of it looks like.
  CHECK(scope("64:ff9b:1:a00:0:100:8.8.8.8") == "private");
}

TEST_CASE("the port and the scope id do not matter") {
  SocketAddress address = SocketAddress::parseIp("127.0.0.1", 0).value();
  CHECK(scopeOf(address) == Scope::Private);
  sockaddr_in6 local = {};
  local.sin6_family = AF_INET6;
  local.sin6_addr.s6_addr[0] = 0xfe;
  local.sin6_addr.s6_addr[1] = 0x80;
  local.sin6_scope_id = 2;
  address = SocketAddress(reinterpret_cast<const sockaddr*>(&local), sizeof local);
  CHECK(scopeOf(address) == Scope::Private);
}

}  // namespace
}  // namespace oxbow::dns
