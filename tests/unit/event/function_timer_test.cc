#include "proxy/event/function_timer.h"

#include <doctest/doctest.h>

using namespace oxbow;
using namespace std::chrono_literals;

TEST_CASE("a function timer calls its function once, unless it is cancelled") {
  ManualClock clock;
  oxbow::event::Dispatcher dispatcher(clock);
  int calls = 0;
  oxbow::event::FunctionTimer timer(dispatcher, [&] { ++calls; });
  const auto pass = [&](Duration by) {
    clock.advance(by);
    dispatcher.turn(false);
  };
  timer.setIn(1s);
  pass(999ms);
  CHECK(calls == 0);
  pass(1ms);
  CHECK(calls == 1);
  pass(10s);
  CHECK(calls == 1);
  timer.setIn(1s);
  timer.cancel();
  pass(10s);
  CHECK(calls == 1);
}
