#include "proxy/event/timer_wheel.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "proxy/base/random.h"

using namespace oxbow;
using namespace oxbow::event;
using namespace std::chrono_literals;

namespace {

const TimePoint kStart{1h};

// Counts how often it fires, and does what the test wants then.
class Alarm final : public Timer {
 public:
  int fired = 0;
  std::function<void()> then;

 private:
  void onTimer() override {
    ++fired;
    if (then) then();
  }
};

// A wheel and the time that it is advanced to.
struct WheelFixture {
  TimerWheel wheel{kStart};
  TimePoint now = kStart;

  void pass(Duration by) {
    now += by;
    wheel.advance(now);
  }
  void sleepToNextWork() {
    REQUIRE(wheel.nextWork() != TimePoint::max());
    REQUIRE(wheel.nextWork() > now);
    now = wheel.nextWork();
    wheel.advance(now);
  }
};

}  // namespace

TEST_CASE_FIXTURE(WheelFixture, "a timer fires once, at its deadline and not before") {
  Alarm alarm;
  wheel.set(alarm, now + 10ms);
  CHECK(alarm.armed());
  CHECK(alarm.deadline() == kStart + 10ms);
  pass(9ms);
  CHECK(alarm.fired == 0);
  pass(1ms);
  CHECK(alarm.fired == 1);
  CHECK_FALSE(alarm.armed());
  pass(1h);
  CHECK(alarm.fired == 1);
}

TEST_CASE_FIXTURE(WheelFixture, "a deadline between two milliseconds is rounded up") {
  Alarm alarm;
  wheel.set(alarm, now + 2ms + 1ns);
  pass(2ms + 1us);
  CHECK(alarm.fired == 0);
  pass(1ms);
  CHECK(alarm.fired == 1);
}

TEST_CASE_FIXTURE(WheelFixture, "a deadline that has passed fires in the next millisecond") {
  Alarm past, present;
  pass(1s);
  wheel.set(past, now - 1s);
  wheel.set(present, now);
  pass(1ms);
  CHECK(past.fired == 1);
  CHECK(present.fired == 1);
}

TEST_CASE_FIXTURE(WheelFixture, "an idle wheel has no work") {
  CHECK(wheel.nextWork() == TimePoint::max());
  pass(10h);
  CHECK(wheel.nextWork() == TimePoint::max());
  Alarm fires, removed;
  wheel.set(fires, now + 5ms);
  wheel.set(removed, now + 5s);
  CHECK(wheel.size() == 2);
  wheel.remove(removed);
  pass(5ms);
  CHECK(fires.fired == 1);
  CHECK(wheel.size() == 0);
  CHECK(wheel.nextWork() == TimePoint::max());
}

TEST_CASE_FIXTURE(WheelFixture, "a cancelled timer costs at most one empty wake-up") {
  Alarm alarm;
  wheel.set(alarm, now + 1h);
  wheel.cancel(alarm);
  CHECK_FALSE(alarm.armed());
  sleepToNextWork();
  CHECK(wheel.nextWork() == TimePoint::max());
  CHECK(alarm.fired == 0);
  CHECK(wheel.size() == 0);
}

TEST_CASE_FIXTURE(WheelFixture, "a timer that is moved later keeps its node and fires once") {
  Alarm alarm;
  wheel.set(alarm, now + 10ms);
  wheel.set(alarm, now + 50ms);
  CHECK(wheel.size() == 1);
  CHECK(wheel.nextWork() <= kStart + 10ms);  // the old slot comes up, and re-arms
  pass(49ms);
  CHECK(alarm.fired == 0);
  CHECK(alarm.armed());
  pass(1ms);
  CHECK(alarm.fired == 1);
}

TEST_CASE_FIXTURE(WheelFixture, "a timer that is moved earlier fires at the earlier time, once") {
  Alarm alarm;
  wheel.set(alarm, now + 10s);
  wheel.set(alarm, now + 10ms);
  pass(10ms);
  CHECK(alarm.fired == 1);
  pass(20s);
  CHECK(alarm.fired == 1);
}

TEST_CASE_FIXTURE(WheelFixture, "a cancelled timer can be set again, earlier or later") {
  Alarm earlier, later;
  wheel.set(earlier, now + 100ms);
  wheel.set(later, now + 100ms);
  wheel.cancel(earlier);
  wheel.cancel(later);
  wheel.set(earlier, now + 50ms);
  wheel.set(later, now + 150ms);
  pass(50ms);
  CHECK(earlier.fired == 1);
  pass(99ms);
  CHECK(later.fired == 0);
  pass(1ms);
  CHECK(later.fired == 1);
  CHECK(earlier.fired == 1);
}

TEST_CASE_FIXTURE(WheelFixture, "no deadline is no deadline") {
  Alarm alarm;
  wheel.set(alarm, TimePoint::max());
  CHECK_FALSE(alarm.armed());
  CHECK(wheel.nextWork() == TimePoint::max());
}

TEST_CASE_FIXTURE(WheelFixture, "far deadlines come up on time, also behind the wheel's horizon") {
  pass(12345ms);  // not at the start of any slot
  // The wheel spans 64^6 ms, about 2.2 years; the last two lie behind it.
  const Duration waits[] = {63ms,     64ms,      65ms,      4096ms,        5min,          5h,
                            13 * 24h, 400 * 24h, 796 * 24h, 3 * 365 * 24h, 50 * 365 * 24h};
  for (const Duration wait : waits) {
    Alarm alarm;
    const TimePoint due = now + wait;
    wheel.set(alarm, due);
    int wakes = 0;
    while (alarm.fired == 0) {
      REQUIRE(wheel.nextWork() <= due);
      sleepToNextWork();
      REQUIRE(++wakes < 200);
    }
    CHECK(now == due);
    CHECK(wheel.size() == 0);
  }
}

TEST_CASE_FIXTURE(WheelFixture,
                  "a sleep over many deadlines fires them all, in the order of the slots") {
  std::vector<int> order;
  std::deque<Alarm> alarms(5);
  const Duration waits[] = {3s, 20ms, 1h, 70ms, 5ms};
  for (size_t i = 0; i < alarms.size(); ++i) {
    alarms[i].then = [&order, i] { order.push_back(static_cast<int>(i)); };
    wheel.set(alarms[i], now + waits[i]);
  }
  pass(2h);
  CHECK(order == std::vector<int>{4, 1, 3, 0, 2});
}

TEST_CASE_FIXTURE(WheelFixture, "callbacks may set their own deadline again") {
  Alarm alarm;
  alarm.then = [&] { wheel.set(alarm, now + 10ms); };
  wheel.set(alarm, now + 10ms);
  for (int i = 1; i <= 20; ++i) {
    pass(10ms);
    CHECK(alarm.fired == i);
  }
}

TEST_CASE_FIXTURE(WheelFixture, "callbacks may cancel, move and destroy timers of the same slot") {
  Alarm first, cancelled, moved, last;
  auto destroyed = std::make_unique<Alarm>();
  first.then = [&] {
    wheel.cancel(cancelled);
    wheel.set(moved, now + 5ms);
    destroyed.reset();
  };
  for (Alarm* alarm : {&first, &cancelled, &moved, destroyed.get(), &last})
    wheel.set(*alarm, now + 10ms);
  pass(10ms);
  CHECK(first.fired == 1);
  CHECK(cancelled.fired == 0);
  CHECK(moved.fired == 0);
  CHECK(last.fired == 1);
  pass(5ms);
  CHECK(moved.fired == 1);
  CHECK(wheel.size() == 0);
}

TEST_CASE_FIXTURE(WheelFixture, "callbacks may destroy all other timers, wherever they stand") {
  std::vector<std::unique_ptr<Alarm>> others;
  for (const Duration wait : {10ms, 10ms, 11ms, 80ms, 5000ms, 300000ms}) {
    others.push_back(std::make_unique<Alarm>());
    wheel.set(*others.back(), now + wait);
  }
  Alarm first;
  first.then = [&] { others.clear(); };
  wheel.set(first, now + 9ms);
  pass(10min);
  CHECK(first.fired == 1);
  CHECK(wheel.size() == 0);
}

TEST_CASE("timers outlive their wheel, and wheels their timers") {
  Alarm survivor;
  {
    TimerWheel wheel(kStart);
    wheel.set(survivor, kStart + 1s);
    {
      Alarm brief;
      wheel.set(brief, kStart + 1s);
      CHECK(wheel.size() == 2);
    }
    CHECK(wheel.size() == 1);
  }
  // Its destructor must not touch the wheel.
}

// Against a sorted list, with the clock going its own way.
TEST_CASE("the wheel agrees with a sorted reference") {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    TimerWheel wheel(kStart);
    TimePoint now = kStart;
    constexpr size_t kTimers = 40;
    std::deque<Alarm> alarms(kTimers);
    std::map<size_t, TimePoint> reference;  // deadlines by timer
    std::vector<size_t> fired;
    for (size_t i = 0; i < kTimers; ++i) alarms[i].then = [&fired, i] { fired.push_back(i); };
    const auto anyWait = [&] {
      // All sizes alike: from nanoseconds to months.
      const uint64_t magnitude = random.below(53);
      return Duration(static_cast<int64_t>(random.below(uint64_t{1} << magnitude)));
    };
    for (int step = 0; step < 3000; ++step) {
      const size_t i = random.below(kTimers);
      switch (random.below(8)) {
        case 0:
          wheel.cancel(alarms[i]);
          reference.erase(i);
          break;
        case 1:
          wheel.remove(alarms[i]);
          reference.erase(i);
          break;
        case 2:
        case 3:
        case 4: {
          reference[i] = now + anyWait();
          wheel.set(alarms[i], reference[i]);
          break;
        }
        case 5:
          now += anyWait();
          wheel.advance(now);
          break;
        case 6:
          now += Duration(random.below(100'000'000));
          wheel.advance(now);
          break;
        default:  // as the dispatcher does: sleep until there is work
          if (wheel.nextWork() != TimePoint::max()) now = std::max(now, wheel.nextWork());
          wheel.advance(now);
      }
      for (const size_t f : fired) {
        REQUIRE(reference.count(f) == 1);
        REQUIRE(reference[f] <= now);  // never early
        reference.erase(f);
      }
      fired.clear();
      TimePoint earliest = TimePoint::max();
      for (const auto& [index, deadline] : reference) {
        REQUIRE(alarms[index].armed());
        earliest = std::min(earliest, deadline);
      }
      if (earliest == TimePoint::max()) continue;
      // Later than its millisecond only while nobody has advanced since it was set.
      REQUIRE(wheel.nextWork() < std::max(earliest, now) + 2ms);
    }
    wheel.advance(now + 1ms);
    for (const size_t f : fired) reference.erase(f);
    for (const auto& [index, deadline] : reference) CHECK(deadline + 1ms > now);
  }
}

TEST_CASE_FIXTURE(WheelFixture,
                  "a deadline that is renewed all the time does not wake the wheel for each") {
  Alarm alarm;
  for (int i = 0; i < 1000; ++i) {
    wheel.set(alarm, now + 60s);
    pass(50ms);
  }
  int wakes = 0;
  while (alarm.fired == 0) {
    sleepToNextWork();
    ++wakes;
  }
  CHECK(now == kStart + 999 * 50ms + 60s);
  CHECK(wakes <=
        4);  // 60,000 ticks stand on the third level: one wake for each level, and one stale
}

TEST_CASE_FIXTURE(WheelFixture, "few deadlines that are far away wake the wheel once each") {
  Alarm alarms[3];
  const Duration far[] = {5s, 75s, 10min};
  for (size_t i = 0; i < 3; ++i) wheel.set(alarms[i], now + far[i]);
  for (size_t i = 0; i < 3; ++i) {
    sleepToNextWork();
    CHECK(now == kStart + far[i]);
    CHECK(alarms[i].fired == 1);
  }
}

TEST_CASE_FIXTURE(WheelFixture, "a nearer deadline among far ones is not slept through") {
  Alarm later, nearer;
  wheel.set(later, now + 70s);
  CHECK(wheel.nextWork() == kStart + 70s);
  wheel.set(nearer, now + 66s);
  CHECK(wheel.nextWork() == kStart + 66s);
  wheel.cancel(nearer);
  while (later.fired == 0) sleepToNextWork();
  CHECK(now == kStart + 70s);
}
