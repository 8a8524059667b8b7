#include "proxy/base/address.h"

#include <doctest/doctest.h>

#include <cstring>

using namespace oxbow;

namespace {

SocketAddress address(std::string_view text) {
  const Result<SocketAddress> result = SocketAddress::parse(text);
  REQUIRE_MESSAGE(result.ok(), text);
  return result.value();
}

std::string ipOf(const SocketAddress& from) {
  char out[48];
  return std::string(out, from.writeIp(out));
}

Cidr cidr(std::string_view text) {
  const Result<Cidr> result = Cidr::parse(text);
  REQUIRE_MESSAGE(result.ok(), text);
  return result.value();
}

}  // namespace

TEST_CASE("an address is written as it was read") {
  for (const char* text : {"127.0.0.1:8080", "0.0.0.0:0", "[::1]:65535", "[2001:db8::1]:80",
                           "[::ffff:192.0.2.1]:80", "unix:/run/oxbow.sock"})
    CHECK(address(text).text() == text);
}

TEST_CASE("a star is any IPv4 address") {
  CHECK(address("*:8080") == address("0.0.0.0:8080"));
  CHECK(!SocketAddress::parse("[*]:8080").ok());
}

TEST_CASE("what is no address is refused") {
  for (const char* text : {"",
                           ":",
                           ":80",
                           "127.0.0.1",
                           "127.0.0.1:",
                           "127.0.0.1:65536",
                           "127.0.0.1:-1",
                           "127.0.0.1:+1",
                           "127.0.0.1:8 ",
                           " 127.0.0.1:8",
                           "127.0.0.1:000080",
                           "127.0.0.1:080",
                           "127.0.0.1:00",
                           "256.0.0.1:80",
                           "127.1:80",
                           "localhost:80",
                           "::1:80",
                           "[::1]",
                           "[::1]80",
                           "[::1",
                           "[127.0.0.1]:80",
                           "[]:80",
                           "unix:",
                           "unix:relative.sock"})
    CHECK_MESSAGE(!SocketAddress::parse(text).ok(), text);
  CHECK(!SocketAddress::parse(std::string_view("127.0.0.1\0:80", 13)).ok());
}

TEST_CASE("an IPv6 address without brackets gets a hint") {
  CHECK(SocketAddress::parse("::1:80").error().find("brackets") != std::string::npos);
}

TEST_CASE("a Unix path holds at most 107 bytes") {
  const std::string longest = "unix:/" + std::string(106, 'x');
  CHECK(address(longest).text() == longest);
  CHECK(!SocketAddress::parse(longest + 'x').ok());
  CHECK(!SocketAddress::parse(std::string_view("unix:/a\0b", 9)).ok());
}

TEST_CASE("parseIp takes an address without a port") {
  CHECK(SocketAddress::parseIp("192.0.2.1", 80).value() == address("192.0.2.1:80"));
  CHECK(SocketAddress::parseIp("2001:db8::1", 443).value() == address("[2001:db8::1]:443"));
  CHECK(!SocketAddress::parseIp("192.0.2.1:80", 80).ok());
  CHECK(!SocketAddress::parseIp("[::1]", 80).ok());
  CHECK(!SocketAddress::parseIp("", 80).ok());
  CHECK(!SocketAddress::parseIp(std::string(100, '1'), 80).ok());
}

TEST_CASE("loopback is 127.0.0.0/8, ::1, their mapped form and Unix sockets") {
  CHECK(address("127.255.0.9:1").isLoopback());
  CHECK(address("[::1]:1").isLoopback());
  CHECK(address("[::ffff:127.0.0.1]:1").isLoopback());
  CHECK(address("unix:/x").isLoopback());
  CHECK_FALSE(address("128.0.0.1:1").isLoopback());
  CHECK_FALSE(address("0.0.0.0:1").isLoopback());
  CHECK_FALSE(address("[::2]:1").isLoopback());
  CHECK_FALSE(address("[::ffff:10.0.0.1]:1").isLoopback());
  CHECK_FALSE(SocketAddress().isLoopback());
}

TEST_CASE("the IP alone, with IPv4-mapped addresses as IPv4") {
  CHECK(ipOf(address("255.10.0.1:80")) == "255.10.0.1");
  CHECK(ipOf(address("[::ffff:192.0.2.7]:80")) == "192.0.2.7");
  CHECK(ipOf(address("[2001:db8::1]:80")) == "2001:db8::1");
  CHECK(ipOf(address("unix:/x")) == "unix:");
  CHECK(ipOf(SocketAddress()) == "");
}

TEST_CASE("a port can be changed, and not of a Unix socket") {
  SocketAddress v4 = address("127.0.0.1:1");
  v4.setPort(443);
  CHECK(v4.port() == 443);
  CHECK(v4 == address("127.0.0.1:443"));
  SocketAddress v6 = address("[::1]:1");
  v6.setPort(65535);
  CHECK(v6.text() == "[::1]:65535");
  SocketAddress local = address("unix:/x");
  local.setPort(1);
  CHECK(local.port() == 0);
  CHECK(local.text() == "unix:/x");
}

TEST_CASE("addresses compare by family, address and port; equal ones hash alike") {
  CHECK(address("127.0.0.1:80") != address("127.0.0.1:81"));
  CHECK(address("127.0.0.1:80") != address("127.0.0.2:80"));
  CHECK(address("127.0.0.1:80") != address("[::ffff:127.0.0.1]:80"));
  CHECK(address("unix:/a") != address("unix:/ab"));
  CHECK(SocketAddress() == SocketAddress());
  CHECK(SocketAddress() != address("0.0.0.0:0"));
  CHECK(address("127.0.0.1:80").hash() == address("127.0.0.1:80").hash());
  CHECK(address("127.0.0.1:80").hash() != address("127.0.0.1:81").hash());
  CHECK(address("unix:/a").hash() != address("unix:/b").hash());
}

TEST_CASE("an address from the kernel equals the parsed one") {
  sockaddr_un local = {};
  local.sun_family = AF_UNIX;
  std::strcpy(local.sun_path, "/run/a");
  // Some callers count the closing NUL of the path, some do not.
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 6);
  const auto* any = reinterpret_cast<const sockaddr*>(&local);
  CHECK(SocketAddress(any, size) == address("unix:/run/a"));
  CHECK(SocketAddress(any, size + 1) == address("unix:/run/a"));
  CHECK(SocketAddress(any, size).text() == "unix:/run/a");
  CHECK(SocketAddress(any, size).hash() == address("unix:/run/a").hash());
}

TEST_CASE("the unnamed end of a Unix connection has an empty path") {
  sockaddr_un local = {};
  local.sun_family = AF_UNIX;
  const SocketAddress unnamed(reinterpret_cast<const sockaddr*>(&local), sizeof(sa_family_t));
  CHECK(unnamed.isUnix());
  CHECK(unnamed.text() == "unix:");
}

TEST_CASE("host and port of a server") {
  const HostPort name = parseHostPort("api_1.internal:8080").value();
  CHECK(name.host == "api_1.internal");
  CHECK(name.port == 8080);
  CHECK_FALSE(name.isIp);
  const HostPort v4 = parseHostPort("127.0.0.1:1").value();
  CHECK(v4.host == "127.0.0.1");
  CHECK(v4.isIp);
  const HostPort v6 = parseHostPort("[2001:db8::1]:65535").value();
  CHECK(v6.host == "2001:db8::1");
  CHECK(v6.port == 65535);
  CHECK(v6.isIp);
  const HostPort local = parseHostPort("unix:/run/api.sock").value();
  CHECK(local.path == "/run/api.sock");
  CHECK(local.host == "");
  CHECK(local.port == 0);
}

TEST_CASE("a host name may end in a dot and has labels of 63 bytes, 253 in all") {
  const std::string label(63, 'a');
  const std::string longest = label + '.' + label + '.' + label + '.' + std::string(61, 'a');
  REQUIRE(longest.size() == 253);
  CHECK(parseHostPort(longest + ":80").ok());
  CHECK(parseHostPort("example.org.:80").ok());
  CHECK(parseHostPort("1and1.1a:80").ok());
  CHECK(!parseHostPort(longest + "a:80").ok());
  CHECK(!parseHostPort(label + "a:80").ok());
}

TEST_CASE("what names no server is refused") {
  for (const char* text :
       {"",         "api",          "api:",        "api:0",    "api:65536",      "api:080",
        "api:http", ":80",          ".:80",        "a..b:80",  ".a:80",          "a b:80",
        "a/b:80",   "user@host:80", "http://a:80", "127.1:80", "10.0.0.256:80",  "1:80",
        "::1:80",   "[::1]",        "[::1]:0",     "[api]:80", "[127.0.0.1]:80", "unix:x"})
    CHECK_MESSAGE(!parseHostPort(text).ok(), text);
}

TEST_CASE("a range contains what shares its prefix") {
  const Cidr ten = cidr("10.0.0.0/8");
  CHECK(ten.contains(address("10.255.255.255:1")));
  CHECK_FALSE(ten.contains(address("11.0.0.0:1")));
  CHECK_FALSE(ten.contains(address("[::1]:1")));
  CHECK_FALSE(ten.contains(address("unix:/x")));
  CHECK_FALSE(ten.contains(SocketAddress()));
  // 192.168.1.160 is .101 00000: /27 reaches to .191.
  const Cidr odd = cidr("192.168.1.160/27");
  CHECK(odd.contains(address("192.168.1.160:1")));
  CHECK(odd.contains(address("192.168.1.191:1")));
  CHECK_FALSE(odd.contains(address("192.168.1.159:1")));
  CHECK_FALSE(odd.contains(address("192.168.1.192:1")));
  CHECK(cidr("0.0.0.0/0").contains(address("255.255.255.255:1")));
}

TEST_CASE("an address is a range of one") {
  CHECK(cidr("192.0.2.1").text() == "192.0.2.1/32");
  CHECK(cidr("::1").text() == "::1/128");
  CHECK(cidr("::1").contains(address("[::1]:1")));
  CHECK_FALSE(cidr("::1").contains(address("[::2]:1")));
}

TEST_CASE("IPv6 ranges") {
  const Cidr range = cidr("2001:db8:8000::/33");
  CHECK(range.contains(address("[2001:db8:8000::1]:1")));
  CHECK(range.contains(address("[2001:db8:ffff::1]:1")));
  CHECK_FALSE(range.contains(address("[2001:db8:7fff::1]:1")));
  CHECK(cidr("::/0").contains(address("[2001:db8::1]:1")));
}

TEST_CASE("IPv4-mapped addresses belong to IPv4 ranges") {
  CHECK(cidr("10.0.0.0/8").contains(address("[::ffff:10.1.2.3]:1")));
  CHECK_FALSE(cidr("10.0.0.0/8").contains(address("[::ffff:11.1.2.3]:1")));
  CHECK(cidr("::ffff:10.0.0.0/104") == cidr("10.0.0.0/8"));
  CHECK_FALSE(cidr("::/0").contains(address("[::ffff:10.1.2.3]:1")));
}

TEST_CASE("bits behind the prefix do not count") {
  CHECK(cidr("10.1.2.3/8") == cidr("10.0.0.0/8"));
  CHECK(cidr("10.1.2.3/8").text() == "10.0.0.0/8");
  CHECK(!(cidr("10.0.0.0/8") == cidr("10.0.0.0/9")));
}

TEST_CASE("what is no range is refused") {
  for (const char* text : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/8/8",
                           "10.0.0.0/-1", "10.0.0.0/ 8", "10/8", "localhost", "10.0.0.0:80"})
    CHECK_MESSAGE(!Cidr::parse(text).ok(), text);
}
