#include "proxy/server/descriptors.h"

#include <doctest/doctest.h>

#include <string>

#include "proxy/config/loader.h"

namespace oxbow::server {

namespace {

uint32_t clients(const std::string& upstream, uint64_t limit) {
  const auto loaded = config::loadText("worker_connections: 1000\nupstreams: { app: { " + upstream +
                                           " } }\n"
                                           "listeners: [ { listen: 127.0.0.1:0, routes: "
                                           "[ { proxy_pass: app } ] } ]\n",
                                       "f");
  REQUIRE(loaded.config.has_value());
  return clientsWithin(*loaded.config, limit);
}

}  // namespace

TEST_CASE("worker_connections holds where there are descriptors enough") {
  CHECK(clients("servers: [ a:1 ]", 20000) == 1000);
  CHECK(clients("servers: [ a:1 ]", UINT64_MAX) == 1000);
}

TEST_CASE("else clients leave room for the connections to servers, and for oxbow itself") {
  const uint32_t few = clients("servers: [ a:1 ], max_conns: 10", 900);
  CHECK(few == 900 - 256 - 1 - 10);  // and the listener
  CHECK(clients("servers: [ a:1 ], max_conns: 60", 900) == few - 50);
  CHECK(clients("servers: [ a:1, b:1 ], keepalive: 30", 900) == few - 50);
}

TEST_CASE("half of the descriptors are for clients, whatever upstreams may take") {
  CHECK(clients("servers: [ a:1 ], max_conns: 100000", 500) == 250);
  CHECK(clients("servers: [ a:1 ]", 1) == 1);
}

}  // namespace oxbow::server
