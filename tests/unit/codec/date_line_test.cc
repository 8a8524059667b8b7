#include "proxy/codec/http/date_line.h"

#include <doctest/doctest.h>

#include <string>

using namespace oxbow;
using namespace oxbow::http;
using namespace std::chrono_literals;

namespace {

// Two clocks that a test sets apart: the turn's and the wall's.
class FakeClock final : public Clock {
 public:
  TimePoint now() const override { return now_; }
  WallTime wall() const override {
    ++readings;
    return wall_;
  }
  void advance(Duration by) {
    now_ += by;
    wall_ += by;
  }
  void setWall(Duration sinceEpoch) { wall_ = WallTime(sinceEpoch); }

  mutable int readings = 0;

 private:
  TimePoint now_{5h};
  WallTime wall_{};
};

}  // namespace

TEST_CASE("a date is written as RFC 9110 shows it") {
  FakeClock clock;
  const auto at = [&](Duration sinceEpoch) {
    clock.setWall(sinceEpoch);
    DateLine line;
    return std::string(line.at(clock.now(), clock));
  };
  CHECK(at(784111777s) == "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
  CHECK(at(0s) == "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n");
  CHECK(at(951782399s + 999ms) == "Date: Mon, 28 Feb 2000 23:59:59 GMT\r\n");
  CHECK(at(951782400s) == "Date: Tue, 29 Feb 2000 00:00:00 GMT\r\n");
}

TEST_CASE("the clock is read again when the next second has begun, and not before") {
  FakeClock clock;
  clock.setWall(784111777s + 300ms);
  DateLine line;
  CHECK(line.at(clock.now(), clock).substr(29, 2) == "37");
  clock.advance(699ms);
  CHECK(line.at(clock.now(), clock).substr(29, 2) == "37");
  CHECK(clock.readings == 1);
  clock.advance(1ms);
  CHECK(line.at(clock.now(), clock).substr(29, 2) == "38");
  CHECK(clock.readings == 2);
  clock.advance(10s + 1ms);
  CHECK(line.at(clock.now(), clock).substr(29, 2) == "48");
  clock.advance(998ms);
  line.at(clock.now(), clock);
  CHECK(clock.readings == 3);
  clock.advance(1ms);
  line.at(clock.now(), clock);
  CHECK(clock.readings == 4);
}
