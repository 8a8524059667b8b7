#include "proxy/server/loop_watch.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace oxbow;
using namespace oxbow::server;
using namespace std::chrono_literals;
using oxbow::event::Activity;
using Rest = LoopWatch::Rest;

namespace {

void begin(Activity& loop, const char* doing) {
  loop.beginTurn();
  loop.begin(doing);
}

// Two loops that do what the test says, and a watch that looks at them every 25 ms.
struct WatchFixture {
  ManualClock clock;
  Activity first{clock, LoopWatch::kLong}, second{clock, LoopWatch::kLong};
  std::vector<LongTurn> reports;
  LoopWatch watch{{&first, &second}, [this](const LongTurn& turn) { reports.push_back(turn); }};
  Rest rest = Rest::Nap;

  void look() { rest = watch.look(clock.now(), rest == Rest::Doze); }
  void pass(Duration time) {
    for (; time > 0ms; time -= LoopWatch::kInterval) {
      clock.advance(LoopWatch::kInterval);
      look();
    }
  }
  void checkReport(size_t index, size_t loop, const std::string& doing, Duration took, bool ended) {
    REQUIRE(reports.size() > index);
    CHECK(reports[index].loop == loop);
    CHECK(reports[index].doing == doing);
    CHECK(reports[index].took == took);
    CHECK(reports[index].ended == ended);
  }
};

// What a watchdog's thread would do, by a clock that stands still while it looks: `turn` runs at
// each of its times.
struct Simulation {
  ManualClock clock;
  Activity loop{clock, LoopWatch::kLong};
  event::Sleeper sleeper;
  LoopWatch watch{{&loop}, [](const LongTurn&) { FAIL("no turn is long"); }};
  int looks = 0;
  int wakes = 0;  // by the loop
  bool parked = false;

  void run(Duration length, Duration everySoOften) {
    const TimePoint end = clock.now() + length;
    TimePoint next = clock.now() + everySoOften;
    const auto turnAt = [&](TimePoint time) {
      advanceTo(time);
      begin(loop, "a turn");
      loop.endTurn();
      next += everySoOften;
    };
    bool undisturbed = false;
    while (clock.now() < end) {
      const Rest rest = watch.look(clock.now(), undisturbed);
      ++looks;
      parked = rest == Rest::Park;
      const TimePoint until = clock.now() + (parked ? LoopWatch::kPark : LoopWatch::kInterval);
      if (rest == Rest::Doze) watch.arm(sleeper);
      bool woken = false;
      while (next <= until && !woken) {
        turnAt(next);
        woken = rest != Rest::Nap && sleeper.sleepFor(0ms);
      }
      if (woken)
        ++wakes;
      else
        advanceTo(until);
      undisturbed = rest != Rest::Nap && !woken;
    }
  }
  void advanceTo(TimePoint time) {
    if (time > clock.now()) clock.advance(time - clock.now());
  }
};

}  // namespace

TEST_CASE_FIXTURE(WatchFixture, "a long turn is reported once, and its end with its time") {
  begin(first, "reading");
  look();
  pass(75ms);
  CHECK(reports.empty());
  CHECK(watch.longTurns(0) == 0);
  pass(25ms);
  checkReport(0, 0, "reading", 100ms, false);
  CHECK(watch.longTurns(0) == 1);
  pass(100ms);
  CHECK(reports.size() == 1);
  first.endTurn();
  pass(25ms);
  REQUIRE(reports.size() == 2);
  checkReport(1, 0, "reading", 225ms, true);
  pass(1s);
  CHECK(reports.size() == 2);
  CHECK(watch.longTurns(0) == 1);
  CHECK(watch.longTurns(1) == 0);
}

TEST_CASE_FIXTURE(WatchFixture, "what a turn is at when it is found is told") {
  begin(first, "reading");
  look();
  pass(75ms);
  first.begin("timers");
  pass(25ms);
  checkReport(0, 0, "timers", 100ms, false);
}

TEST_CASE_FIXTURE(WatchFixture, "the end is told also when the next turn is at work already") {
  begin(first, "reading");
  look();
  pass(100ms);
  begin(first, "writing");
  pass(25ms);
  checkReport(1, 0, "reading", 125ms, true);
  pass(75ms);
  CHECK(reports.size() == 2);
  pass(25ms);
  checkReport(2, 0, "writing", 100ms, false);
  CHECK(watch.longTurns(0) == 2);
}

TEST_CASE_FIXTURE(WatchFixture, "many short turns are no long one") {
  for (int i = 0; i < 100; ++i) {
    begin(first, "reading");
    pass(25ms);
  }
  CHECK(reports.empty());
}

TEST_CASE_FIXTURE(WatchFixture, "a loop that waits or has ended takes no turn, however long") {
  pass(1s);
  begin(first, "reading");
  look();
  first.endTurn();
  pass(1s);
  first.beginTurn();
  pass(1s);
  CHECK(reports.empty());
}

TEST_CASE_FIXTURE(WatchFixture, "the loops are watched apart") {
  begin(first, "reading");
  look();
  pass(50ms);
  begin(second, "timers");
  look();
  pass(50ms);
  checkReport(0, 0, "reading", 100ms, false);
  CHECK(reports.size() == 1);
  pass(50ms);
  checkReport(1, 1, "timers", 100ms, false);
  second.endTurn();
  pass(25ms);
  checkReport(2, 1, "timers", 125ms, true);
  CHECK(reports.size() == 3);
}

TEST_CASE_FIXTURE(WatchFixture, "it parks behind an undisturbed doze, not while a loop works") {
  look();
  CHECK(rest == Rest::Doze);
  rest = watch.look(clock.now(), false);
  CHECK(rest == Rest::Doze);
  begin(first, "reading");
  pass(25ms);
  CHECK(rest == Rest::Doze);
  first.endTurn();
  pass(25ms);
  CHECK(rest == Rest::Park);
}

TEST_CASE("with traffic it looks at each interval, and no turn wakes it") {
  Simulation simulation;
  simulation.run(10s, 5ms);
  CHECK(simulation.looks > 390);
  CHECK(simulation.looks < 420);
  CHECK(simulation.wakes <= 10);
}

TEST_CASE("it parks within 600 ms after the traffic") {
  Simulation simulation;
  simulation.run(3s, 5ms);
  CHECK_FALSE(simulation.parked);
  simulation.run(600ms, 1h);
  CHECK(simulation.parked);
}

TEST_CASE("a turn now and then wakes nobody") {
  Simulation simulation;
  simulation.run(200s, 1s);
  CHECK(simulation.wakes <= 20);  // one for ten turns and itself
  CHECK(simulation.looks <= 150);
}

TEST_CASE("a process that has nothing to do is looked at every two seconds") {
  Simulation simulation;
  simulation.run(1h, 24h);
  CHECK(simulation.looks <= 1802);
  CHECK(simulation.wakes == 0);
  CHECK(simulation.parked);
}

TEST_CASE_FIXTURE(WatchFixture, "a turn that was seen to its end and timed too counts once") {
  event::Sleeper sleeper;
  watch.arm(sleeper);
  begin(first, "reading");
  look();
  pass(100ms);
  CHECK(watch.longTurns(0) == 1);
  first.endTurn();
  look();
  look();
  CHECK(reports.size() == 2);
  CHECK(watch.longTurns(0) == 1);
}

TEST_CASE_FIXTURE(WatchFixture, "nor does it count twice when it is told of before it is over") {
  event::Sleeper sleeper;
  watch.arm(sleeper);
  begin(first, "reading");
  look();
  pass(100ms);
  first.endTurn();
  first.begin("reading");  // as it looks to others until endTurn() returns
  look();
  look();
  CHECK(watch.longTurns(0) == 1);
  CHECK(reports.size() == 2);
}

TEST_CASE_FIXTURE(WatchFixture, "a turn that the loop timed itself is told and counted once") {
  event::Sleeper sleeper;
  watch.arm(sleeper);
  begin(first, "reading");
  clock.advance(150ms);
  first.endTurn();
  CHECK(sleeper.sleepFor(0ms));
  look();
  checkReport(0, 0, "reading", 150ms, true);
  CHECK(reports[0].isNews);
  CHECK(watch.longTurns(0) == 1);
  pass(1s);
  CHECK(reports.size() == 1);
}
