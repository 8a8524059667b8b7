// Two address families of one name: which of them is in use.

#include "proxy/upstream/dual_stack.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/unit/pool/fakes.h"

using namespace oxbow;
using namespace oxbow::pool;
using oxbow::upstream::DualStack;

namespace {

// The first half of the endpoints is in use, the second half stands by.
struct Families final : Scene, DualStack::Owner {
  explicit Families(const Rules& r = {.endpoints = 2}) : Scene(r) {
    for (size_t i = 0; i < endpoints.size(); ++i) standsBy.push_back(i >= endpoints.size() / 2);
    arrange();
    dual.assign(members());
  }
  ~Families() { dual.assign({}); }

  const std::string server = "a.example:80";
  std::vector<bool> standsBy;
  int swaps = 0;
  stats::Counter races;
  DualStack dual{dispatcher, *this, races};

  std::vector<DualStack::Member> members() {
    std::vector<DualStack::Member> all;
    for (size_t i = 0; i < endpoints.size(); ++i)
      all.push_back({server, server, pool(i), standsBy[i]});
    return all;
  }
  void arrange() {
    std::vector<ConnPool*> pools;
    std::vector<ConnPool*> aside;
    for (size_t i = 0; i < endpoints.size(); ++i) {
      pool(i).setIndex(standsBy[i] ? ConnPool::kNoIndex : static_cast<uint32_t>(pools.size()));
      (standsBy[i] ? aside : pools).push_back(&pool(i));
    }
    queue.replacePools(pools, aside, balancer);
    for (size_t i = 0; i < endpoints.size(); ++i)
      if (standsBy[i])
        pool(i).standBy(5s);
      else
        pool(i).revive();
  }
  void onFamilyWon(const std::string& name, const std::string&) override {
    CHECK(name == server);
    ++swaps;
    standsBy.flip();
    arrange();
  }
};

}  // namespace

TEST_CASE("the other family is left alone while the one in use answers") {
  Families scene({.endpoints = 2, .pool = {.keepaliveMin = 2}});
  for (int i = 0; i < 20; ++i) {
    scene.ask();
    scene.connectAll();
    scene.pass(100ms);
  }
  CHECK(scene.races.value() == 0);
  // Of the floor, from before it stood by.
  CHECK(scene.stats(1).opened.value() == scene.closed(CloseReason::RaceLost, 1));
}

TEST_CASE("an attempt that hangs for 250 ms gets a rival") {
  Families scene;
  Client& client = scene.ask();
  scene.pass(240ms, 10ms);
  CHECK(scene.pool(1).total() == 0);
  scene.pass(11ms, 1ms);
  CHECK(scene.pool(1).connecting() == 1);
  CHECK(scene.races.value() == 1);
  SUBCASE("which wins") {
    scene.opening(1).connects();
    CHECK(client.served());
    CHECK(client.conn().pool().index() == 0);
    CHECK(&client.conn().pool() == &scene.pool(1));
    CHECK(scene.swaps == 1);
    CHECK(scene.closed(CloseReason::RaceLost, 0) == 1);
    scene.checkState({.active = 1});
    Client& next = scene.ask();
    CHECK(scene.pool(1).connecting() == 1);
    scene.connectAll();
    CHECK(next.served());
  }
  SUBCASE("which loses, before any request") {
    scene.opening(0).connects();
    CHECK(client.served());
    CHECK(&client.conn().pool() == &scene.pool(0));
    CHECK(scene.closed(CloseReason::RaceLost, 1) == 1);
    CHECK(scene.stats(1).acquired.value() == 0);
    CHECK(scene.swaps == 0);
    scene.checkState({.active = 1});
  }
  SUBCASE("of which there is one") {
    scene.ask();
    scene.ask();
    scene.pass(1s, 10ms);
    CHECK(scene.pool(1).connecting() == 1);
    CHECK(scene.races.value() == 1);
  }
  SUBCASE("which fails, and is no reason to go on and on") {
    scene.opening(1).refuses();
    CHECK(client.waiting());
    CHECK(client.tries() == 0);
    scene.pass(3s, 10ms);
    CHECK(scene.races.value() == 1);
    scene.opening(0).connects();
    CHECK(client.served());
  }
  SUBCASE("which goes on when the one in use fails") {
    scene.opening(0).refuses();
    CHECK(client.waiting());
    CHECK(client.tries() == 1);
    scene.pass(10s);  // past every deadline but that of the attempt
    CHECK(client.waiting());
    scene.opening(1).connects();
    CHECK(client.served());
    CHECK(scene.swaps == 1);
    CHECK(scene.races.value() == 1);
  }
  SUBCASE("which wins when its client has left") {
    scene.hangUp(client);
    scene.opening(1).connects();
    CHECK(scene.swaps == 1);
    scene.checkState({.idle = 1});
  }
}

TEST_CASE("an attempt that was answered, and takes its time for TLS, gets no rival") {
  Families scene;
  scene.ask();
  scene.opening(0).hasAnswered = true;
  scene.pass(3s);
  CHECK(scene.races.value() == 0);
}

TEST_CASE("a refused attempt gets a rival at once, and its exchange goes on there") {
  Families scene({.endpoints = 2, .queue = {.tries = 1}});
  Client& client = scene.ask();
  scene.opening(0).refuses();
  CHECK(client.waiting());
  CHECK(scene.pool(1).connecting() == 1);
  SUBCASE("and is served") {
    scene.opening(1).connects();
    CHECK(client.served());
    CHECK(scene.swaps == 1);
  }
  SUBCASE("and fails once") {
    scene.opening(1).refuses();
    REQUIRE(client.refused());
    CHECK(client.answers == 1);
    scene.pass(2s);
    CHECK(scene.stats(0).opened.value() + scene.stats(1).opened.value() == 2);
    CHECK(scene.swaps == 0);
    scene.checkState({});
  }
}

TEST_CASE("all whose attempts fail together are served by the one rival") {
  Families scene({.endpoints = 2, .queue = {.tries = 1}});
  std::vector<Client*> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(&scene.ask());
  while (FakeConn* conn = scene.first(ConnState::Connecting, 0)) conn->refuses();
  CHECK(scene.pool(1).connecting() == 1);
  for (const Client* client : clients) CHECK(client->waiting());
  SUBCASE("when it is open") {
    scene.connectAll();
    for (const Client* client : clients) CHECK(client->served());
    CHECK(scene.swaps == 1);
  }
  SUBCASE("or all fail") {
    scene.opening(1).refuses();
    for (const Client* client : clients) CHECK(client->answers == 1);
    scene.checkState({});
  }
}

TEST_CASE("with both families dead, attempts are bounded and every exchange is told once") {
  Families scene({.endpoints = 2, .queue = {.tries = 3}});
  uint64_t asked = 0;
  for (int i = 0; i < 50; ++i) {
    Client& client = scene.ask();
    ++asked;
    for (int step = 0; step < 100 && client.waiting(); ++step) {
      for (size_t e = 0; e < 2; ++e)
        if (FakeConn* conn = scene.first(ConnState::Connecting, e)) conn->refuses();
      scene.pass(100ms);
    }
    CHECK(client.answers == 1);
    CHECK(client.refused());
  }
  CHECK(scene.stats(0).opened.value() + scene.stats(1).opened.value() <= asked * 4);
}

TEST_CASE("attempts that lose are replaced for their waiters") {
  Families scene;
  std::vector<Client*> clients;
  for (int i = 0; i < 4; ++i) clients.push_back(&scene.ask());
  scene.pass(260ms, 10ms);
  scene.opening(1).connects();
  CHECK(clients[0]->served());
  CHECK(scene.closed(CloseReason::RaceLost, 0) == 4);
  CHECK(scene.pool(1).connecting() == 3);
  for (int i = 1; i < 4; ++i) CHECK(clients[static_cast<size_t>(i)]->waiting());
  scene.connectAll();
  for (const Client* client : clients) CHECK(client->served());
}

TEST_CASE("idle connections of the family that lost leave within a while, active ones behind") {
  Families scene({.endpoints = 2, .pool = {.keepaliveTimeout = 10min}});
  std::vector<Client*> clients;
  for (int i = 0; i < 8; ++i) clients.push_back(&scene.ask());
  scene.connectAll();
  clients[0]->finish();
  clients[1]->finish();
  scene.ask();
  scene.ask();
  Client& hanging = scene.ask();
  scene.pass(260ms, 10ms);
  clients[2]->finish();
  CHECK(hanging.served());  // by what was given back; its attempt hangs on
  clients[3]->finish();
  scene.opening(1).connects();
  CHECK(scene.closed(CloseReason::RaceLost, 0) == 1);
  CHECK(scene.pool(0).idle() == 1);
  CHECK(scene.pool(0).active() == 7);
  hanging.finish();
  CHECK(scene.closed(CloseReason::RaceLost, 0) == 2);
  CHECK(scene.pool(0).idle() == 1);
  scene.pass(5s);
  CHECK(scene.pool(0).idle() == 0);
  CHECK(scene.closed(CloseReason::RaceLost, 0) == 3);
}

TEST_CASE("families that change places again find what they left") {
  Families scene({.endpoints = 2, .pool = {.keepaliveTimeout = 10min}});
  FakeConn& idle = scene.connectAndRelease();
  scene.standsBy.flip();
  scene.arrange();
  scene.dual.assign(scene.members());
  CHECK(idle.state() == ConnState::Idle);
  Client& other = scene.ask();
  CHECK(scene.pool(1).connecting() == 1);
  scene.standsBy.flip();
  scene.arrange();
  scene.dual.assign(scene.members());
  scene.queue.attend();
  REQUIRE(other.served());
  CHECK(&other.conn() == &idle);
  CHECK(scene.closed(CloseReason::RaceLost, 1) == 1);
}

TEST_CASE("idle connections of a family that stands by are not lent, and close with a jitter") {
  Families scene({.endpoints = 2,
                  .pool = {.keepalive = 100, .keepaliveTimeout = 10min},
                  .maxConnecting = 100});
  scene.warmUp(100);
  scene.standsBy.flip();
  scene.arrange();
  scene.dual.assign(scene.members());
  scene.ask();
  CHECK(scene.pool(1).connecting() == 1);
  scene.connectAll();
  scene.pass(1s, 50ms);
  CHECK(scene.pool(0).idle() > 60);
  CHECK(scene.pool(0).idle() < 95);
  scene.pass(4100ms, 50ms);
  CHECK(scene.pool(0).idle() == 0);
  CHECK(scene.closed(CloseReason::RaceLost, 0) == 100);
}

TEST_CASE("both attempts count under the caps") {
  Rules rules{.endpoints = 2};
  SUBCASE("max_total_conns") {
    rules.maxTotalConns = 1;
    Families scene(rules);
    Client& client = scene.ask();
    scene.pass(1s, 10ms);
    CHECK(scene.pool(1).total() == 0);
    scene.opening(0).refuses();
    CHECK(scene.pool(1).connecting() == 1);
    scene.connectAll();
    CHECK(client.served());
  }
  SUBCASE("back-off") {
    Families scene(rules);
    Client& client = scene.ask();
    scene.endpointState(1).backoff.failed(scene.clock.now(), scene.clock.now() + 10s, scene.random);
    scene.pass(1s, 10ms);
    CHECK(scene.pool(1).total() == 0);
    scene.pass(10s, 50ms);
    CHECK(scene.pool(1).connecting() == 1);
    scene.connectAll();
    CHECK(client.served());
  }
}

TEST_CASE("of several addresses that stand by each has its turn") {
  Families scene({.endpoints = 6, .queue = {.tries = 2}});
  Client& client = scene.ask();
  for (size_t i = 0; i < 3; ++i)
    if (scene.pool(i).connecting() > 0) scene.opening(i).refuses();
  CHECK(client.waiting());
  for (size_t i = 3; i < 6; ++i) {
    REQUIRE(scene.pool(i).connecting() == 1);
    if (i < 5) scene.opening(i).refuses();
  }
  CHECK(client.waiting());
  scene.opening(5).connects();
  CHECK(client.served());
  CHECK(scene.swaps == 1);
}

TEST_CASE("a race ends with the names that it was for") {
  Families scene;
  Client& client = scene.ask();
  scene.pass(260ms, 10ms);
  REQUIRE(scene.pool(1).connecting() == 1);
  scene.dual.assign({});
  scene.pool(1).retire();
  CHECK(scene.closed(CloseReason::Removed, 1) == 1);
  scene.pass(1s);
  scene.opening(0).connects();
  CHECK(client.served());
}
