// Endpoints that have failed max_fails times.

#include <doctest/doctest.h>

#include "tests/unit/pool/fakes.h"

using namespace std::chrono_literals;

namespace oxbow::pool {

namespace {

struct Two : Scene {
  explicit Two(const Rules& given = {}) : Scene(with(given)) {}
  static Rules with(Rules r) {
    r.endpoints = 2;
    r.maxFails = 1;
    r.failTimeout = 10s;
    return r;
  }
  // An exchange on that endpoint fails by its fault.
  void fail(size_t endpoint) {
    FakeConn* conn = first(ConnState::Active, endpoint);
    REQUIRE(conn != nullptr);
    pool(endpoint).noteFailure(*conn);
  }
  // The first is avoided and has nothing open, the second is at its cap. REQUIRES: maxConns is 1.
  void loseFirst() {
    Client& one = ask();
    Client& two = ask();
    connectAll();
    fail(0);
    (one.conn().pool().index() == 0 ? one : two).breakOff(CloseReason::ServerClosed);
  }
  uint64_t opened(size_t endpoint) { return stats(endpoint).opened.value(); }
};

}  // namespace

TEST_CASE("an endpoint that failed gets nothing for fail_timeout, neither new nor idle") {
  Two scene;
  std::vector<Client*> clients;
  for (int i = 0; i < 4; ++i) clients.push_back(&scene.ask());
  scene.connectAll();
  const uint64_t before = scene.opened(0);
  REQUIRE(scene.pool(0).active() > 0);
  scene.fail(0);
  CHECK(scene.stats(0).avoided.value() == 1);
  for (Client* client : clients) client->finish();
  REQUIRE(scene.pool(0).idle() > 0);
  for (int i = 0; i < 6; ++i) scene.ask();
  scene.connectAll();
  CHECK(scene.pool(0).active() == 0);
  CHECK(scene.pool(1).active() == 6);
  CHECK(scene.opened(0) == before);
}

TEST_CASE("who finds the other at its cap waits for it, and is tried behind fail_timeout") {
  Two scene({.queue = {.timeout = 60s}, .maxConns = 1});
  scene.loseFirst();
  Client& waiting = scene.ask();
  scene.pass(9s);
  CHECK(waiting.waiting());
  CHECK(scene.opened(0) == 1);
  scene.pass(2s);
  scene.connectAll();
  CHECK(waiting.served());
  CHECK(scene.pool(0).active() == 1);
}

TEST_CASE("one exchange is the trial") {
  Two scene;
  scene.ask();
  scene.ask();
  scene.connectAll();
  scene.fail(0);
  const uint64_t before = scene.opened(0);
  scene.pass(10s);
  for (int i = 0; i < 4; ++i) scene.ask();
  CHECK(scene.opened(0) == before + 1);
  scene.connectAll();
  SUBCASE("whose success brings it back") {
    scene.pool(0).noteSuccess();
    for (int i = 0; i < 4; ++i) scene.ask();
    CHECK(scene.opened(0) == before + 3);
  }
  SUBCASE("whose failure does not") {
    scene.fail(0);
    scene.pass(9s);
    for (int i = 0; i < 4; ++i) scene.ask();
    CHECK(scene.opened(0) == before + 1);
  }
}

TEST_CASE("a trial that its exchange does without serves the next that waits") {
  Two scene({.queue = {.timeout = 60s}, .maxConns = 1});
  scene.loseFirst();
  Client& tries = scene.ask();
  Client& waits = scene.ask();
  scene.pass(11s);
  REQUIRE(scene.pool(0).connecting() == 1);
  scene.hangUp(tries);
  scene.connectAll();
  CHECK(waits.served());
}

TEST_CASE("when every endpoint is avoided, they are used as if none were") {
  Two scene;
  scene.ask();
  scene.ask();
  scene.connectAll();
  scene.fail(0);
  scene.fail(1);
  scene.ask();
  scene.ask();
  scene.connectAll();
  CHECK(scene.pool(0).active() + scene.pool(1).active() == 4);
}

TEST_CASE("a refused connect is a failure") {
  Two scene;
  Client& client = scene.ask();
  scene.opening(0).refuses();
  scene.connectAll();
  CHECK(client.served());
  scene.pass(5s);  // behind every back-off
  for (int i = 0; i < 4; ++i) scene.ask();
  CHECK(scene.opened(0) == 1);
}

TEST_CASE("with one endpoint nothing is counted") {
  Rules rules;
  rules.maxFails = 1;
  Scene scene(rules);
  scene.ask();
  scene.connectAll();
  scene.pool().noteFailure(*scene.first(ConnState::Active));
  CHECK(scene.stats().avoided.value() == 0);
  CHECK_FALSE(scene.pool().avoided());
}

TEST_CASE("idle connections of an avoided endpoint do not fill max_total_conns") {
  Two scene({.maxTotalConns = 2});
  Client& first = scene.ask();
  Client& second = scene.ask();
  scene.connectAll();
  scene.fail(0);
  first.finish();
  second.finish();
  scene.ask();
  scene.ask();
  scene.connectAll();
  CHECK(scene.pool(1).active() == 2);
  CHECK(scene.closed(CloseReason::MakeRoom, 0) == 1);
}

}  // namespace oxbow::pool
