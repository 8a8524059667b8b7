#include "proxy/event/pulse.h"

#include <doctest/doctest.h>

using namespace oxbow;
using namespace oxbow::event;
using namespace std::chrono_literals;

namespace {

struct PulseFixture {
  ManualClock clock;
  Dispatcher dispatcher{clock};
  Sleeper watcher;
  int beats = 0;
  bool wanted = false;
  Pulse pulse{dispatcher, 5s, [this] {
                ++beats;
                return wanted;
              }};

  void pass(Duration by) {
    clock.advance(by);
    dispatcher.turn(false);
  }
  void work() {
    dispatcher.post([] {});
    dispatcher.turn(false);
  }
  // As the watchdog does when there is no traffic.
  void beQuiet() { dispatcher.activity().arm(watcher); }
};

}  // namespace

TEST_CASE_FIXTURE(PulseFixture, "it beats at intervals while somebody watches the loop") {
  pass(4999ms);
  CHECK(beats == 0);
  pass(1ms);
  CHECK(beats == 1);
  pass(5s);
  CHECK(beats == 2);
  CHECK(pulse.beats());
}

TEST_CASE_FIXTURE(PulseFixture,
                  "in an idle process it beats once more, and as long as it is wanted") {
  beQuiet();
  wanted = true;
  for (int i = 1; i <= 3; ++i) {
    pass(5s);
    CHECK(beats == i);
    CHECK(pulse.beats());
  }
  wanted = false;
  pass(5s);
  CHECK(beats == 4);
  CHECK_FALSE(pulse.beats());
  pass(1h);
  CHECK(beats == 4);
}

TEST_CASE_FIXTURE(PulseFixture, "the next work starts it again, before it is done") {
  beQuiet();
  pass(5s);
  CHECK_FALSE(pulse.beats());
  clock.advance(1h);
  bool within = false;
  dispatcher.post([&] { within = pulse.beats(); });
  dispatcher.turn(false);
  CHECK(within);
  pass(4999ms);
  CHECK(beats == 1);
  pass(1ms);
  CHECK(beats == 2);
  CHECK_FALSE(pulse.beats());
}

TEST_CASE_FIXTURE(PulseFixture,
                  "work that comes behind the last beat, in its turn, starts it again") {
  struct Late final : Task {
    void runTask() override { ran = true; }
    bool ran = false;
  } late;
  beQuiet();
  dispatcher.soon(late);
  pass(5s);
  CHECK(beats == 1);
  CHECK(late.ran);
  CHECK(pulse.beats());
}

TEST_CASE_FIXTURE(PulseFixture, "it does not rest where nobody would tell it of the next work") {
  beQuiet();
  // The turn in which it would rest takes so long that the watcher is woken.
  wanted = false;
  struct Slow final : Timer {
    explicit Slow(ManualClock& c) : clock(c) {}
    void onTimer() override { clock.advance(2 * Dispatcher::kLongTurn); }
    ManualClock& clock;
  } slow(clock);
  dispatcher.setDeadline(slow, clock.now() + 5s);
  pass(5s);
  CHECK(watcher.sleepFor(Duration(0)));
  CHECK_FALSE(dispatcher.activity().quiet());
  CHECK(pulse.beats());
  dispatcher.remove(slow);
}

TEST_CASE_FIXTURE(PulseFixture,
                  "many turns of an idle process wake the watcher and do not lose it") {
  beQuiet();
  pass(5s);
  CHECK_FALSE(pulse.beats());
  for (uint32_t i = 0; i <= Activity::kAlone; ++i) work();
  CHECK_FALSE(dispatcher.activity().quiet());
  CHECK(pulse.beats());
  pass(5s);
  CHECK(pulse.beats());  // until the watcher sleeps again
  beQuiet();
  pass(5s);
  CHECK_FALSE(pulse.beats());
}
