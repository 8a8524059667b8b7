#include "proxy/pool/idle_age.h"

#include <doctest/doctest.h>

#include <vector>

using namespace oxbow;
using namespace oxbow::pool;
using namespace std::chrono_literals;

namespace {

// A server's closes, a minute apart unless told otherwise.
struct ServerFixture {
  IdleAge ages;
  TimePoint now{1h};

  // Busy connections of all ages, so that only the idleness can explain the close.
  void closesAfterIdle(Duration idle) {
    lived_ += 97s;
    closes(idle, idle + lived_, 5);
  }
  void closes(Duration idle, Duration age, uint64_t exchanges) {
    now += 1min;
    ages.serverClosed(idle, age, exchanges, now);
  }
  void closesAfterIdle(const std::vector<Duration>& idles) {
    for (const Duration idle : idles) closesAfterIdle(idle);
  }
  bool knows() const { return ages.learned(now).has_value(); }

 private:
  Duration lived_ = 10s;
};

}  // namespace

TEST_CASE_FIXTURE(ServerFixture, "three closes at one age are learned") {
  closesAfterIdle({5s, 5s});
  CHECK_FALSE(knows());
  CHECK(ages.retireAfter(now) == Duration::max());
  closesAfterIdle(5s);
  REQUIRE(knows());
  CHECK(*ages.learned(now) == 5s);
  CHECK(ages.retireAfter(now) == 4s);  // 0.8 of it
}

TEST_CASE_FIXTURE(ServerFixture, "ages agree within 10 %, and the shortest counts") {
  SUBCASE("agreeing") {
    closesAfterIdle({4900ms, 5s, 4500ms});  // 4.5 is 90 % of 5
    REQUIRE(knows());
    CHECK(*ages.learned(now) == 4500ms);
  }
  SUBCASE("scattered") {
    closesAfterIdle({4900ms, 5s, 4499ms});
    CHECK_FALSE(knows());
  }
}

TEST_CASE_FIXTURE(ServerFixture, "the last three closes count") {
  closesAfterIdle({1s, 9s, 5s, 5s});
  CHECK_FALSE(knows());
  closesAfterIdle(5s);
  CHECK(knows());
}

TEST_CASE_FIXTURE(ServerFixture, "a server that changes its age is learned anew") {
  closesAfterIdle({5s, 5s, 5s});
  closesAfterIdle({3s, 3s});
  CHECK(*ages.learned(now) == 5s);
  closesAfterIdle(3s);
  CHECK(*ages.learned(now) == 3s);
}

TEST_CASE_FIXTURE(ServerFixture,
                  "closes that the connections' whole age explains better teach nothing") {
  closes(5000ms, 60000ms, 5);
  closes(5200ms, 60100ms, 5);
  closes(5400ms, 60200ms, 5);
  CHECK_FALSE(knows());
}

TEST_CASE_FIXTURE(ServerFixture, "where both ages agree, the one with less scatter is the cause") {
  closes(5000ms, 60s, 5);
  closes(5001ms, 62s, 5);
  closes(5002ms, 64s, 5);
  CHECK(knows());
}

TEST_CASE_FIXTURE(ServerFixture,
                  "connections that were idle for most of their life cannot tell the ages apart") {
  closes(5000ms, 5200ms, 1);
  closes(5010ms, 5200ms, 1);
  closes(5020ms, 5200ms, 1);
  CHECK(knows());
}

TEST_CASE_FIXTURE(ServerFixture, "closes right behind a response count exchanges, not idleness") {
  for (int i = 0; i < 5; ++i) closes(1ms, 10s + i * 60s, 100);
  CHECK_FALSE(knows());
}

TEST_CASE_FIXTURE(ServerFixture,
                  "what a connection survived meanwhile is no reason to close another") {
  closesAfterIdle(5s);
  SUBCASE("a longer idleness") {
    ages.survived(5001ms);
    closesAfterIdle({5s, 5s});
    CHECK_FALSE(knows());
    closesAfterIdle(5s);  // the three behind that survival agree
    CHECK(knows());
  }
  SUBCASE("a shorter one says nothing") {
    ages.survived(4999ms);
    closesAfterIdle({5s, 5s});
    CHECK(knows());
  }
}

TEST_CASE_FIXTURE(ServerFixture, "what was survived before the first close says nothing") {
  ages.survived(1h);
  closesAfterIdle({5s, 5s, 5s});
  CHECK(knows());
}

TEST_CASE_FIXTURE(ServerFixture, "a survival between later closes counts for those before it") {
  closesAfterIdle({5s, 5s});
  ages.survived(6s);
  closesAfterIdle(5s);
  CHECK_FALSE(knows());
  closesAfterIdle(5s);
  CHECK_FALSE(knows());  // the oldest of the three was before the survival
  closesAfterIdle(5s);
  CHECK(knows());
}

TEST_CASE_FIXTURE(ServerFixture,
                  "what was learned is forgotten when 10 minutes pass without a close") {
  closesAfterIdle({5s, 5s, 5s});
  now += 10min - 1ns;
  CHECK(knows());
  now += 1ns;
  CHECK_FALSE(knows());
  CHECK(ages.retireAfter(now) == Duration::max());
  SUBCASE("and one more close does not bring it back") {
    closesAfterIdle(5s);
    CHECK_FALSE(knows());
    closesAfterIdle({5s, 5s});
    CHECK(knows());
  }
}

TEST_CASE_FIXTURE(ServerFixture, "a close keeps what was learned, also one of another age") {
  closesAfterIdle({5s, 5s, 5s});
  now += 9min - 1min;
  closesAfterIdle(17s);
  now += 9min;
  CHECK(knows());
}

TEST_CASE_FIXTURE(ServerFixture, "closes too far apart do not add up") {
  for (int i = 0; i < 5; ++i) {
    closesAfterIdle(5s);
    now += 10min;
  }
  CHECK_FALSE(knows());
}
