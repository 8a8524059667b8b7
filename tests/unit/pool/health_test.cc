#include "proxy/pool/health.h"

#include <doctest/doctest.h>

using namespace std::chrono_literals;

namespace oxbow::pool {

namespace {

constexpr TimePoint kStart{Duration(1000s)};

}  // namespace

TEST_CASE("by default one failure is enough, for ten seconds") {
  Health health;
  CHECK_FALSE(health.avoided(kStart));
  CHECK(health.failed(kStart));
  CHECK(health.avoided(kStart));
  CHECK(health.avoided(kStart + 10s - 1ns));
  CHECK_FALSE(health.avoided(kStart + 10s));
}

TEST_CASE("max_fails: so many within fail_timeout") {
  Health health;
  health.configure(3, 5s);
  CHECK_FALSE(health.failed(kStart));
  CHECK_FALSE(health.failed(kStart + 1s));
  SUBCASE("the last of them begins it") {
    CHECK(health.failed(kStart + 4s));
    CHECK(health.avoidedUntil() == kStart + 9s);
  }
  SUBCASE("those of before do not count") {
    CHECK_FALSE(health.failed(kStart + 5s));
    CHECK_FALSE(health.failed(kStart + 6s));
    CHECK(health.failed(kStart + 7s));
  }
  SUBCASE("a success between them clears them") {
    health.succeeded();
    CHECK_FALSE(health.failed(kStart + 2s));
    CHECK_FALSE(health.failed(kStart + 2s));
    CHECK(health.failed(kStart + 2s));
  }
}

TEST_CASE("max_fails: 0 never avoids") {
  Health health;
  health.configure(0, 5s);
  for (int i = 0; i < 100; ++i) CHECK_FALSE(health.failed(kStart));
  CHECK_FALSE(health.avoided(kStart));
}

TEST_CASE("behind its time one exchange is the trial") {
  Health health;
  health.configure(2, 10s);
  health.failed(kStart);
  REQUIRE(health.failed(kStart));
  CHECK_FALSE(health.awaitsTrial(kStart + 9s));
  CHECK_FALSE(health.beginTrial(kStart + 9s));
  REQUIRE(health.awaitsTrial(kStart + 10s));
  CHECK(health.beginTrial(kStart + 10s));
  CHECK(health.trialOpen());
  SUBCASE("which one exchange takes") {
    health.takeTrial();
    CHECK_FALSE(health.trialOpen());
    CHECK(health.avoided(kStart + 11s));
  }
  SUBCASE("nobody else is one, and the others avoid it as before") {
    CHECK_FALSE(health.beginTrial(kStart + 10s));
    CHECK(health.avoided(kStart + 11s));
  }
  SUBCASE("what succeeds clears it") {
    health.succeeded();
    CHECK_FALSE(health.avoided(kStart + 11s));
    CHECK_FALSE(health.awaitsTrial(kStart + 30s));
    CHECK_FALSE(health.trialOpen());
    CHECK_FALSE(health.failed(kStart + 12s));  // the first of two again
  }
  SUBCASE("one that fails is enough, and is no new beginning") {
    CHECK_FALSE(health.failed(kStart + 12s));
    CHECK(health.avoidedUntil() == kStart + 22s);
    CHECK_FALSE(health.trialOpen());
  }
}

TEST_CASE("a reload that turns it off ends it") {
  Health health;
  REQUIRE(health.failed(kStart));
  health.configure(0, 10s);
  CHECK_FALSE(health.avoided(kStart));
}

}  // namespace oxbow::pool
