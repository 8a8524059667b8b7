#include "proxy/demo/descriptors.h"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include "proxy/config/loader.h"

namespace oxbow::demo {

namespace {

uint64_t needed(const std::string& upstream) {
  const auto loaded = config::loadText("worker_connections: 100\nupstreams: { app: { " + upstream +
                                           " } }\n"
                                           "listeners: [ { listen: 127.0.0.1:0, routes: "
                                           "[ { proxy_pass: app } ] } ]\n",
                                       "f");
  REQUIRE(loaded.config.has_value());
  return descriptorsNeeded(*loaded.config);
}

// What clients, the listener and the process itself take.
uint64_t besides() { return needed("servers: [ a:1 ], keepalive: 1") - 1; }

}  // namespace

TEST_CASE("clients are part of what is needed") { CHECK(besides() > 100); }

TEST_CASE("an upstream needs what its caps allow") {
  CHECK(needed("servers: [ a:1, b:1 ], max_conns: 10, keepalive: 5") == besides() + 20);
  CHECK(needed("servers: [ a:1, { server: b:1, max_conns: 3 } ], max_conns: 10") == besides() + 13);
  CHECK(needed("servers: [ a:1, b:1 ], max_conns: 10, max_total_conns: 15") == besides() + 15);
}

TEST_CASE("without a cap it needs at least what it keeps idle") {
  CHECK(needed("servers: [ a:1, b:1 ], keepalive: 7") == besides() + 14);
  CHECK(needed("servers: [ a:1, b:1 ], keepalive: 7, max_total_conns: 9") == besides() + 9);
}

TEST_CASE("the soft limit is raised to the hard one") {
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
  const rlimit lower{before.rlim_max / 2, before.rlim_max};
  REQUIRE(setrlimit(RLIMIT_NOFILE, &lower) == 0);
  CHECK(raiseDescriptorLimit() == before.rlim_max);
  rlimit after{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &after) == 0);
  CHECK(after.rlim_cur == before.rlim_max);
  CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
}

}  // namespace oxbow::demo
