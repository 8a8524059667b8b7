#include "proxy/session/pace.h"

#include <doctest/doctest.h>

using namespace std::chrono_literals;

namespace oxbow::session {

namespace {

constexpr TimePoint kStart{Duration(1000s)};
constexpr Duration kTolerance = 60s;

}  // namespace

TEST_CASE("who sends nothing has the tolerance") {
  Pace pace;
  pace.begin(kStart, kTolerance);
  CHECK(pace.until() == kStart + 60s);
  pace.moved(kStart + 50s, 0, 500, kTolerance);
  CHECK(pace.until() == kStart + 60s);
}

TEST_CASE("bytes buy their time at the rate") {
  Pace pace;
  pace.begin(kStart, kTolerance);
  pace.moved(kStart + 50s, 5000, 500, kTolerance);  // ten seconds
  CHECK(pace.until() == kStart + 70s);
  pace.moved(kStart + 60s, 250, 500, kTolerance);
  CHECK(pace.until() == kStart + 70s + 500ms);
}

TEST_CASE("a byte a second does not last, however often it comes") {
  Pace pace;
  pace.begin(kStart, kTolerance);
  TimePoint now = kStart;
  while (now < pace.until()) {
    now += 1s;
    pace.moved(now, 1, 500, kTolerance);
  }
  CHECK(now - kStart == 61s);
}

TEST_CASE("the rate itself lasts") {
  Pace pace;
  pace.begin(kStart, kTolerance);
  for (int i = 1; i <= 3600; ++i) {
    pace.moved(kStart + i * 1s, 500, 500, kTolerance);
    REQUIRE(pace.until() == kStart + i * 1s + kTolerance);
  }
}

TEST_CASE("a burst does not pay for silence beyond the tolerance") {
  Pace pace;
  pace.begin(kStart, kTolerance);
  for (const uint64_t bytes : {uint64_t{100} << 20, uint64_t{1} << 60}) {
    pace.moved(kStart + 1s, bytes, 500, kTolerance);
    CHECK(pace.until() == kStart + 61s);
  }
}

TEST_CASE("without a rate any byte, and any framing, renews the tolerance") {
  Pace pace;
  pace.begin(kStart, kTolerance);
  pace.moved(kStart + 59s, 1, 0, kTolerance);
  CHECK(pace.until() == kStart + 119s);
}

}  // namespace oxbow::session
