#include "proxy/pool/backoff.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace oxbow;
using namespace oxbow::pool;
using namespace std::chrono_literals;

namespace {

constexpr TimePoint kStart{1h};

// The jittered wait behind `failures` failures in a row, each begun when the last back-off was
// over.
Duration waitBehind(int failures, Random& random) {
  Backoff backoff;
  TimePoint now = kStart;
  for (int i = 0; i < failures; ++i) {
    now = std::max(now, backoff.until()) + 1ms;
    backoff.failed(now, now + 1ms, random);
    now += 1ms;
  }
  return backoff.until() - now;
}

}  // namespace

TEST_CASE("a new endpoint may be tried") {
  const Backoff backoff;
  CHECK(backoff.allows(kStart));
  CHECK(backoff.failures() == 0);
}

TEST_CASE("the wait is anywhere from nothing to a window that doubles up to a second") {
  const Duration windows[] = {50ms, 100ms, 200ms, 400ms, 800ms, 1s, 1s, 1s};
  Random random(7);
  for (int failures = 1; failures <= 8; ++failures) {
    CAPTURE(failures);
    const Duration window = windows[failures - 1];
    Duration shortest = Duration::max();
    Duration longest{};
    Duration sum{};
    constexpr int kSamples = 2000;
    for (int i = 0; i < kSamples; ++i) {
      const Duration wait = waitBehind(failures, random);
      shortest = std::min(shortest, wait);
      longest = std::max(longest, wait);
      sum += wait;
    }
    CHECK(shortest >= 0ms);
    CHECK(longest <= window);
    // Uniform: of 2000 samples the extremes are within 1 % of the ends (missed once in 10^8), the
    // mean within 6 standard errors (0.289 / sqrt(2000)) of the middle.
    CHECK(shortest <= window / 100);
    CHECK(longest >= window - window / 100);
    CHECK(sum / kSamples >= window * 46 / 100);
    CHECK(sum / kSamples <= window * 54 / 100);
  }
}

TEST_CASE("many failures do not overflow the window") {
  Random random(1);
  CHECK(waitBehind(200, random) <= Backoff::kCap);
}

TEST_CASE("the endpoint may be tried again when the wait is over") {
  Random random(3);
  Backoff backoff;
  backoff.failed(kStart, kStart + 1s, random);
  const TimePoint until = backoff.until();
  REQUIRE(until > kStart + 1s);
  CHECK_FALSE(backoff.allows(until - 1ns));
  CHECK(backoff.allows(until));
}

TEST_CASE("attempts that were under way together count as one failure") {
  Random random(3);
  Backoff backoff;
  backoff.failed(kStart, kStart + 100ms, random);
  const TimePoint until = backoff.until();
  // Begun before that failure was known, they say nothing new, however late they fail.
  backoff.failed(kStart + 50ms, kStart + 150ms, random);
  backoff.failed(kStart + 100ms, kStart + 5s, random);
  CHECK(backoff.failures() == 1);
  CHECK(backoff.until() == until);
  backoff.failed(kStart + 101ms, kStart + 6s, random);
  CHECK(backoff.failures() == 2);
}

TEST_CASE("a success forgets the failures") {
  Random random(3);
  Backoff backoff;
  for (int i = 0; i < 6; ++i) backoff.failed(kStart + i * 10s, kStart + i * 10s + 1s, random);
  CHECK(backoff.failures() == 6);
  backoff.succeeded();
  CHECK(backoff.failures() == 0);
  CHECK(backoff.allows(kStart));
  backoff.failed(kStart + 100s, kStart + 101s, random);
  CHECK(backoff.until() <= kStart + 101s + Backoff::kBase);
}
