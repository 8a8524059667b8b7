#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "tests/unit/pool/fakes.h"

using namespace oxbow;
using namespace oxbow::pool;

// Where the connection is being opened: an endpoint's index.
static size_t openingAt(Scene& scene) {
  for (size_t i = 0; i < scene.endpoints.size(); ++i)
    if (scene.pool(i).connecting() > 0) return i;
  FAIL("nothing is being opened");
  return 0;
}

TEST_CASE("behind a failed connect another endpoint is tried") {
  Scene scene({.endpoints = 3});
  Client& client = scene.ask();
  const size_t first = openingAt(scene);
  scene.opening(first).refuses();
  CHECK(client.waiting());
  CHECK(client.tries() == 1);
  const size_t second = openingAt(scene);
  CHECK(second != first);
  CHECK(scene.queueStats.retried.value() == 1);
  scene.opening(second).connects();
  CHECK(client.served());
  CHECK(scene.queueStats.retried.value() == 1);
}

TEST_CASE("tries are bounded, and no connection is opened beyond them") {
  Scene scene({.endpoints = 5, .queue = {.tries = 3}});
  Client& client = scene.ask();
  std::set<size_t> tried;
  for (int i = 0; i < 3; ++i) {
    CHECK(client.waiting());
    const size_t at = openingAt(scene);
    CHECK(tried.insert(at).second);
    scene.opening(at).refuses();
  }
  REQUIRE(client.refused());
  CHECK(client.refusal->code == ErrorCode::ConnectionRefused);
  CHECK(scene.queueStats.retried.value() == 2);  // the first try is none
  scene.checkState({});
  uint64_t opened = 0;
  for (size_t i = 0; i < 5; ++i) opened += scene.stats(i).opened.value();
  CHECK(opened == 3);
}

TEST_CASE("tries that came before count, and so does their time") {
  Scene scene({.endpoints = 5, .queue = {.tries = 3, .triesTimeout = 10s}});
  scene.pass(20s);
  Need need;
  need.fresh = true;
  SUBCASE("two of three were made") {
    need.tries = 2;
    need.firstTry = scene.clock.now();
  }
  SUBCASE("the first was 9 s ago, and this one takes another") {
    need.tries = 1;
    need.firstTry = scene.clock.now() - 9s;
  }
  Client& client = scene.ask(need);
  scene.pass(1s);
  scene.opening(openingAt(scene)).refuses();
  CHECK(client.refused());
}

TEST_CASE("the time for tries is bounded") {
  Scene scene({.endpoints = 5, .queue = {.tries = 5, .triesTimeout = 10s}});
  Client& client = scene.ask();
  scene.pass(6s);
  scene.opening(openingAt(scene)).refuses(CloseReason::ConnectTimeout);
  // Past the queue's 5 s, but not past the 10 s for tries: another endpoint gets its chance.
  CHECK(client.waiting());
  scene.pass(6s);
  CHECK(client.waiting());
  scene.opening(openingAt(scene)).refuses(CloseReason::ConnectTimeout);
  CHECK(client.refused());
}

TEST_CASE("when nothing is alive and nothing may be opened, everybody fails") {
  Scene scene({.maxConnecting = 1});
  std::vector<Client*> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(&scene.ask());
  scene.opening().refuses();
  for (Client* client : clients) {
    REQUIRE(client->refused());
    CHECK(client->refusal->code == ErrorCode::ConnectionRefused);
  }
  scene.checkState({});
}

TEST_CASE("who has another endpoint left waits for the end of its back-off") {
  Scene scene({.endpoints = 2, .maxConnecting = 2});
  Client& first = scene.ask();
  scene.opening(0).refuses();
  scene.opening(1).connects();
  first.breakOff(CloseReason::EndedInExchange);
  REQUIRE(scene.pool(0).backingOff());
  std::vector<Client*> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(&scene.ask());
  scene.opening(1).refuses();
  scene.opening(1).refuses();
  for (Client* client : clients) CHECK(client->waiting());
  scene.pass(51ms, 1ms);
  REQUIRE(scene.pool(0).connecting() == 2);
  SUBCASE("and is served there") {
    scene.opening(0).connects();
    scene.opening(0).connects();
    CHECK(clients[0]->served());
    CHECK(clients[1]->served());
    clients[0]->finish();
    CHECK(clients[2]->served());
  }
  SUBCASE("and fails when that fails, too") {
    for (int round = 0; round < 4; ++round) {
      for (const size_t at : {0, 1})
        while (scene.pool(at).connecting() > 0) scene.opening(at).refuses();
      scene.pass(300ms, 1ms);
    }
    for (Client* client : clients) CHECK(client->refused());
  }
}

TEST_CASE("tries are not spent on what failed while another endpoint backs off") {
  Scene scene({.endpoints = 2});
  Client& first = scene.ask();
  scene.opening(0).refuses();
  scene.opening(1).connects();
  first.breakOff(CloseReason::EndedInExchange);
  // Each failure doubles the back-off of the first endpoint.
  for (int i = 0; i < 8; ++i) {
    scene.pool(0).sharedState()->backoff.failed(scene.clock.now(), scene.clock.now(), scene.random);
    scene.pass(1ms, 1ms);
  }
  REQUIRE(scene.pool(0).backoffEnd() - scene.clock.now() > 100ms);
  Client& client = scene.ask();
  scene.opening(1).refuses();
  scene.pass(60ms, 1ms);
  CHECK_FALSE(scene.pool(1).backingOff());
  CHECK(scene.pool(1).connecting() == 0);
  CHECK(client.tries() == 1);
  scene.pass(1s, 1ms);
  scene.opening(0).connects();
  CHECK(client.served());
}

TEST_CASE("while something is alive the others wait for it") {
  Scene scene({.maxConns = 2});
  Client& borrower = scene.ask();
  scene.connectAll();
  Client& waiter = scene.ask();
  scene.opening().refuses();
  CHECK(waiter.waiting());
  borrower.finish();
  CHECK(waiter.served());
}

TEST_CASE("when what was alive ends, a waiter tries again where it failed") {
  Scene scene({.maxConns = 2});
  Client& borrower = scene.ask();
  scene.connectAll();
  Client& waiter = scene.ask();
  scene.opening().refuses();
  scene.pass(100ms);  // past the first back-off
  CHECK(scene.pool().connecting() == 0);
  borrower.breakOff(CloseReason::ResponseClose);
  CHECK(waiter.waiting());
  REQUIRE(scene.pool().connecting() == 1);
  SUBCASE("and is served") {
    scene.connectAll();
    CHECK(waiter.served());
  }
  SUBCASE("or fails") {
    scene.opening().refuses();
    CHECK(waiter.refused());
  }
}

TEST_CASE("a failed attempt of nobody fails nobody who has another") {
  Scene scene;
  Client& first = scene.ask();
  Client& second = scene.ask();
  FakeConn* ofFirst = scene.connector().alive[0];
  FakeConn* ofSecond = scene.connector().alive[1];
  scene.hangUp(first);
  ofFirst->refuses();
  CHECK(second.waiting());
  CHECK(second.tries() == 0);
  ofSecond->connects();
  CHECK(second.served());
}

TEST_CASE("an endpoint that backs off gets no connections until that is over") {
  Scene scene;
  scene.ask();
  scene.opening().refuses();
  CHECK(scene.pool().backingOff());
  CHECK_FALSE(scene.pool().canOpen());
  Client& client = scene.ask();
  CHECK(client.waiting());
  scene.checkState({.waiting = 1});
  scene.pass(51ms, 1ms);  // the first window is 50 ms
  scene.checkState({.connecting = 1, .waiting = 1});
  scene.connectAll();
  CHECK(client.served());
  CHECK_FALSE(scene.pool().backingOff());
}

TEST_CASE("dead idle connections do not get around the back-off") {
  Scene scene;
  FakeConn& idle = scene.connectAndRelease();
  Client& borrower = scene.ask();
  Client& other = scene.ask();
  scene.opening().refuses();
  REQUIRE(scene.pool().backingOff());
  scene.hangUp(other);
  borrower.finish();
  idle.found = Probe::Dead;
  Client& client = scene.askUnreplayable();
  CHECK(client.waiting());
  CHECK(scene.closed(CloseReason::DeadOnPeek) == 1);
  scene.checkState({.waiting = 1});
  scene.pass(51ms, 1ms);
  scene.connectAll();
  CHECK(client.served());
}

TEST_CASE("other endpoints serve while one backs off") {
  Scene scene({.endpoints = 2});
  Client& first = scene.ask();
  scene.opening(0).refuses();
  scene.opening(1).connects();
  CHECK(first.served());
  for (int i = 0; i < 4; ++i) scene.ask();
  CHECK(scene.pool(0).connecting() == 0);
  CHECK(scene.pool(1).connecting() == 4);
}

TEST_CASE("connects that fail together back off once") {
  Scene scene;
  std::vector<Client*> clients;
  for (int i = 0; i < 8; ++i) clients.push_back(&scene.ask());
  for (Client* client : clients) scene.hangUp(*client);  // none tries again
  CHECK(scene.pool().connecting() == 8);
  // Their failures come in over a while, past the first window of 50 ms.
  Duration longest{};
  while (scene.pool().connecting() > 0) {
    scene.opening().refuses();
    longest = std::max(longest, scene.pool().backoffEnd() - scene.dispatcher.now());
    scene.pass(20ms, 20ms);
  }
  CHECK(longest <= 50ms);
  CHECK(scene.stats().connectFailed.value() == 8);
}

TEST_CASE("a waiter that arrives when all back off is woken by the end of the first back-off") {
  Scene scene({.endpoints = 2});
  scene.ask();
  scene.opening(0).refuses();
  scene.opening(1).refuses();
  Client& client = scene.ask();
  CHECK(client.waiting());
  scene.checkState({.waiting = 1});
  scene.pass(51ms, 1ms);
  scene.checkState({.connecting = 1, .waiting = 1});
}

// Replays ---------------------------------------------------------------------------------------

TEST_CASE("a replay gets a new connection though others are idle") {
  Scene scene;
  FakeConn& idle = scene.connectAndRelease();
  Client& replay = scene.askReplay();
  CHECK(replay.waiting());
  scene.checkState({.idle = 1, .connecting = 1, .waiting = 1});
  scene.connectAll();
  CHECK(&replay.conn() != &idle);
  CHECK(replay.conn().fresh());
}

TEST_CASE("a replay goes before those that wait") {
  Scene scene({.maxConns = 1});
  Client& borrower = scene.ask();
  scene.connectAll();
  Client& waiter = scene.ask();
  Client& replay = scene.askReplay();
  borrower.breakOff(CloseReason::EndedInExchange);
  scene.connectAll();
  CHECK(replay.served());
  CHECK(waiter.waiting());
  replay.finish();
  CHECK(waiter.served());
}

TEST_CASE("a used connection passes a waiting replay by") {
  Scene scene({.maxConns = 2});
  Client& borrower = scene.ask();
  Client& other = scene.ask();
  scene.connectAll();
  Client& replay = scene.askReplay();
  Client& waiter = scene.ask();
  borrower.finish();
  CHECK(waiter.served());
  CHECK(replay.waiting());
  CHECK(other.served());
}

TEST_CASE("the oldest idle connection makes room for a replay at the cap") {
  Scene scene({.maxConns = 2});
  const auto conns = scene.warmUp(2);
  Client& replay = scene.askReplay();
  CHECK(conns[0]->state() == ConnState::Closed);
  CHECK(scene.closed(CloseReason::MakeRoom) == 1);
  scene.checkState({.idle = 1, .connecting = 1, .waiting = 1});
  scene.connectAll();
  CHECK(replay.served());
}

TEST_CASE("a connection that is given back makes room for a replay that waits at the cap") {
  Scene scene({.maxConns = 1});
  Client& borrower = scene.ask();
  scene.connectAll();
  Client& replay = scene.askReplay();
  scene.checkState({.active = 1, .waiting = 1});
  borrower.finish();
  CHECK(scene.closed(CloseReason::MakeRoom) == 1);
  scene.checkState({.connecting = 1, .waiting = 1});
  scene.connectAll();
  CHECK(replay.served());
}

TEST_CASE("an attempt that nobody waits for any more serves a replay") {
  Scene scene;
  Client& client = scene.ask();
  scene.hangUp(client);
  Client& replay = scene.askReplay();
  scene.checkState({.connecting = 1, .waiting = 1});
  scene.connectAll();
  CHECK(replay.served());
}

TEST_CASE("a replay's failed connect goes to another endpoint, too") {
  Scene scene({.endpoints = 2});
  Client& replay = scene.askReplay();
  scene.opening(0).refuses();
  scene.opening(1).connects();
  CHECK(replay.served());
}

TEST_CASE("a replay whose connect failed tries the same endpoint again, if there is no other") {
  Scene scene({.maxConns = 2});
  Client& borrower = scene.ask();
  scene.connectAll();
  Client& replay = scene.askReplay();
  scene.opening().refuses();
  CHECK(replay.waiting());  // what is lent will not do for it
  scene.pass(51ms, 1ms);
  scene.opening().connects();
  CHECK(replay.served());
  CHECK(borrower.served());
}
