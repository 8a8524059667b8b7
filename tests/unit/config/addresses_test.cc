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

Server serverOf(const std::string& address, const std::string& service = "") {
  Server server;
  server.address = address;
  server.service = service;
  return server;
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

TEST_CASE("a service without a dot gets its underscores, any other stands in front as it is") {
  const auto name = [](const char* service) {
    return serviceName(serverOf("api.internal", service));
  };
  CHECK(name("http") == "_http._tcp.api.internal");
  CHECK(name("_http._tcp") == "_http._tcp.api.internal");
  CHECK(name("_http") == "_http.api.internal");
  CHECK(name("blue.eu") == "blue.eu.api.internal");
  CHECK(serviceName(serverOf("api.internal.", "http")) == "_http._tcp.api.internal.");
}

TEST_CASE("a name without a port that begins with an underscore is one of SRV records") {
  CHECK(serviceName(serverOf("_http._tcp.api.internal")) == "_http._tcp.api.internal");
  CHECK(serviceName(serverOf("_web.service.consul.")) == "_web.service.consul.");
  for (const char* other : {"_http._tcp.api.internal:80", "_api:80", "api.internal:80",
                            "_http._tcp", "_http._tcp.", "127.0.0.1:80", "[::1]:80", "unix:/_a"})
    CHECK(serviceName(serverOf(other)).empty());
}

TEST_CASE("the host of a server stands alone") {
  CHECK(hostOf(serverOf("api.internal:80")) == "api.internal");
  CHECK(hostOf(serverOf("Api.internal.:80")) == "Api.internal");
  CHECK(hostOf(serverOf("127.0.0.1:80")) == "127.0.0.1");
  CHECK(hostOf(serverOf("[::1]:80")) == "::1");
  CHECK(hostOf(serverOf("unix:/run/api.sock")).empty());
  CHECK(hostOf(serverOf("_http._tcp.api.internal:80")) == "_http._tcp.api.internal");
  for (const char* service : {"http", "_http._tcp", "blue.eu"})
    CHECK(hostOf(serverOf("api.internal", service)) == "api.internal");
  CHECK(hostOf(serverOf("api.internal.", "http")) == "api.internal");
  CHECK(hostOf(serverOf("_http._tcp.api.internal")) == "api.internal");
  CHECK(hostOf(serverOf("_web.service.consul.")) == "service.consul");
}

TEST_CASE("a server has one form, however it is written") {
  CHECK(canonicalServer(serverOf("API.internal:80")) == "api.internal:80");
  CHECK(canonicalServer(serverOf("[::A]:80")) == "[::a]:80");
  CHECK(canonicalServer(serverOf("unix:/A")) == "unix:/A");
  const std::string records = "_http._tcp.api.internal";
  CHECK(canonicalServer(serverOf("_HTTP._tcp.api.internal")) == records);
  CHECK(canonicalServer(serverOf("Api.internal", "http")) == records);
  CHECK(canonicalServer(serverOf("api.internal", "_http._TCP")) == records);
}

TEST_CASE("a host alone has no port and is no IP address") {
  for (const char* text : {"api", "api.internal.", "_http._tcp.api"}) CHECK(isHostAlone(text));
  for (const char* text :
       {"", ".", "api:80", "127.0.0.1", "10.1", "::1", "[::1]", "unix:/a", "a b", "http://api"})
    CHECK_FALSE(isHostAlone(text));
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
