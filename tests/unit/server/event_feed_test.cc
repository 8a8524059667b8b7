#include "proxy/server/event_feed.h"

#include <doctest/doctest.h>

#include "proxy/pool/close_reason.h"

namespace oxbow::server {

namespace {

struct Reader final : admin::EventSubscriber {
  uint64_t onEvents(TimePoint, const std::vector<admin::EventReport>& reports,
                    uint64_t lost) override {
    ++calls;
    dropped += lost;
    events.insert(events.end(), reports.begin(), reports.end());
    return std::exchange(loses, 0);
  }
  void onEventsOver() override { isOver = true; }

  size_t calls = 0;
  uint64_t dropped = 0;
  uint64_t loses = 0;  // next time
  bool isOver = false;
  std::vector<admin::EventReport> events;
};

struct Feed {
  ManualClock clock;
  event::Dispatcher dispatcher{clock};
  pool::LifecyclePlaces places;
  pool::LifecycleRing rings[2];
  EventFeed feed{dispatcher, clock, places};
  const uint32_t place = places.numberOf("api", "127.0.0.1:1");

  Feed() {
    for (pool::LifecycleRing& ring : rings) feed.add(ring);
  }

  void tell(size_t worker, uint64_t conn, Duration ago = {},
            pool::Lifecycle kind = pool::Lifecycle::Created, uint8_t reason = 0) {
    rings[worker].tell({conn, clock.now() - ago, place, kind, reason});
  }

  void turn() {
    clock.advance(EventFeed::kInterval + std::chrono::milliseconds(20));
    for (int i = 0; i < 4; ++i) dispatcher.turn(false);
  }
};

}  // namespace

TEST_CASE_FIXTURE(Feed, "workers are asked to tell only while somebody listens") {
  Reader reader;
  CHECK_FALSE(rings[0].on());
  REQUIRE(feed.subscribe(reader));
  CHECK(rings[0].on());
  CHECK(rings[1].on());
  feed.unsubscribe(reader);
  CHECK_FALSE(rings[0].on());
  turn();
  CHECK(reader.calls == 0);
}

TEST_CASE_FIXTURE(Feed, "events of all workers come together, by time, with their names") {
  Reader reader;
  REQUIRE(feed.subscribe(reader));
  using std::chrono::milliseconds;
  tell(1, 7, milliseconds(2));
  tell(0, 8, milliseconds(1), pool::Lifecycle::Retired,
       static_cast<uint8_t>(pool::CloseReason::Demand));
  tell(0, 9, milliseconds(0), pool::Lifecycle::Refused, static_cast<uint8_t>(pool::Refusal::Late));
  turn();
  REQUIRE(reader.events.size() == 3);
  CHECK(reader.events[0].connection == 7);
  CHECK(reader.events[0].worker == 1);
  CHECK(reader.events[0].upstream == "api");
  CHECK(reader.events[0].endpoint == "127.0.0.1:1");
  CHECK(reader.events[0].reason.empty());
  CHECK(reader.events[1].reason == "demand");
  CHECK(reader.events[2].reason == "late");
  CHECK(reader.events[1].time - reader.events[0].time == milliseconds(1));
}

TEST_CASE_FIXTURE(Feed, "what happens at one time stays in its order") {
  Reader reader;
  REQUIRE(feed.subscribe(reader));
  for (uint64_t conn = 1; conn <= 100; ++conn) tell(0, conn);
  turn();
  REQUIRE(reader.events.size() == 100);
  for (size_t i = 0; i < 100; ++i) {
    CHECK(reader.events[i].connection == i + 1);
    CHECK(reader.events[i].time == reader.events[0].time);
  }
}

TEST_CASE_FIXTURE(Feed, "what got lost on the way is told, and counted with what readers lose") {
  Reader reader;
  REQUIRE(feed.subscribe(reader));
  for (size_t i = 0; i < pool::LifecycleRing::kSize + 2; ++i) tell(0, i);
  reader.loses = 5;
  turn();
  CHECK(reader.dropped == 2);
  CHECK(feed.dropped() == 7);
  turn();
  CHECK(reader.dropped == 2);
}

TEST_CASE_FIXTURE(Feed, "eight may listen at once") {
  Reader readers[EventFeed::kMostSubscribers + 1];
  for (size_t i = 0; i < EventFeed::kMostSubscribers; ++i) REQUIRE(feed.subscribe(readers[i]));
  CHECK_FALSE(feed.subscribe(readers[EventFeed::kMostSubscribers]));
  feed.unsubscribe(readers[0]);
  CHECK(feed.subscribe(readers[EventFeed::kMostSubscribers]));
}

TEST_CASE_FIXTURE(Feed, "at the end the last events are told, and nobody may listen any more") {
  Reader reader;
  REQUIRE(feed.subscribe(reader));
  tell(0, 1);
  feed.stop();
  CHECK(reader.events.size() == 1);
  CHECK(reader.isOver);
  CHECK_FALSE(feed.subscribe(reader));
  CHECK(feed.subscribers() == 0);
}

}  // namespace oxbow::server
