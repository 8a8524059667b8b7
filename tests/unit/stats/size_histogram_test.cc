#include "proxy/stats/size_histogram.h"

#include <doctest/doctest.h>

using namespace oxbow::stats;

TEST_CASE("a size belongs to the power of four that it does not exceed") {
  CHECK(SizeBuckets::indexOf(0) == 1);
  CHECK(SizeBuckets::indexOf(1) == 1);
  for (int power = 1; power < SizeBuckets::kMaxPower; ++power) {
    const uint64_t bound = uint64_t{1} << (2 * power);
    CHECK(SizeBuckets::indexOf(bound) == static_cast<size_t>(power));
    CHECK(SizeBuckets::indexOf(bound - 1) == static_cast<size_t>(power));
    CHECK(SizeBuckets::indexOf(bound + 1) == static_cast<size_t>(power) + 1);
  }
  CHECK(SizeBuckets::indexOf(UINT64_MAX) == SizeBuckets::kCount - 1);
}

TEST_CASE("sizes add up, also those of several workers") {
  SizeHistogram one, other;
  one.record(0);
  one.record(64);
  one.record(65);
  other.record(uint64_t{1} << 40);
  SizeSnapshot sum = one.snapshot();
  sum.merge(other.snapshot());
  CHECK(sum.count() == 4);
  CHECK(sum.sum == 129 + (uint64_t{1} << 40));
  CHECK(one.sum() == 129);
  CHECK(sum.countAtMost(2) == 1);
  CHECK(sum.countAtMost(3) == 2);
  CHECK(sum.countAtMost(4) == 3);
  CHECK(sum.countAtMost(19) == 3);
  CHECK(sum.countAtMost(20) == 4);
  CHECK(sum.countAtMost(SizeBuckets::kMaxPower) == 4);
}
