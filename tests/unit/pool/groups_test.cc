// Groups of endpoints: a worse one is used only where nothing of a better one can be reached.

#include <doctest/doctest.h>

#include <vector>

#include "tests/unit/pool/fakes.h"

using namespace oxbow;
using namespace oxbow::pool;

namespace {

// The endpoint i is of the group `groups[i]`.
struct Grouped : Scene {
  explicit Grouped(const std::vector<uint32_t>& groups, const Rules& r = {})
      : Scene(with(r, groups.size())) {
    std::vector<ConnPool*> pools;
    for (size_t i = 0; i < groups.size(); ++i) {
      pool(i).setGroup(groups[i]);
      pools.push_back(&pool(i));
    }
    queue.setPools(pools);
  }
  static Rules with(Rules r, size_t endpoints) {
    r.endpoints = static_cast<uint32_t>(endpoints);
    return r;
  }
  // The server of that endpoint dies: its connections end, and it refuses.
  void die(size_t endpoint) {
    while (FakeConn* conn = first(ConnState::Idle, endpoint)) conn->serverCloses();
    if (pool(endpoint).connecting() == 0) return;
    while (FakeConn* conn = first(ConnState::Connecting, endpoint)) conn->refuses();
  }
  void serve(int exchanges) {
    for (int i = 0; i < exchanges; ++i) {
      Client& client = ask();
      while (!client.served()) {
        REQUIRE(client.waiting());
        connectAll();
      }
      client.finish();
    }
  }
};

}  // namespace

TEST_CASE("only the best group is used while it can be reached") {
  Grouped scene({1, 0, 0, 2});
  for (int i = 0; i < 8; ++i) scene.ask();
  scene.connectAll();
  CHECK(scene.pool(1).active() + scene.pool(2).active() == 8);
  CHECK(scene.pool(1).active() > 0);
  CHECK(scene.pool(2).active() > 0);
}

TEST_CASE("when the best group dies, the next serves, and no exchange fails") {
  Grouped scene({0, 1}, {.queue = {.tries = 2}});
  scene.serve(3);
  CHECK(scene.pool(1).total() == 0);
  scene.die(0);
  Client& client = scene.ask();
  scene.opening(0).refuses();
  CHECK(client.waiting());
  scene.opening(1).connects();
  CHECK(client.served());
  Client& next = scene.ask();
  CHECK(scene.pool(0).connecting() == 0);
  CHECK(scene.pool(1).connecting() == 1);
  scene.connectAll();
  CHECK(next.served());
}

TEST_CASE("several waiters go on together when the best group dies") {
  Grouped scene({0, 1}, {.maxConns = 2, .maxConnecting = 2});
  std::vector<Client*> clients;
  for (int i = 0; i < 6; ++i) clients.push_back(&scene.ask());
  CHECK(scene.pool(0).connecting() == 2);
  CHECK(scene.pool(1).connecting() == 0);
  scene.opening(0).refuses();
  scene.opening(0).refuses();
  CHECK(scene.pool(1).connecting() == 2);
  scene.connectAll();
  for (Client* client : clients) {
    REQUIRE(client->served());
    client->finish();
  }
}

TEST_CASE("a better group that works again is found without an exchange that waits for it") {
  Grouped scene({0, 1});
  scene.serve(1);
  scene.die(0);
  Client& client = scene.ask();
  scene.opening(0).refuses();
  scene.connectAll();
  client.finish();
  scene.pass(60ms);  // past the first window
  Client& meanwhile = scene.ask();
  CHECK(meanwhile.served());  // by the second group, beside the probe
  CHECK(scene.pool(0).connecting() == 1);
  Client& other = scene.ask();
  scene.checkState({.active = 1, .connecting = 2, .waiting = 1});
  CHECK(scene.pool(0).connecting() == 1);  // one probe
  SUBCASE("that is there") {
    scene.opening(0).connects();
    scene.connectAll();
    CHECK(other.served());
    meanwhile.finish();
    other.finish();
    const uint64_t before = scene.stats(1).acquired.value();
    scene.serve(5);
    CHECK(scene.stats(1).acquired.value() == before);
  }
  SUBCASE("that still refuses") {
    scene.opening(0).refuses();
    CHECK(other.waiting());
    CHECK(other.tries() == 0);
    scene.connectAll();
    CHECK(other.served());
    CHECK(scene.pool(1).active() == 2);
  }
  SUBCASE("that hangs") {
    scene.opening(1).connects();
    CHECK(other.served());
    for (int i = 0; i < 5; ++i) {
      scene.pass(1s);
      Client& next = scene.ask();
      while (FakeConn* conn = scene.first(ConnState::Connecting, 1)) conn->connects();
      CHECK(next.served());
      next.finish();
    }
  }
}

TEST_CASE("a busy group is waited for") {
  Rules rules;
  SUBCASE("at max_conns") { rules.maxConns = 1; }
  SUBCASE("at max_connecting") { rules.maxConnecting = 1; }
  Grouped scene({0, 1}, rules);
  Client& first = scene.ask();
  Client& second = scene.ask();
  CHECK(scene.pool(1).total() == 0);
  scene.opening(0).connects();
  CHECK(first.served());
  first.finish();
  CHECK(second.served());
  CHECK(scene.pool(1).total() == 0);
}

TEST_CASE("a wait for a busy group has its deadline") {
  Grouped scene({0, 1}, {.queue = {.timeout = 2s}, .maxConns = 1});
  scene.ask();
  scene.connectAll();
  Client& late = scene.ask();
  scene.pass(2s);
  CHECK(late.refused());
  CHECK(scene.pool(1).total() == 0);
}

TEST_CASE("what is idle of a worse group is left alone while the better one works") {
  Grouped scene({0, 1}, {.maxConns = 1});
  Client& first = scene.ask();
  scene.opening(0).refuses();
  scene.connectAll();
  CHECK(scene.pool(1).active() == 1);
  scene.pass(60ms);
  scene.ask();  // sets the probe going
  scene.opening(0).connects();
  CHECK(scene.pool(0).active() == 1);
  Client& waiter = scene.ask();
  first.finish();
  CHECK(scene.pool(1).idle() == 1);
  CHECK(waiter.waiting());
  SUBCASE("and used when that is over") {
    scene.endpointState(0).backoff.failed(scene.clock.now(), scene.clock.now(), scene.random);
    scene.queue.attend();
    CHECK(waiter.served());
  }
}

TEST_CASE("a worse group has no floor while the better one works") {
  Grouped scene({0, 1}, {.pool = {.keepaliveMin = 2}});
  // What was opened before the groups were known is not replaced.
  while (FakeConn* conn = scene.first(ConnState::Connecting, 1)) conn->refuses();
  const uint64_t before = scene.stats(1).opened.value();
  scene.serve(3);
  scene.pass(10s);
  CHECK(scene.stats(1).opened.value() == before);
  CHECK(scene.pool(0).total() == 2);
}

TEST_CASE("when every group has failed an exchange, it is told once") {
  Grouped scene({0, 1, 2}, {.queue = {.tries = 3}});
  Client& client = scene.ask();
  for (size_t i = 0; i < 3; ++i) {
    CHECK(client.waiting());
    scene.opening(i).refuses();
  }
  CHECK(client.refused());
  CHECK(client.answers == 1);
  CHECK(client.tries() == 3);
}

TEST_CASE("with every group failing, the best that may be tried is") {
  Grouped scene({0, 1});
  Client& client = scene.ask();
  scene.opening(0).refuses();
  scene.opening(1).refuses();
  CHECK(client.refused());
  scene.pass(1s);
  Client& next = scene.ask();
  CHECK(scene.pool(0).connecting() == 1);
  CHECK(scene.pool(1).connecting() == 0);
  scene.connectAll();
  CHECK(next.served());
}

TEST_CASE("idle connections of a worse group do not fill max_total_conns") {
  Grouped scene({0, 1}, {.maxTotalConns = 1});
  Client& first = scene.ask();
  scene.opening(0).refuses();
  scene.opening(1).connects();
  first.finish();
  scene.checkState({.idle = 1});
  scene.pass(60ms);
  Client& next = scene.ask();
  CHECK(next.served());
  CHECK(scene.pool(1).active() == 1);
  next.finish();
  scene.endpointState(0).backoff.succeeded();
  Client& again = scene.ask();
  CHECK(scene.closed(CloseReason::MakeRoom, 1) == 1);
  scene.connectAll();
  CHECK(again.served());
  CHECK(scene.pool(0).active() == 1);
}

TEST_CASE("a replay makes room in the group that it waits for") {
  Grouped scene({0, 1}, {.maxConns = 1});
  scene.serve(1);
  Client& replay = scene.askReplay();
  CHECK(scene.closed(CloseReason::MakeRoom, 0) == 1);
  CHECK(scene.pool(0).connecting() == 1);
  CHECK(scene.pool(1).total() == 0);
  scene.connectAll();
  CHECK(replay.served());
}
