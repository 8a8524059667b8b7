#include "proxy/upstream/opening_lane.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

using namespace oxbow;
using namespace std::chrono_literals;
using upstream::OpeningConn;
using upstream::OpeningLane;

namespace {

struct LaneFixture {
  ManualClock clock;
  event::Dispatcher dispatcher{clock};
  OpeningLane lane{dispatcher};
  std::string steps;  // the names of those that went on, in their order

  // A handshake whose steps take that long.
  struct Handshake final : OpeningConn {
    Handshake(LaneFixture& f, char n, Duration t) : fixture(f), name(n), time(t) {}
    void goOnOpening() override {
      fixture.steps += name;
      fixture.clock.advance(time);
      if (again-- > 0) fixture.lane.add(*this);
    }
    LaneFixture& fixture;
    char name;
    Duration time;
    int again = 0;
  };
  Handshake a{*this, 'a', 1500us}, b{*this, 'b', 1500us}, c{*this, 'c', 1500us};

  void turn() { dispatcher.turn(false); }
};

struct Traffic final : event::Task {
  explicit Traffic(std::string& l) : log(l) {}
  void runTask() override { log += '.'; }
  std::string& log;
};

}  // namespace

TEST_CASE_FIXTURE(LaneFixture,
                  "handshakes go on behind the turn, in the order in which they came") {
  b.time = a.time = 0us;
  lane.add(b);
  lane.add(a);
  lane.add(b);  // it is in line
  CHECK(steps.empty());
  turn();
  CHECK(steps == "ba");
  turn();
  CHECK(steps == "ba");
}

TEST_CASE_FIXTURE(LaneFixture, "a turn has two milliseconds for them; the rest comes in the next") {
  for (Handshake* handshake : {&a, &b, &c}) lane.add(*handshake);
  turn();
  CHECK(steps == "ab");
  turn();
  CHECK(steps == "abc");
}

TEST_CASE_FIXTURE(LaneFixture, "one step is taken in each turn, however long it is") {
  a.time = b.time = 50ms;
  lane.add(a);
  lane.add(b);
  turn();
  CHECK(steps == "a");
  turn();
  CHECK(steps == "ab");
}

TEST_CASE_FIXTURE(LaneFixture, "traffic comes between the shares of two turns") {
  Traffic traffic(steps);
  for (Handshake* handshake : {&a, &b, &c}) lane.add(*handshake);
  turn();
  dispatcher.soon(traffic);
  turn();
  CHECK(steps == "abc.");
  steps.clear();
  for (Handshake* handshake : {&a, &b, &c}) lane.add(*handshake);
  dispatcher.soon(traffic);
  turn();
  turn();
  CHECK(steps == "ab.c");
}

TEST_CASE_FIXTURE(LaneFixture, "who goes on again waits behind the others") {
  a.time = b.time = 0us;
  a.again = 1;
  lane.add(a);
  lane.add(b);
  turn();
  CHECK(steps == "aba");
}

TEST_CASE_FIXTURE(LaneFixture, "one that ends meanwhile is not in line any more") {
  auto gone = std::make_unique<Handshake>(*this, 'x', 0us);
  lane.add(*gone);
  lane.add(a);
  gone.reset();
  turn();
  CHECK(steps == "a");
}
