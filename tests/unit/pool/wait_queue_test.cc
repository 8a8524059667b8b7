#include "proxy/pool/wait_queue.h"

#include <doctest/doctest.h>

#include <vector>

#include "tests/unit/pool/fakes.h"

using namespace oxbow;
using namespace oxbow::pool;

// Waiting ---------------------------------------------------------------------------------------

TEST_CASE("a waiter takes a connection that is given back; its own goes idle when it is open") {
  Scene scene;
  FakeConn& conn = scene.connectAndRelease();
  Client& first = scene.ask();
  Client& second = scene.ask();
  scene.checkState({.active = 1, .connecting = 1, .waiting = 1});
  first.finish();
  CHECK(&second.conn() == &conn);
  scene.checkState({.active = 1, .connecting = 1});
  scene.connectAll();
  scene.checkState({.idle = 1, .active = 1});
  CHECK(scene.idling().exchanges() == 0);
}

TEST_CASE("waiters are served in their order") {
  Scene scene({.maxConns = 1});
  scene.connectAndRelease();
  Client& borrower = scene.ask();
  std::vector<int> order;
  std::vector<Client*> waiters;
  for (int i = 0; i < 4; ++i) {
    waiters.push_back(&scene.ask());
    waiters.back()->whenServed = [&order, i] { order.push_back(i); };
  }
  borrower.finish();
  for (Client* client : waiters) client->finish();
  CHECK(order == std::vector<int>{0, 1, 2, 3});
}

TEST_CASE("a new connection goes to the oldest waiter, whoever it was opened for") {
  Scene scene;
  Client& first = scene.ask();
  Client& second = scene.ask();
  FakeConn* opened[] = {scene.connector().alive[0], scene.connector().alive[1]};
  opened[1]->connects();
  CHECK(&first.conn() == opened[1]);
  CHECK(second.waiting());
  opened[0]->connects();
  CHECK(&second.conn() == opened[0]);
}

TEST_CASE("nobody overtakes the queue") {
  Scene scene({.maxConns = 1});
  scene.connectAndRelease();
  Client& borrower = scene.ask();
  Client& waiter = scene.ask();
  Client* newcomer = nullptr;
  waiter.whenServed = [&] { newcomer = &scene.ask(); };
  borrower.finish();
  CHECK(waiter.served());
  REQUIRE(newcomer != nullptr);
  CHECK(newcomer->waiting());
}

TEST_CASE("an attempt of a client that left serves the next one") {
  Scene scene;
  Client& first = scene.ask();
  scene.hangUp(first);
  scene.checkState({.connecting = 1});
  Client& second = scene.ask();
  scene.checkState({.connecting = 1, .waiting = 1});
  scene.connectAll();
  CHECK(second.served());
  CHECK(scene.stats().opened.value() == 1);
}

TEST_CASE("waits are counted and measured") {
  Scene scene({.maxConns = 1});
  Client& first = scene.ask();
  scene.connectAll();
  Client& second = scene.ask();
  CHECK(scene.queueStats.waiting.value() == 1);
  scene.pass(300ms);
  first.finish();
  CHECK(scene.queueStats.waiting.value() == 0);
  CHECK(scene.queueStats.served.value() == 2);
  const stats::HistogramSnapshot waits = scene.queueStats.waitTime.snapshot();
  CHECK(waits.count() == 2);
  CHECK(waits.sumMicros() == 300000);  // the first one's wait took no time on this clock
  CHECK(second.served());
}

// Cancelling ------------------------------------------------------------------------------------

TEST_CASE("a waiter can leave whatever it is doing") {
  Scene scene({.maxConns = 2});
  Client& first = scene.ask();
  Client& second = scene.ask();
  scene.connectAll();
  Client& third = scene.ask();  // without an attempt
  Client& fourth = scene.ask();
  SUBCASE("in the queue") {
    scene.hangUp(third);
    first.finish();
    CHECK(fourth.served());
  }
  SUBCASE("by cancelWait") {
    third.cancelWait();
    CHECK_FALSE(third.waiting());
    first.finish();
    CHECK(fourth.served());
    CHECK(third.answers == 0);
    second.finish();
    CHECK(third.answers == 0);
  }
  SUBCASE("with a lease") {
    scene.hangUp(first);
    CHECK(third.served());
  }
  SUBCASE("when it is asked to wait no more") {
    scene.pass(5s);
    CHECK(third.refused());
    scene.hangUp(third);
  }
  SUBCASE("all of them") {
    scene.hangUp(third);
    scene.hangUp(fourth);
    scene.checkState({.active = 2});
    first.finish();
    scene.checkState({.idle = 1, .active = 1});
  }
  scene.pass(10s);
}

TEST_CASE("a waiter that is cancelled gets no call, and may ask again") {
  Scene scene;
  Client& client = scene.ask();
  client.cancelWait();
  scene.connectAll();
  CHECK(client.answers == 0);
  scene.checkState({.idle = 1});
  scene.queue.acquire(client, {});
  CHECK(client.served());
}

TEST_CASE("a client that is served may take the others with it") {
  Scene scene({.maxConns = 2});
  std::vector<Client*> borrowers{&scene.ask(), &scene.ask()};
  scene.connectAll();
  Client& waiter = scene.ask();
  Client& victim = scene.ask();
  Client& last = scene.ask();
  waiter.whenServed = [&] {
    scene.hangUp(victim);
    scene.hangUp(last);
  };
  borrowers[0]->finish();
  CHECK(waiter.served());
  scene.checkState({.active = 2});
}

TEST_CASE("a client that is refused may take the others with it") {
  Scene scene;
  Client& first = scene.ask();
  Client& second = scene.ask();
  first.whenRefused = [&] { scene.hangUp(second); };
  scene.queue.failAll(kRefused);
  CHECK(first.refused());
  scene.checkState({.connecting = 2});
}

// Caps ------------------------------------------------------------------------------------------

TEST_CASE("max_conns of an endpoint is exact") {
  Scene scene({.maxConns = 3});
  std::vector<Client*> clients;
  for (int i = 0; i < 10; ++i) clients.push_back(&scene.ask());
  scene.checkState({.connecting = 3, .waiting = 10});
  scene.connectAll();
  scene.checkState({.active = 3, .waiting = 7});
  clients[0]->breakOff(CloseReason::ResponseClose);
  scene.checkState({.active = 2, .connecting = 1, .waiting = 7});
  CHECK(scene.connector().mostOpen == 3);
  scene.connectAll();
  for (size_t i = 1; i < clients.size(); ++i) clients[i]->finish();
  scene.checkState({.idle = 3});
  CHECK(scene.connector().mostOpen == 3);
}

TEST_CASE("max_total_conns of an upstream is exact over its endpoints") {
  Scene scene({.endpoints = 3, .maxTotalConns = 4});
  std::vector<Client*> clients;
  for (int i = 0; i < 10; ++i) clients.push_back(&scene.ask());
  scene.checkState({.connecting = 4, .waiting = 10});
  scene.connectAll();
  scene.checkState({.active = 4, .waiting = 6});
  for (Client* client : clients) client->finish();
  scene.checkState({.idle = 4});
}

TEST_CASE("max_conns counts per endpoint") {
  Scene scene({.endpoints = 2, .maxConns = 1});
  scene.ask();
  scene.ask();
  Client& third = scene.ask();
  CHECK(scene.pool(0).connecting() == 1);
  CHECK(scene.pool(1).connecting() == 1);
  scene.connectAll();
  CHECK(third.waiting());
}

TEST_CASE("max_connecting bounds what is being opened, and room in it is used at once") {
  Scene scene({.maxConnecting = 2});
  std::vector<Client*> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(&scene.ask());
  scene.checkState({.connecting = 2, .waiting = 5});
  scene.opening().connects();
  scene.checkState({.active = 1, .connecting = 2, .waiting = 4});
  scene.opening().connects();
  scene.checkState({.active = 2, .connecting = 2, .waiting = 3});
  scene.connectAll();
  scene.checkState({.active = 5});
}

TEST_CASE("a slot that a closing connection frees opens one for the queue") {
  Scene scene({.maxConns = 1});
  FakeConn& conn = scene.connectAndRelease();
  Client& first = scene.ask();
  Client& second = scene.ask();
  CHECK(&first.conn() == &conn);
  scene.checkState({.active = 1, .waiting = 1});
  first.breakOff(CloseReason::ResponseClose);
  scene.checkState({.connecting = 1, .waiting = 1});
  scene.connectAll();
  CHECK(second.served());
}

// Full and late ---------------------------------------------------------------------------------

TEST_CASE("a full queue refuses at once") {
  Scene scene({.queue = {.size = 2}, .maxConns = 1});
  Client& borrower = scene.ask();
  scene.connectAll();
  Client& first = scene.ask();
  Client& second = scene.ask();
  Client& third = scene.ask();
  CHECK(first.waiting());
  CHECK(second.waiting());
  REQUIRE(third.refused());
  CHECK(third.refusal->code == ErrorCode::ConnectionLimitReached);
  CHECK(third.refusal->statusCode() == 503);
  CHECK(scene.queueStats.refusedFull.value() == 1);
  borrower.finish();
  CHECK(scene.ask().waiting());  // there is room again
}

TEST_CASE("waiters for whom a connection is being opened are not in the queue") {
  Scene scene({.queue = {.size = 1}, .maxConns = 3});
  for (int i = 0; i < 3; ++i) CHECK(scene.ask().waiting());
  CHECK(scene.ask().waiting());  // the one that the queue has room for
  CHECK(scene.ask().refused());
}

TEST_CASE("with a queue of none, connections are opened all the same, and nobody waits otherwise") {
  Scene scene({.queue = {.size = 0}, .maxConns = 2});
  Client& first = scene.ask();
  Client& second = scene.ask();
  Client& third = scene.ask();
  CHECK(first.waiting());
  CHECK(second.waiting());
  CHECK(third.refused());
  scene.connectAll();
  CHECK(first.served());
  CHECK(second.served());
}

TEST_CASE("a waiter is refused at its deadline") {
  Scene scene({.queue = {.timeout = 2s}, .maxConns = 1});
  scene.ask();
  scene.connectAll();
  Client& early = scene.ask();
  scene.pass(1s);
  Client& late = scene.ask();
  scene.pass(900ms);
  CHECK(early.waiting());
  scene.pass(100ms);
  REQUIRE(early.refused());
  CHECK(early.refusal->statusCode() == 503);
  CHECK(scene.queueStats.refusedLate.value() == 1);
  CHECK(late.waiting());
  scene.pass(1s);
  CHECK(late.refused());
}

TEST_CASE("an attempt under way outlasts its waiter's deadline") {
  Scene scene({.queue = {.timeout = 2s}});
  Client& client = scene.ask();
  scene.pass(3s);
  CHECK(client.waiting());
  SUBCASE("and serves it") {
    scene.connectAll();
    CHECK(client.served());
  }
  SUBCASE("or its failure is the answer") {
    scene.opening().refuses();
    REQUIRE(client.refused());
    CHECK(client.refusal->code == ErrorCode::ConnectionRefused);
  }
  CHECK(scene.queueStats.refusedLate.value() == 0);
}

TEST_CASE("a late waiter that loses its attempt to an older one is refused") {
  Scene scene({.queue = {.timeout = 2s}, .maxConns = 1, .maxConnecting = 1});
  Client& client = scene.ask();
  scene.pass(1900ms);
  Client& replay = scene.askReplay();  // goes to the front
  scene.pass(1s);
  CHECK(client.waiting());
  scene.connectAll();
  CHECK(replay.served());
  CHECK(client.waiting());
  scene.pass(1ms);
  CHECK(client.refused());
  CHECK(scene.queueStats.refusedLate.value() == 1);
}

TEST_CASE("without endpoints there is nothing to wait for") {
  Scene scene({.endpoints = 0});
  Client& client = scene.ask();
  REQUIRE(client.refused());
  CHECK(client.refusal->code == ErrorCode::DestinationUnavailable);
  CHECK(scene.queueStats.refusedNoEndpoint.value() == 1);
}

// What is idle while somebody waits -------------------------------------------------------------

TEST_CASE("who waits for a slow endpoint does not keep others from what is idle") {
  Scene scene({.endpoints = 2, .maxConns = 1});
  scene.balancer.turnTo(1);
  scene.connectAndRelease();  // at the second endpoint
  scene.balancer.turnTo(0);
  Client& slow = scene.ask();  // its turn is the first one's, which does not answer
  CHECK(slow.waiting());
  CHECK(scene.pool(1).idle() == 1);
  Client& other = scene.ask();
  CHECK(other.served());
  SUBCASE("and gets one of them when it is given back") {
    other.finish();
    CHECK(slow.served());
  }
  SUBCASE("and gets an idle one when its own attempt fails") {
    other.cancelWait();
    scene.opening(0).refuses();
    CHECK(slow.waiting());  // the other is lent
    other.finish();
    CHECK(slow.served());
  }
}

TEST_CASE("a waiter whose attempt fails takes what is idle elsewhere") {
  Scene scene({.endpoints = 2, .maxConns = 1});
  scene.balancer.turnTo(1);
  FakeConn& conn = scene.connectAndRelease();
  scene.balancer.turnTo(0);
  Client& client = scene.ask();
  CHECK(client.waiting());
  scene.opening(0).refuses();
  CHECK(&client.conn() == &conn);
}

TEST_CASE("an attempt at an endpoint that does not answer does not keep others from the next one") {
  Scene scene({.endpoints = 2});
  Client& first = scene.ask();
  scene.hangUp(first);           // leaves an attempt at the first endpoint behind
  Client& second = scene.ask();  // whose turn is the second one
  CHECK(scene.pool(1).connecting() == 1);
  scene.opening(1).connects();
  CHECK(second.served());
}

// Giving back inside the callback ---------------------------------------------------------------

TEST_CASE("waiters that give back at once are served in a loop, all of them, in order") {
  constexpr int kWaiters = 20000;  // nested calls would not survive as many
  Scene scene(
      {.pool = {.keepaliveRequests = kWaiters + 2}, .queue = {.size = kWaiters}, .maxConns = 1});
  Client& borrower = scene.ask();
  scene.connectAll();
  std::vector<Client*> waiters;
  int last = -1;
  int inOrder = 0;
  for (int i = 0; i < kWaiters; ++i) {
    waiters.push_back(&scene.ask());
    waiters.back()->hangsUpWhenServed = true;
    waiters.back()->whenServed = [&last, &inOrder, i] {
      inOrder += std::exchange(last, i) == i - 1;
    };
  }
  borrower.finish();
  CHECK(inOrder == kWaiters);
  scene.checkState({.idle = 1});
  CHECK(scene.stats().acquired.value() == kWaiters + 1);
}

TEST_CASE("a client that asks again when it is served waits behind the others") {
  Scene scene({.maxConns = 1});
  Client& borrower = scene.ask();
  scene.connectAll();
  Client& waiter = scene.ask();
  Client& behind = scene.ask();
  Client& again = scene.arrive();
  waiter.whenServed = [&] { scene.queue.acquire(again, {}); };
  borrower.finish();
  CHECK(again.waiting());
  waiter.finish();
  CHECK(behind.served());
  behind.finish();
  CHECK(again.served());
}

TEST_CASE("each waiter gets exactly one answer when all fail") {
  Scene scene({.maxConns = 1});
  std::vector<Client*> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(&scene.ask());
  Client& again = scene.arrive();
  clients[1]->whenRefused = [&] { scene.queue.acquire(again, {}); };
  scene.queue.failAll(kRefused);
  for (Client* client : clients) CHECK(client->answers == 1);
  CHECK(again.waiting());  // asked after the failure
  CHECK(again.answers == 0);
}
