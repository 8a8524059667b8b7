#include <doctest/doctest.h>

#include <memory>

#include "tests/unit/pool/fakes.h"

using namespace oxbow;
using namespace oxbow::pool;

TEST_CASE("shutdown closes what is idle, and what is active when it comes back") {
  Scene scene;
  scene.warmUp(3);
  Client& client = scene.ask();
  scene.pool().shutdown();
  scene.checkState({.active = 1});
  CHECK(scene.closed(CloseReason::Shutdown) == 2);
  client.finish();
  scene.checkState({});
  CHECK(scene.closed(CloseReason::Shutdown) == 3);
}

TEST_CASE("the reason of an exchange that ended badly is kept in a shutdown") {
  Scene scene;
  Client& client = scene.ask();
  scene.connectAll();
  scene.pool().shutdown();
  client.breakOff(CloseReason::ReadTimeout);
  CHECK(scene.closed(CloseReason::ReadTimeout) == 1);
  CHECK(scene.closed(CloseReason::Shutdown) == 0);
}

TEST_CASE("a shutdown gives up the floor") {
  Scene scene({.pool = {.keepaliveMin = 4}});
  scene.pass(100ms);
  scene.pool().shutdown();
  scene.checkState({.connecting = 2});
  scene.connectAll();
  scene.checkState({});
  scene.pass(10s);
  CHECK(scene.stats().opened.value() == 2);
  CHECK(scene.dispatcher.timers() == 0);
}

TEST_CASE("who waits when the shutdown begins is still served") {
  Scene scene({.maxConns = 1});
  Client& borrower = scene.ask();
  Client& waiter = scene.ask();
  Client& last = scene.ask();
  scene.pool().shutdown();
  scene.connectAll();
  CHECK(borrower.served());
  borrower.finish();
  CHECK(waiter.served());
  waiter.breakOff(CloseReason::ResponseClose);
  scene.connectAll();
  CHECK(last.served());
  last.finish();
  scene.checkState({});
  CHECK(scene.closed(CloseReason::Shutdown) == 1);
}

TEST_CASE("an exchange that begins during the shutdown is served, too") {
  Scene scene;
  scene.connectAndRelease();
  scene.pool().shutdown();
  Client& client = scene.ask();
  scene.connectAll();
  CHECK(client.served());
  client.finish();
  scene.checkState({});
}

TEST_CASE("a drain that ends behind the shutdown closes the connection") {
  Scene scene;
  Client& client = scene.ask();
  scene.connectAll();
  FakeConn& conn = client.conn();
  conn.clean = false;
  conn.drains = true;
  scene.hangUp(client);
  scene.pool().shutdown();
  scene.checkState({.active = 1});
  conn.drained(true);
  scene.checkState({});
  CHECK(scene.closed(CloseReason::Shutdown) == 1);
}

TEST_CASE("a pool ends with connections in every state that needs nobody") {
  Scene scene;
  scene.warmUp(2);
  Client& drainer = scene.ask();
  drainer.conn().clean = false;
  drainer.conn().drains = true;
  scene.hangUp(drainer);
  scene.ask();
  scene.hangUp(scene.ask());
  scene.checkState({.active = 2, .connecting = 1});
  scene.end();  // checks that all are closed, and their slots returned
}

TEST_CASE("waiters outlive their pools") {
  Scene scene;
  Client& client = scene.ask();
  scene.queue.replacePools({}, {}, scene.balancer);
  scene.endpoints[0]->pool.reset();
  scene.dispatcher.turn(false);
  CHECK(client.waiting());
  scene.queue.failAll(kRefused);
  CHECK(client.answers == 1);
  scene.endpoints.clear();
}

TEST_CASE("a late waiter whose pool ends is refused") {
  Scene scene({.queue = {.timeout = 1s}});
  Client& client = scene.ask();
  scene.pass(2s);
  CHECK(client.waiting());
  scene.queue.replacePools({}, {}, scene.balancer);
  scene.endpoints[0]->pool.reset();
  scene.clock.advance(1ms);
  scene.dispatcher.turn(false);
  CHECK(client.refused());
  scene.endpoints.clear();
}

TEST_CASE("the end of a queue fails who waits in it") {
  ManualClock clock;
  oxbow::event::Dispatcher dispatcher(clock);
  Random random(1);
  FakeBalancer balancer;
  QueueStats queueStats;
  const auto shared = std::make_shared<SharedQueue>(0, std::vector{&dispatcher});
  const auto state = std::make_shared<EndpointState>(0);
  PoolStats stats;
  FakeConnector connector(state->budget, shared->total);
  auto queue =
      std::make_unique<WaitQueue>(dispatcher, balancer, QueuePolicy(), queueStats, shared, 0);
  auto pool = std::make_unique<ConnPool>(
      ConnPool::Parts{dispatcher, random, connector, state, shared, stats, *queue}, PoolPolicy(),
      0);
  queue->setPools({pool.get()});
  Client client;
  queue->acquire(client, {});
  CHECK(client.waiting());
  queue.reset();
  REQUIRE(client.refused());
  CHECK(client.refusal->code == ErrorCode::DestinationUnavailable);
  CHECK_FALSE(client.waiting());
  pool.reset();
  dispatcher.turn(false);
  CHECK(shared->total.used() == 0);
}

TEST_CASE("endpoints that are added serve who waits") {
  Scene scene({.endpoints = 2, .maxConns = 1});
  scene.queue.setPools({&scene.pool(0)});
  Client& first = scene.ask();
  Client& second = scene.ask();
  CHECK(scene.pool(1).connecting() == 0);
  scene.queue.setPools({&scene.pool(0), &scene.pool(1)});
  CHECK(scene.pool(1).connecting() == 1);
  scene.connectAll();
  CHECK(first.served());
  CHECK(second.served());
}
