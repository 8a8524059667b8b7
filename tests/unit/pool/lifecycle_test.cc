#include "proxy/pool/lifecycle.h"

#include <doctest/doctest.h>

#include <thread>

#include "proxy/pool/close_reason.h"
#include "tests/unit/pool/fakes.h"

using namespace oxbow;
using namespace oxbow::pool;

namespace {

std::vector<LifecycleEvent> taken(LifecycleRing& ring) {
  std::vector<LifecycleEvent> events;
  ring.take(events);
  return events;
}

std::vector<Lifecycle> kindsOf(const std::vector<LifecycleEvent>& events) {
  std::vector<Lifecycle> kinds;
  for (const LifecycleEvent& event : events) kinds.push_back(event.kind);
  return kinds;
}

LifecycleEvent eventOf(uint64_t conn) {
  LifecycleEvent event;
  event.conn = conn;
  return event;
}

}  // namespace

TEST_CASE("while nobody watches nothing is told") {
  Scene scene;
  scene.connectAndRelease();
  CHECK(taken(scene.lifecycle).empty());
  CHECK(scene.lifecycle.dropped() == 0);
}

TEST_CASE("a connection's life is told in order, under its id") {
  Scene scene;
  scene.lifecycle.start();
  FakeConn& conn = scene.connectAndRelease();
  scene.ask().finish();
  scene.pass(2min);
  const auto events = taken(scene.lifecycle);
  using enum Lifecycle;
  CHECK(kindsOf(events) == std::vector{Created, Acquired, Released, Acquired, Released, Retired});
  (void)conn;
  for (const LifecycleEvent& each : events) {
    CHECK(each.conn == events[0].conn);
    CHECK(each.place == 1);
  }
  CHECK(static_cast<CloseReason>(events[5].reason) == CloseReason::KeepaliveTimeout);
  CHECK(events[5].time - events[4].time >= 60s);
}

TEST_CASE("later connections have greater ids") {
  Scene scene;
  const auto conns = scene.warmUp(3);
  CHECK(conns[0]->id() != conns[1]->id());
  Scene other;
  CHECK(other.connectAndRelease().id() >
        std::max({conns[0]->id(), conns[1]->id(), conns[2]->id()}));
}

TEST_CASE("a connection that cannot be opened retires without having been created") {
  Scene scene;
  scene.lifecycle.start();
  scene.ask();
  scene.opening().refuses();
  const auto events = taken(scene.lifecycle);
  REQUIRE(!events.empty());
  CHECK(events[0].kind == Lifecycle::Retired);
  CHECK(static_cast<CloseReason>(events[0].reason) == CloseReason::ConnectFailed);
}

TEST_CASE("an exchange that finds the queue full is told of") {
  Scene scene({.queue = {.size = 1}, .maxConns = 1});
  scene.lifecycle.start();
  scene.ask();
  scene.opening().connects();
  scene.ask();
  scene.ask();
  const auto events = taken(scene.lifecycle);
  REQUIRE(!events.empty());
  const LifecycleEvent& last = events.back();
  CHECK(last.kind == Lifecycle::Refused);
  CHECK(static_cast<Refusal>(last.reason) == Refusal::Full);
  CHECK(last.conn == 0);
  CHECK(last.place == Scene::kQueuePlace);
}

TEST_CASE("what a ring has no room for is lost and counted; the rest comes in order") {
  LifecycleRing ring;
  ring.start();
  for (uint64_t i = 0; i < LifecycleRing::kSize + 3; ++i) ring.tell(eventOf(i));
  CHECK(ring.dropped() == 3);
  const auto events = taken(ring);
  REQUIRE(events.size() == LifecycleRing::kSize);
  for (uint64_t i = 0; i < events.size(); ++i) CHECK(events[i].conn == i);
  ring.tell(eventOf(77));
  CHECK(taken(ring).at(0).conn == 77);
}

TEST_CASE("who begins to watch is not told of what was before") {
  LifecycleRing ring;
  ring.tell(eventOf(1));
  ring.start();
  ring.tell(eventOf(2));
  ring.stop();
  ring.tell(eventOf(3));
  ring.start();
  ring.tell(eventOf(4));
  const auto events = taken(ring);
  REQUIRE(events.size() == 1);
  CHECK(events[0].conn == 4);
}

TEST_CASE("a ring's two threads lose nothing that is not counted") {
  LifecycleRing ring;
  ring.start();
  constexpr uint64_t kEvents = 200'000;
  std::thread teller([&ring] {
    for (uint64_t i = 1; i <= kEvents; ++i) ring.tell(eventOf(i));
  });
  uint64_t seen = 0, last = 0;
  while (seen + ring.dropped() < kEvents) {
    for (const LifecycleEvent& each : taken(ring)) {
      REQUIRE(each.conn > last);
      last = each.conn;
      ++seen;
    }
  }
  teller.join();
  CHECK(taken(ring).empty());
}

TEST_CASE("places have the same number whenever they are named, and a bounded number of them") {
  LifecyclePlaces places;
  const uint32_t api = places.numberOf("api", "127.0.0.1:1");
  CHECK(api != 0);
  CHECK(places.numberOf("api", "") != api);
  CHECK(places.numberOf("api", "127.0.0.1:1") == api);
  CHECK(places.at(api).upstream == "api");
  CHECK(places.at(api).endpoint == "127.0.0.1:1");
  CHECK(places.at(0).upstream.empty());
  for (size_t i = 0; i < LifecyclePlaces::kMost; ++i) places.numberOf("web", std::to_string(i));
  CHECK(places.numberOf("web", "one more") == 0);
}
