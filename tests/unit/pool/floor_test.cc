#include <doctest/doctest.h>

#include "tests/unit/pool/fakes.h"

using namespace oxbow;
using namespace oxbow::pool;

namespace {
Rules floorOf(uint32_t count) {
  return {.pool = {.keepaliveMin = count, .keepaliveTimeout = 30min}};
}
}  // namespace

TEST_CASE("the floor is opened at the start, one connection each 100 ms") {
  Scene scene(floorOf(4));
  scene.checkState({.connecting = 1});
  scene.pass(99ms, 1ms);
  scene.checkState({.connecting = 1});
  scene.pass(1ms, 1ms);
  scene.checkState({.connecting = 2});
  scene.pass(100ms, 1ms);
  scene.checkState({.connecting = 3});
  scene.pass(100ms, 1ms);
  scene.checkState({.connecting = 4});
  scene.pass(5s);
  scene.connectAll();
  scene.pass(5s);
  scene.checkState({.idle = 4});
  CHECK(scene.stats().opened.value() == 4);
}

TEST_CASE("each endpoint has its own floor") {
  Rules rules = floorOf(2);
  rules.endpoints = 3;
  Scene scene(rules);
  scene.pass(1s);
  for (size_t i = 0; i < 3; ++i) CHECK(scene.pool(i).connecting() == 2);
}

TEST_CASE("without a floor nothing is opened ahead") {
  Scene scene;
  scene.pass(10s);
  scene.checkState({});
  CHECK(scene.stats().opened.value() == 0);
}

TEST_CASE("what is in use counts for the floor") {
  Scene scene(floorOf(2));
  scene.pass(1s);
  scene.connectAll();
  scene.ask();
  scene.ask();
  scene.pass(1s);
  scene.checkState({.active = 2});
  scene.ask();
  scene.connectAll();
  scene.pass(1s);
  scene.checkState({.active = 3});
}

TEST_CASE("connections of the floor that close are replaced, one each 100 ms") {
  Scene scene(floorOf(3));
  scene.pass(1s);
  scene.connectAll();
  scene.pass(700ms);
  while (FakeConn* conn = scene.first(ConnState::Idle)) conn->serverCloses();
  scene.checkState({.connecting = 1});
  scene.pass(200ms, 10ms);
  scene.checkState({.connecting = 3});
}

TEST_CASE("a quiet minute ends the refilling, an exchange begins it again") {
  Scene scene(floorOf(3));
  scene.pass(1s);
  scene.connectAll();
  scene.pass(60s);
  while (FakeConn* conn = scene.first(ConnState::Idle)) conn->serverCloses();
  scene.pass(60s);
  scene.checkState({});
  CHECK(scene.dispatcher.timers() == 0);
  Client& client = scene.ask();
  scene.opening().connects();
  CHECK(client.served());
  scene.pass(1s);
  scene.checkState({.active = 1, .connecting = 2});
}

TEST_CASE("the floor is kept while there is traffic") {
  Scene scene(floorOf(2));
  scene.pass(1s);
  scene.connectAll();
  for (int minute = 0; minute < 10; ++minute) {
    scene.ask().finish();
    scene.pass(50s);
    scene.idling().serverCloses();
    scene.pass(200ms);
    scene.connectAll();
    scene.checkState({.idle = 2});
  }
}

TEST_CASE("the floor obeys the caps") {
  Rules rules = floorOf(8);
  SUBCASE("max_conns") { rules.maxConns = 3; }
  SUBCASE("max_total_conns") { rules.maxTotalConns = 3; }
  SUBCASE("max_connecting") { rules.maxConnecting = 3; }
  Scene scene(rules);
  scene.pass(10s);
  scene.checkState({.connecting = 3});
}

TEST_CASE("a waiter takes over what is being opened for the floor") {
  Scene scene(floorOf(1));
  Client& client = scene.ask();
  scene.checkState({.connecting = 1, .waiting = 1});
  scene.connectAll();
  CHECK(client.served());
}

TEST_CASE("a floor is kept that is larger than `keepalive`") {
  Rules rules = floorOf(4);
  rules.pool.keepalive = 2;
  Scene scene(rules);
  scene.pass(1s);
  scene.connectAll();
  scene.checkState({.idle = 4});
}

TEST_CASE("an endpoint that refuses is asked for its floor at the pace of the back-off") {
  Scene scene(floorOf(2));
  uint64_t refused = 0;
  for (int i = 0; i < 300; ++i) {
    while (FakeConn* conn = scene.first(ConnState::Connecting)) {
      conn->refuses();
      ++refused;
    }
    scene.pass(100ms);
  }
  // 30 s; windows end at 1 s, so half a second and up to 100 ms between attempts, about 50 in all.
  // Full jitter is random: bounds far away from that, but as far from 300 (no back-off) and 1
  // (given up).
  CHECK(refused > 25);
  CHECK(refused < 100);
  scene.connectAll();
}
