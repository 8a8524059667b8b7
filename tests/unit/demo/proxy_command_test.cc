#include "proxy/demo/proxy_command.h"

#include <doctest/doctest.h>

#include "proxy/config/loader.h"
#include "proxy/config/warnings.h"

namespace oxbow::demo {

namespace {

// The server that a target stands for, or its error.
std::string meant(std::string_view to) {
  const auto target = parseTarget(to);
  return target.ok() ? target.value().text : "error: " + target.error();
}

}  // namespace

TEST_CASE("a target is a URL of a server") {
  CHECK(meant("http://127.0.0.1:3000") == "127.0.0.1:3000");
  CHECK(meant("http://127.0.0.1:3000/") == "127.0.0.1:3000");
  CHECK(meant("HTTP://localhost:3000") == "localhost:3000");
  CHECK(meant("http://app.internal") == "app.internal:80");
  CHECK(meant("http://[::1]") == "[::1]:80");
  CHECK(meant("http://[::1]:3000") == "[::1]:3000");
  CHECK_FALSE(parseTarget("http://app.internal").value().tls);
}

TEST_CASE("a target may be a server that speaks TLS") {
  CHECK(meant("https://app.internal") == "app.internal:443");
  CHECK(meant("HTTPS://app.internal:8443/") == "app.internal:8443");
  const auto target = parseTarget("https://app.internal");
  CHECK(target.value().tls);
  const auto upstreamOf = [&](bool insecure) {
    return config::loadText(proxyConfig("127.0.0.1:8080", target.value(), insecure), "oxbow proxy")
        .config->upstreams[0];
  };
  CHECK(*upstreamOf(false).tls.enabled);
  CHECK(*upstreamOf(false).tls.verify);
  CHECK(*upstreamOf(true).tls.enabled);
  CHECK_FALSE(*upstreamOf(true).tls.verify);
}

TEST_CASE("a target is an address as `servers:` has them") {
  CHECK(meant("127.0.0.1:3000") == "127.0.0.1:3000");
  CHECK(meant("app.internal:3000") == "app.internal:3000");
  CHECK(meant("unix:/run/app.sock") == "unix:/run/app.sock");
}

TEST_CASE("what is no target is refused in words") {
  CHECK(meant("ftp://app.internal") == "error: only http:// and https:// are supported");
  for (const char* to : {"http://a:1/path", "http://a:1?q", "http://u:p@a:1", "http://a:1#f"}) {
    CAPTURE(to);
    CHECK(meant(to).find("error: only http://HOST:PORT and https://HOST:PORT") == 0);
  }
  for (const char* to : {"", "http://", "http:///", "app.internal", "http://a:0", "http://a:65536",
                         "http://a b", "http://a:1\n", "unix:"}) {
    CAPTURE(to);
    CHECK(meant(to).find("error: ") == 0);
  }
}

TEST_CASE("the configuration is one that the loader accepts") {
  const auto loaded =
      config::loadText(proxyConfig("127.0.0.1:8080", {"app.internal:3000"}), "oxbow proxy");
  for (const config::Problem& problem : loaded.problems)
    FAIL_CHECK(config::format(problem, "oxbow proxy"));
  REQUIRE(loaded.config.has_value());
  const config::Config& config = *loaded.config;
  CHECK(config::warnings(config).empty());
  REQUIRE(config.listeners.size() == 1);
  CHECK(*config.listeners[0].listen == "127.0.0.1:8080");
  CHECK(*config.listeners[0].accessLog.enabled);
  CHECK(*config.listeners[0].accessLog.path == "stdout");
  CHECK(*config.listeners[0].accessLog.format == config::LogFormat::Text);
  REQUIRE(config.upstreams.size() == 1);
  CHECK(*config.upstreams[0].servers.at(0).address == "app.internal:3000");
  CHECK_FALSE(config.admin.enabled);
}

TEST_CASE("text of the command line stays text in the configuration") {
  const std::string odd = "unix:/tmp/it's \"odd\" # {x}: y.sock";
  const auto loaded = config::loadText(proxyConfig("[::1]:8080", {odd}), "oxbow proxy");
  REQUIRE(loaded.config.has_value());
  CHECK(*loaded.config->upstreams.at(0).servers.at(0).address == odd);
  CHECK(*loaded.config->listeners.at(0).listen == "[::1]:8080");
}

TEST_CASE("a bad call ends with the status of one") {
  CHECK(proxyCommand("localhost", "http://127.0.0.1:3000", false) == 2);
  CHECK(proxyCommand("127.0.0.1:8080", "ftp://127.0.0.1:3000", false) == 2);
}

}  // namespace oxbow::demo
