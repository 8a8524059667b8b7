// docs/bad-inputs.md, part H: configuration files.

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "proxy/config/loader.h"

using namespace std::string_literals;

namespace oxbow::integration {

namespace {

const std::string kGood =
    "upstreams:\n"
    "  api:\n"
    "    servers: [ 127.0.0.1:9000 ]\n"
    "    keepalive: 16\n"
    "listeners:\n"
    "  - listen: 127.0.0.1:8080\n"
    "    routes:\n"
    "      - { location: /, proxy_pass: api }\n";

std::string replaced(const std::string& from, const std::string& to) {
  std::string text = kGood;
  return text.replace(text.find(from), from.size(), to);
}

// Refused, and the first problem is in that line and names the key or says why.
void checkRefused(const std::string& text, uint32_t line, std::string_view told = {}) {
  CAPTURE(text.substr(0, 500));
  const auto start = std::chrono::steady_clock::now();
  const auto result = config::loadText(text, "oxbow.yaml");
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(20));
  CHECK_FALSE(result.config);
  REQUIRE_FALSE(result.problems.empty());
  const std::string message = config::format(result.problems[0], "oxbow.yaml");
  CAPTURE(message);
  CHECK(result.problems[0].place.line == line);
  CHECK(result.problems[0].place.column > 0);
  CHECK(message.find(told) != std::string::npos);
}

class TempFile {
 public:
  TempFile() : fd_(::mkstemp(path_.data())) { REQUIRE(fd_ >= 0); }
  ~TempFile() {
    ::close(fd_);
    ::unlink(path_.c_str());
  }
  int fd() const { return fd_; }
  std::string path() const { return path_; }

 private:
  std::string path_ = (std::filesystem::temp_directory_path() / "oxbow-test-XXXXXX").string();
  int fd_;
};

}  // namespace

TEST_CASE("H.1 the file that the others here are made from is good") {
  CHECK(config::loadText(kGood, "oxbow.yaml").config);
}

TEST_CASE("H.1 an alias bomb") {
  std::string bomb = "a0: &a0 [ x, x ]\n";
  for (int i = 1; i < 40; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [ " + before + ", " + before +
            " ]\n";
  }
  checkRefused(bomb, 1);
  checkRefused(replaced("keepalive: 16", "keepalive: &n 16"), 4);
}

TEST_CASE("H.1 deep nesting") {
  checkRefused("listeners: " + std::string(10000, '['), 1);
  checkRefused("listeners: " + std::string(100, '[') + std::string(100, ']') + "\n", 1);
  std::string maps;
  for (int i = 0; i < 2000; ++i) maps += std::string(static_cast<size_t>(i), ' ') + "a:\n";
  const auto result = config::loadText(maps, "oxbow.yaml");
  CHECK_FALSE(result.config);
  CHECK_FALSE(result.problems.empty());
}

TEST_CASE("H.1 a key twice") {
  checkRefused(replaced("    keepalive: 16\n", "    keepalive: 16\n    keepalive: 17\n"), 5,
               "keepalive");
  checkRefused(kGood + "listeners: []\n", 9, "listeners");
}

TEST_CASE("H.1 an unknown key") {
  checkRefused(replaced("keepalive: 16", "keepalve: 16"), 4, "keepalive");
  checkRefused(replaced("proxy_pass: api", "proxy_pas: api"), 8, "proxy_pass");
  checkRefused("nonsense: 1\n" + kGood, 1, "nonsense");
}

TEST_CASE("H.1 a value of the wrong type") {
  checkRefused(replaced("keepalive: 16", "keepalive: [ 16 ]"), 4, "keepalive");
  checkRefused(replaced("keepalive: 16", "keepalive: many"), 4, "keepalive");
  checkRefused(replaced("keepalive: 16", "keepalive: -1"), 4, "keepalive");
  checkRefused(replaced("keepalive: 16", "keepalive: 1.5"), 4, "keepalive");
  checkRefused(replaced("servers: [ 127.0.0.1:9000 ]", "servers: 5"), 3, "servers");
  checkRefused(replaced("127.0.0.1:8080", "[::1]:8080"), 6);
  checkRefused("[ 1, 2 ]\n", 1);
  checkRefused("text\n", 1);
  checkRefused("", 1);
}

TEST_CASE("H.1 tls that is wrong, contradicts itself or asks for nothing") {
  const auto upstream = [](const std::string& tls) {
    return replaced("keepalive: 16", "tls: " + tls);
  };
  checkRefused(upstream("[ on ]"), 4, "tls");
  checkRefused(upstream("{ verfy: on }"), 4, "verify");
  checkRefused(upstream("{ certificate: a.pem }"), 4, "certificate_key");
  checkRefused(upstream("{ min_version: TLSv1.0 }"), 4, "TLSv1.2");
  checkRefused(upstream("{ min_version: TLSv1.3, max_version: TLSv1.2 }"), 4, "max_version");
  checkRefused(upstream("{ sni: 127.0.0.1 }"), 4, "IP address");
  checkRefused(upstream("{ verify: off, crl: a.pem }"), 4, "crl");
  const auto listener = [](const std::string& tls) {
    return replaced("    routes:", "    tls: " + tls + "\n    routes:");
  };
  checkRefused(listener("on"), 7, "certificates");
  checkRefused(listener("{ certificates: [ ] }"), 7, "certificates");
  checkRefused(listener("{ certificates: [ { cert: a.pem } ] }"), 7, "key");
  checkRefused(listener("{ certificates: [ { cert: a, key: b } ], hsts: { preload: on } }"), 7);
  checkRefused(replaced("    routes:", "    https_redirect: on\n    routes:"), 9, "https_redirect");
}

TEST_CASE("H.1 a key in the place of its path is not told") {
  const std::string key = "-----BEGIN PRIVATE KEY-----\n            c2VjcmV0\n";
  const std::string text = replaced(
      "    routes:",
      "    tls:\n      certificates:\n        - cert: a.pem\n          key: |\n            " + key +
          "    routes:");
  const auto result = config::loadText(text, "oxbow.yaml");
  REQUIRE(result.problems.size() == 1);
  const std::string message = config::format(result.problems[0], "oxbow.yaml");
  CAPTURE(message);
  CHECK(message.find("write its path") != std::string::npos);
  CHECK(message.find("c2VjcmV0") == std::string::npos);
  CHECK(message.find("BEGIN") == std::string::npos);
}

TEST_CASE("H.1 NUL and other bytes that are no text") {
  checkRefused(replaced("keepalive: 16", "keepalive: 1\0006"s), 4);
  checkRefused(kGood + "\0"s, 9);
  checkRefused(replaced("keepalive: 16", "keepalive: 16 # \x01"), 4);
  checkRefused(replaced("api:", "\xff\xfe:"), 2);
}

TEST_CASE("H.1 a file of 1 GB") {
  TempFile file;
  REQUIRE(::ftruncate(file.fd(), 1L << 30) == 0);
  const auto start = std::chrono::steady_clock::now();
  const auto result = config::loadFile(file.path());
  CHECK_FALSE(result.config);
  REQUIRE(result.problems.size() == 1);
  CHECK(result.problems[0].message.find("larger than") != std::string::npos);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(1));
}

TEST_CASE("H.1 what is no file to read") {
  CHECK_FALSE(config::loadFile("/").config);
  CHECK_FALSE(config::loadFile("/dev/zero").config);
  CHECK_FALSE(config::loadFile("/nonexistent/oxbow.yaml").config);
}

TEST_CASE("H.2 a file half written, cut anywhere") {
  // The listeners stand last and in one bracket: no part of this is a configuration.
  const std::string whole =
      "shutdown_timeout: 10s\n"
      "upstreams:\n"
      "  api: { servers: [ 127.0.0.1:9000, \"127.0.0.1:9001\" ], keepalive: 16 }\n"
      "listeners: [ { listen: \"127.0.0.1:8080\", routes: [ { proxy_pass: api } ] } ]\n";
  REQUIRE(config::loadText(whole, "oxbow.yaml").config);
  for (size_t length = 0; length + 2 < whole.size(); ++length) {
    CAPTURE(length);
    const auto result = config::loadText(whole.substr(0, length), "oxbow.yaml");
    CHECK_FALSE(result.config);
    CHECK_FALSE(result.problems.empty());
  }
}

TEST_CASE("H.2 a file half written, on disk") {
  TempFile file;
  const std::string half = kGood.substr(0, kGood.find("    routes:"));
  REQUIRE(::write(file.fd(), half.data(), half.size()) == static_cast<ssize_t>(half.size()));
  const auto result = config::loadFile(file.path());
  CHECK_FALSE(result.config);
  REQUIRE_FALSE(result.problems.empty());
  CHECK(result.problems[0].place.line == 6);
}

}  // namespace oxbow::integration
