#include "proxy/pool/demand.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "tests/unit/pool/fakes.h"

using namespace oxbow;
using namespace oxbow::pool;

TEST_CASE("the peak stays for a minute, and is gone a slice later") {
  Demand demand;
  const TimePoint start{1h + 1234ms};
  demand.changed(10, start);
  demand.changed(2, start + 1s);
  CHECK(demand.peak(start + 61s) == 10);
  CHECK(demand.peak(start + 66s) == 2);
}

TEST_CASE("a number that does not change stays the peak") {
  Demand demand;
  const TimePoint start{1h};
  demand.changed(5, start);
  CHECK(demand.peak(start + 10h) == 5);
  demand.changed(0, start + 10h);
  CHECK(demand.peak(start + 10h + 60s) == 5);
  CHECK(demand.peak(start + 10h + 65s) == 0);
}

TEST_CASE("the peak is that of the last 60 to 65 seconds") {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    Random random(seed);
    Demand demand;
    TimePoint now{1h};
    uint32_t active = 0;
    std::vector<std::pair<TimePoint, uint32_t>> history{{TimePoint{}, 0}};
    for (int i = 0; i < 500; ++i) {
      now += Duration(
          static_cast<int64_t>(random.below(random.below(4) == 0 ? 40'000'000'000 : 900'000'000)));
      if (random.below(3) > 0) {
        active = static_cast<uint32_t>(random.below(20));
        demand.changed(active, now);
        history.emplace_back(now, active);
      }
      // A value counts in a window when it held at any time of it.
      const auto peakSince = [&](TimePoint from) {
        uint32_t peak = 0;
        for (size_t k = 0; k < history.size(); ++k) {
          const bool last = k + 1 == history.size();
          if (last || history[k + 1].first > from) peak = std::max(peak, history[k].second);
        }
        return peak;
      };
      const uint32_t found = demand.peak(now);
      CHECK(found >= peakSince(now - 60s));
      CHECK(found <= peakSince(now - 65s));
    }
  }
}

// In the pool -----------------------------------------------------------------------------------

namespace {
const Rules kLongTimeout{.pool = {.keepaliveTimeout = 30min}};
}

TEST_CASE("what the recent peak did not need closes, not before a minute and within 10 s of it") {
  Scene scene(kLongTimeout);
  scene.warmUp(20);
  // From here on two at a time are enough.
  for (int second = 0; second < 59; ++second) {
    Client& a = scene.ask();
    Client& b = scene.ask();
    a.finish();
    b.finish();
    scene.pass(1s);
  }
  scene.checkState({.idle = 20});
  for (int second = 59; second < 70; ++second) {
    Client& a = scene.ask();
    Client& b = scene.ask();
    a.finish();
    b.finish();
    scene.pass(1s);
  }
  scene.checkState({.idle = 2});
  CHECK(scene.closed(CloseReason::Demand) == 18);
}

TEST_CASE("what is active is needed") {
  Scene scene(kLongTimeout);
  std::vector<Client*> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(&scene.ask());
  scene.connectAll();
  scene.pass(10min, 1s);
  for (Client* client : clients) client->finish();
  scene.pass(59s);
  scene.checkState({.idle = 5});
}

TEST_CASE("without traffic nothing stays but the floor") {
  Rules rules = kLongTimeout;
  SUBCASE("none") { rules.pool.keepaliveMin = 0; }
  SUBCASE("of three") { rules.pool.keepaliveMin = 3; }
  Scene scene(rules);
  scene.warmUp(10);
  scene.pass(70s);
  scene.checkState({.idle = rules.pool.keepaliveMin});
}

TEST_CASE("the oldest idle connections go first") {
  Scene scene(kLongTimeout);
  const auto conns = scene.warmUp(3);
  for (int i = 0; i < 70; ++i) {
    scene.ask().finish();  // the one given back last, always
    scene.pass(1s);
  }
  CHECK(&scene.idling() == conns[2]);
  scene.checkState({.idle = 1});
}

TEST_CASE("a pool with nothing to do arms no timer") {
  Scene scene;
  scene.connectAndRelease();
  scene.pass(3min);
  scene.checkState({});
  CHECK(scene.dispatcher.timers() == 0);
}
