#include "proxy/event/loop_stats.h"

#include <doctest/doctest.h>

#include "proxy/event/dispatcher.h"

using namespace oxbow;
using namespace oxbow::event;
using namespace std::chrono_literals;

namespace {

struct LoopFixture {
  ManualClock clock;
  Dispatcher dispatcher{clock};

  // A turn that takes so long behind its first look at the clock.
  void turn(Duration time) {
    dispatcher.post([this, time] {
      (void)dispatcher.now();
      clock.advance(time);
    });
    dispatcher.turn(false);
  }
};

}  // namespace

TEST_CASE_FIXTURE(LoopFixture, "the time of one turn in 61 is taken") {
  for (int i = 0; i < 60; ++i) turn(1s);
  CHECK(dispatcher.stats().turnTime.snapshot().count() == 0);
  turn(40us);
  CHECK(dispatcher.stats().turnTime.snapshot().count() == 1);
  CHECK(dispatcher.stats().turnTime.snapshot().sumMicros() == 40);
  for (int i = 0; i < 61; ++i) turn(2us);
  CHECK(dispatcher.stats().turnTime.snapshot().count() == 2);
  CHECK(dispatcher.stats().turnTime.snapshot().sumMicros() == 42);
}

TEST_CASE_FIXTURE(LoopFixture, "a turn that did not look at the clock is not timed") {
  for (int i = 0; i < 200; ++i) dispatcher.turn(false);
  CHECK(dispatcher.stats().turnTime.snapshot().count() == 0);
}

TEST_CASE_FIXTURE(LoopFixture, "messages are counted as they run") {
  dispatcher.post([] {});
  dispatcher.post([] {});
  CHECK(dispatcher.stats().messages.value() == 0);
  dispatcher.turn(false);
  CHECK(dispatcher.stats().messages.value() == 2);
}
