// Pools that stop serving: at once, or within a while, and perhaps not for good.

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "tests/unit/pool/crew.h"
#include "tests/unit/pool/fakes.h"

using namespace oxbow;
using namespace oxbow::pool;

namespace {

// What Upstream does with an endpoint that leaves.
void retire(Scene& scene, Duration spread) {
  scene.queue.replacePools({}, {&scene.pool()}, scene.balancer);
  scene.pool().retire(spread);
}

void bringBack(Scene& scene) {
  scene.queue.replacePools({&scene.pool()}, {}, scene.balancer);
  scene.pool().revive();
  scene.queue.attend();
}

}  // namespace

TEST_CASE("what is idle of a pool that leaves closes at moments spread evenly") {
  constexpr size_t kConns = 1000;
  Scene scene({.pool = {.keepalive = kConns, .keepaliveTimeout = 10min}, .maxConnecting = kConns});
  scene.warmUp(kConns);
  retire(scene, 5s);
  scene.checkState({.idle = kConns});
  uint32_t before = kConns;
  for (int second = 0; second < 5; ++second) {
    for (int step = 0; step < 50; ++step) {
      scene.pass(20ms, 20ms);
      const uint32_t closed = before - scene.pool().idle();
      CHECK(closed <= 20);  // 4 on average: no burst
      before = scene.pool().idle();
    }
    const auto expected = static_cast<uint32_t>(kConns - kConns / 5 * (second + 1));
    CHECK(scene.pool().idle() <= expected + 60);
    CHECK(scene.pool().idle() + 60 >= expected);
  }
  scene.pass(10ms, 1ms);
  scene.checkState({});
  CHECK(scene.closed(CloseReason::Removed) == kConns);
  CHECK(scene.dispatcher.timers() == 0);
}

TEST_CASE("without a spread it closes at once") {
  Scene scene;
  scene.warmUp(3);
  retire(scene, Duration(0));
  scene.checkState({});
  CHECK(scene.closed(CloseReason::Removed) == 3);
}

TEST_CASE("what is being opened closes, what is active when it comes back") {
  Scene scene;
  Client& borrower = scene.ask();
  scene.connectAll();
  scene.hangUp(scene.ask());
  scene.checkState({.active = 1, .connecting = 1});
  retire(scene, 5s);
  scene.checkState({.active = 1});
  scene.pass(10s);
  scene.checkState({.active = 1});
  borrower.finish();
  scene.checkState({});
  CHECK(scene.closed(CloseReason::Removed) == 1 + 1);
}

TEST_CASE("a deadline that comes first has its own reason") {
  Scene scene({.pool = {.keepaliveTimeout = 1ms}});
  scene.connectAndRelease();
  retire(scene, 5s);
  scene.pass(10ms, 1ms);
  CHECK(scene.closed(CloseReason::KeepaliveTimeout) == 1);
}

TEST_CASE("a server may close while its pool leaves") {
  Scene scene;
  scene.connectAndRelease();
  retire(scene, 5s);
  scene.idling().serverCloses();
  scene.checkState({});
  CHECK(scene.closed(CloseReason::ServerClosed) == 1);
}

TEST_CASE("nothing is opened for the floor of a pool that leaves") {
  Scene scene({.pool = {.keepaliveMin = 2}});
  scene.pass(1s);
  scene.connectAll();
  retire(scene, 1s);
  scene.pass(10s);
  scene.checkState({});
  CHECK(scene.stats().opened.value() == 2);
}

TEST_CASE("a pool that comes back goes on with what it still has") {
  Scene scene({.pool = {.keepaliveTimeout = 30s}, .maxConns = 3});
  const auto conns = scene.warmUp(2);
  Client& borrower = scene.ask();
  FakeConn& lent = borrower.conn();
  retire(scene, 1h);
  bringBack(scene);
  scene.checkState({.idle = 1, .active = 1});
  Client& second = scene.ask();
  CHECK(second.served());
  CHECK(std::find(conns.begin(), conns.end(), &second.conn()) != conns.end());
  borrower.finish();
  CHECK(lent.state() == ConnState::Idle);
  CHECK(scene.stats().opened.value() == 2);
  SUBCASE("by the rules for idle connections") {
    scene.pass(29s);
    scene.checkState({.idle = 1, .active = 1});
    scene.pass(2s);
    scene.checkState({.active = 1});
    CHECK(scene.closed(CloseReason::KeepaliveTimeout) == 1);
  }
  SUBCASE("within its cap") {
    scene.ask();
    scene.ask();
    scene.ask();
    CHECK(scene.pool().total() == 3);
    scene.connectAll();
    scene.checkState({.active = 3, .waiting = 1});
  }
}

TEST_CASE("who waits gets what a pool that comes back has idle") {
  Scene scene;
  scene.connectAndRelease();
  retire(scene, 1h);
  scene.queue.setAbsence(true, kRefused);
  Client& client = scene.ask();
  CHECK(client.waiting());
  bringBack(scene);
  CHECK(client.served());
  CHECK(scene.stats().opened.value() == 1);
}

TEST_CASE("the floor is kept again behind a return") {
  Scene scene({.pool = {.keepaliveMin = 2}});
  scene.pass(1s);
  scene.connectAll();
  retire(scene, Duration(0));
  scene.checkState({});
  bringBack(scene);
  scene.pass(1s);
  scene.checkState({.connecting = 2});
}

TEST_CASE("what leaves makes room under max_total_conns for who waits") {
  Scene scene({.endpoints = 2, .maxTotalConns = 2});
  scene.balancer.turnTo(0);
  scene.ask();
  scene.balancer.turnTo(0);
  scene.ask();
  scene.connectAll();
  CHECK(scene.pool(0).active() == 2);
  scene.queue.replacePools({&scene.pool(0)}, {&scene.pool(1)}, scene.balancer);
  SUBCASE("active ones do not") {
    scene.queue.replacePools({&scene.pool(1)}, {&scene.pool(0)}, scene.balancer);
    scene.pool(0).retire(5s);
    CHECK(scene.ask().waiting());
    CHECK(scene.pool(1).total() == 0);
  }
}

TEST_CASE("idle ones that leave make room under max_total_conns") {
  Scene scene({.endpoints = 2, .maxTotalConns = 2});
  std::vector<Client*> clients;
  for (int i = 0; i < 2; ++i) {
    scene.balancer.turnTo(0);
    clients.push_back(&scene.ask());
  }
  scene.connectAll();
  for (Client* client : clients) client->finish();
  scene.pool(1).setIndex(0);
  scene.pool(0).setIndex(ConnPool::kNoIndex);
  scene.queue.replacePools({&scene.pool(1)}, {&scene.pool(0)}, scene.balancer);
  scene.pool(0).retire(5s);
  Client& first = scene.ask();
  Client& second = scene.ask();
  CHECK(scene.closed(CloseReason::MakeRoom, 0) == 2);
  scene.connectAll();
  CHECK(first.served());
  CHECK(second.served());
  CHECK(scene.pool(1).active() == 2);
}

// No endpoint ------------------------------------------------------------------------------------

TEST_CASE("exchanges wait while names are awaited, and are served in their order") {
  Scene scene({.queue = {.size = 3, .timeout = 5s}});
  scene.queue.replacePools({}, {}, scene.balancer);
  scene.queue.setAbsence(true, kRefused);
  std::vector<Client*> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(&scene.ask());
  for (const Client* client : clients) CHECK(client->waiting());
  SUBCASE("bounded") {
    Client& more = scene.ask();
    REQUIRE(more.refused());
    CHECK(more.refusal->code == ErrorCode::ConnectionLimitReached);
  }
  SUBCASE("until there are endpoints") {
    scene.pass(4s);
    std::vector<int> order;
    for (int i = 0; i < 3; ++i)
      clients[static_cast<size_t>(i)]->whenServed = [&order, i] { order.push_back(i); };
    scene.queue.setPools({&scene.pool()});
    CHECK(scene.pool().connecting() == 3);
    scene.connectAll();
    CHECK(order == std::vector<int>{0, 1, 2});
  }
  SUBCASE("or there are none") {
    scene.queue.setAbsence(false, {ErrorCode::DnsError, Side::Proxy, Retry::Safe, 503, "none"});
    scene.queue.attend();
    for (const Client* client : clients) {
      REQUIRE(client->refused());
      CHECK(client->refusal->code == ErrorCode::DnsError);
      CHECK(client->refusal->statusCode() == 503);
    }
    CHECK(scene.ask().refused());
    CHECK(scene.queueStats.refusedNoEndpoint.value() == 4);
  }
  SUBCASE("or for their time") {
    scene.pass(5s);
    for (const Client* client : clients) {
      REQUIRE(client->refused());
      CHECK(client->refusal->code == ErrorCode::DnsTimeout);
      CHECK(client->refusal->statusCode() == 503);
    }
    CHECK(scene.queueStats.refusedLate.value() == 3);
  }
  SUBCASE("or leave") {
    for (Client* client : clients) scene.hangUp(*client);
    scene.checkState({});
  }
}

TEST_CASE("when all endpoints vanish, whoever waits is told at once") {
  Scene scene({.maxConns = 2});
  Client& borrower = scene.ask();
  scene.connectAll();
  Client& opening = scene.ask();
  Client& queued = scene.ask();
  scene.queue.replacePools({}, {&scene.pool()}, scene.balancer);
  scene.pool().retire(5s);
  scene.queue.attend();
  CHECK(opening.refused());
  CHECK(queued.refused());
  CHECK(queued.answers == 1);
  CHECK(borrower.served());
  borrower.finish();
  scene.checkState({});
}

TEST_CASE("a client that asks again from inside its refusal is refused, too") {
  Scene scene({.maxConns = 1});
  scene.ask();
  scene.connectAll();
  Client& queued = scene.ask();
  Client* again = nullptr;
  queued.whenRefused = [&] { again = &scene.ask(); };
  scene.queue.setPools({});
  REQUIRE(again != nullptr);
  CHECK(again->refused());
}

TEST_CASE("where somebody failed before is remembered when the endpoints change") {
  Scene scene({.endpoints = 3});
  scene.balancer.turnTo(0);
  Client& client = scene.ask();
  scene.opening(0).refuses();
  CHECK(scene.pool(1).connecting() == 1);
  scene.pool(0).setIndex(1);
  scene.pool(1).setIndex(ConnPool::kNoIndex);
  scene.pool(2).setIndex(0);
  scene.queue.replacePools({&scene.pool(2), &scene.pool(0)}, {&scene.pool(1)}, scene.balancer);
  scene.pass(60ms);  // the first window is over
  scene.balancer.turnTo(1);
  scene.pool(1).retire();
  scene.queue.attend();
  CHECK(client.waiting());
  CHECK(scene.pool(2).connecting() == 1);
  CHECK(scene.pool(0).connecting() == 0);
}

// Several workers -------------------------------------------------------------------------------

TEST_CASE("what arrives at a pool that leaves is closed, with a reason") {
  Crew crew;
  crew.warm(0);
  Client& client = crew.ask(1);
  crew.turn(0);  // it is on its way
  Crew::Worker& taker = crew.worker(1);
  taker.queue->replacePools({}, {taker.pool.get()}, taker.balancer);
  taker.pool->retire(5s);
  taker.queue->attend();
  CHECK(client.refused());
  crew.turnAll();
  CHECK(crew.open() == 0);
  CHECK(taker.stats.movedIn.value() == 1);
  CHECK(taker.stats.closedFor(CloseReason::Removed).value() == 1);
}

TEST_CASE("what arrives where its endpoint is not known is closed and counted") {
  Crew crew;
  crew.warm(0);
  crew.ask(1);
  crew.turn(0);
  Crew::Worker& taker = crew.worker(1);
  taker.queue->replacePools({}, {}, taker.balancer);
  taker.queue->attend();
  crew.turnAll();
  CHECK(crew.open() == 0);
  CHECK(taker.queueStats.strayed.value() == 1);
}

TEST_CASE("nobody is sent, or asked for, what leaves") {
  Crew crew;
  crew.warm(0);
  Crew::Worker& giver = crew.worker(0);
  giver.queue->replacePools({}, {giver.pool.get()}, giver.balancer);
  giver.pool->retire(5s);
  CHECK_FALSE(crew.worker(1).pool->hasIdleElsewhere());
  Client& client = crew.ask(1);
  CHECK(crew.worker(1).pool->connecting() == 1);
  crew.connectAll();
  CHECK(client.served());
}

TEST_CASE("a cap holds while workers apply the departure and the return at different moments") {
  Crew crew({.maxConns = 2});
  crew.warm(0);
  Client& lent = crew.ask(0);
  REQUIRE(lent.served());
  Crew::Worker& first = crew.worker(0);
  first.queue->replacePools({}, {first.pool.get()}, first.balancer);
  first.pool->retire(5s);
  first.queue->setAbsence(true, kRefused);
  Client& other = crew.ask(1);
  Client& third = crew.ask(1);
  crew.connectAll();
  CHECK(other.served());
  CHECK(third.waiting());  // the one that is lent at the first worker counts
  CHECK(crew.state->budget.used() == 2);
  first.queue->replacePools({first.pool.get()}, {}, first.balancer);
  first.pool->revive();
  first.queue->attend();
  lent.finish();
  crew.pass(6ms);
  crew.turnAll(true);
  CHECK(third.served());
  CHECK(crew.opened() == 2);
}

TEST_CASE("workers without endpoints want nothing of others") {
  Crew crew;
  crew.warm(0);
  Crew::Worker& waiting = crew.worker(1);
  waiting.queue->replacePools({}, {}, waiting.balancer);
  waiting.queue->setAbsence(true, kRefused);
  Client& client = crew.ask(1);
  Client& borrower = crew.ask(0);
  crew.pass(10ms);
  borrower.finish();
  crew.turnAll();
  CHECK(crew.worker(0).pool->idle() == 1);
  CHECK(client.waiting());
  waiting.queue->setPools({waiting.pool.get()});
  crew.turnAll(true);
  CHECK(client.served());
}
