#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "proxy/top/admin_target.h"

using namespace oxbow;
using namespace oxbow::top;

namespace {

std::string tokenIn(const std::string& text, std::string& wrong) {
  char name[] = "/tmp/oxbow-token-XXXXXX";
  const int fd = mkstemp(name);
  REQUIRE(fd >= 0);
  close(fd);
  std::ofstream(name, std::ios::binary) << text;
  std::string token;
  wrong = readToken(name, token);
  unlink(name);
  return token;
}

}  // namespace

TEST_CASE("the admin address of a request is where it goes and what Host says") {
  const auto ip = AdminTarget::parse("127.0.0.1:9901");
  REQUIRE(ip.ok());
  CHECK(ip.value().addresses[0].text() == "127.0.0.1:9901");
  CHECK(ip.value().requestFor("/api/dns", "") ==
        "GET /api/dns HTTP/1.1\r\nHost: 127.0.0.1:9901\r\nConnection: close\r\n\r\n");
  const auto local = AdminTarget::parse("unix:/run/admin.sock");
  REQUIRE(local.ok());
  CHECK(local.value().addresses[0].text() == "unix:/run/admin.sock");
  CHECK(local.value().authority == "localhost");
  const auto name = AdminTarget::parse("localhost:9901");
  REQUIRE(name.ok());
  CHECK(name.value().addresses[0].isLoopback());
  CHECK(name.value().addresses[0].port() == 9901);
  CHECK(AdminTarget::parse("[::1]:9901").ok());
  for (const char* wrong : {"", "9901", "127.0.0.1", "http://127.0.0.1:9901", "a b:1"})
    CHECK_FALSE(AdminTarget::parse(wrong).ok());
}

TEST_CASE("a token is the first line of its file, and cannot become a field of its own") {
  std::string wrong;
  CHECK(tokenIn("s3cret\n", wrong) == "s3cret");
  CHECK(wrong.empty());
  CHECK(tokenIn("  s3cret \r\nmore\n", wrong) == "s3cret");
  CHECK(wrong.empty());
  for (const char* text : {"", "\n", "a b", "a\rb", "a\x01", "\xc3\xbc"}) {
    tokenIn(text, wrong);
    CHECK_FALSE(wrong.empty());
  }
  std::string token;
  CHECK(readToken("/nonexistent/token", token).find("No such file") != std::string::npos);
  CHECK(AdminTarget::parse("127.0.0.1:1")
            .value()
            .requestFor("/", "t")
            .find("\r\nAuthorization: Bearer t\r\n") != std::string::npos);
}
