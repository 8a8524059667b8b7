#include "proxy/base/random.h"

#include <doctest/doctest.h>

using namespace oxbow;

TEST_CASE("the same seed gives the same numbers, another seed others") {
  Random a(7), b(7), c(8);
  const uint64_t first = a.next();
  CHECK(first == b.next());
  CHECK(first != c.next());
  CHECK(first != a.next());
}

TEST_CASE("the state that a seed of 0 gives is not all zero") {
  Random random(0);
  CHECK((random.next() | random.next()) != 0);
}

TEST_CASE("below() stays below and reaches everything evenly") {
  Random random(1);
  int seen[10] = {};
  for (int i = 0; i < 10000; ++i) {
    const uint64_t value = random.below(10);
    REQUIRE(value < 10);
    ++seen[value];
  }
  // 1000 expected, standard deviation 30: five of those leave room for any honest generator.
  for (const int count : seen) {
    CHECK(count > 850);
    CHECK(count < 1150);
  }
  CHECK(random.below(1) == 0);
}

TEST_CASE("below() has no bias where the modulus would have one") {
  // n is 3/4 of the range: a plain modulus would give the lowest third twice as often.
  Random random(2);
  const uint64_t n = uint64_t{3} << 62;
  int low = 0;
  for (int i = 0; i < 9000; ++i) low += random.below(n) < n / 3 ? 1 : 0;
  // 3000 expected, standard deviation 45.
  CHECK(low > 2775);
  CHECK(low < 3225);
}

TEST_CASE("uniform() is in [0, 1) with a mean of one half") {
  Random random(3);
  double sum = 0;
  for (int i = 0; i < 10000; ++i) {
    const double value = random.uniform();
    REQUIRE(value >= 0);
    REQUIRE(value < 1);
    sum += value;
  }
  // The mean's standard deviation is 0.0029.
  CHECK(sum / 10000 > 0.485);
  CHECK(sum / 10000 < 0.515);
}

TEST_CASE("seeds of the kernel differ") { CHECK(randomSeed() != randomSeed()); }
