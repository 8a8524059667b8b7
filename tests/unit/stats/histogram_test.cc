#include "proxy/stats/histogram.h"

#include <doctest/doctest.h>

#include <chrono>
#include <vector>

using namespace oxbow::stats;
using namespace std::chrono_literals;

TEST_CASE("buckets follow each other without gap or overlap") {
  CHECK(Buckets::lowerBound(0) == 0);
  for (size_t i = 0; i < Buckets::kCount; ++i) {
    const uint64_t lower = Buckets::lowerBound(i), upper = Buckets::upperBound(i);
    REQUIRE(lower < upper);
    CHECK(Buckets::indexOf(upper) == i);
    CHECK(Buckets::indexOf(lower + 1) == i);
  }
}

TEST_CASE("a bucket is at most an eighth of its lower bound wide") {
  for (size_t i = 0; i < Buckets::kCount; ++i) {
    const uint64_t lower = Buckets::lowerBound(i), width = Buckets::upperBound(i) - lower;
    CHECK((width == 1 || width * 8 <= lower));
  }
}

TEST_CASE("every power of two is an upper bound") {
  for (int power = 0; power <= Buckets::kMaxPower; ++power) {
    const uint64_t value = uint64_t{1} << power;
    CHECK(Buckets::upperBound(Buckets::indexOf(value)) == value);
  }
}

TEST_CASE("what is too large falls into the last bucket") {
  CHECK(Buckets::kCount == 288);  // 36 groups of eight
  CHECK(Buckets::upperBound(Buckets::kCount - 1) == uint64_t{1} << 38);
  CHECK(Buckets::indexOf((uint64_t{1} << 38) + 1) == Buckets::kCount - 1);
  CHECK(Buckets::indexOf(UINT64_MAX) == Buckets::kCount - 1);
}

TEST_CASE("nothing recorded") {
  const HistogramSnapshot empty = Histogram().snapshot();
  CHECK(empty.count() == 0);
  CHECK(empty.sumMicros() == 0);
  CHECK(empty.percentile(0.5) == 0);
}

TEST_CASE("durations are rounded up to microseconds") {
  Histogram histogram;
  histogram.record(1ns);
  histogram.record(1000ns);
  histogram.record(1001ns);
  histogram.record(-5ns);
  histogram.record(0ns);
  const HistogramSnapshot seen = histogram.snapshot();
  CHECK(seen.count() == 5);
  CHECK(seen.sumMicros() == 1 + 1 + 2);
  CHECK(seen.countAtMost(1) == 4);
  CHECK(seen.countAtMost(2) == 5);
}

TEST_CASE("a bound belongs to the bucket below it") {
  Histogram histogram;
  histogram.recordMicros(1024);
  histogram.recordMicros(1025);
  CHECK(histogram.snapshot().countAtMost(1024) == 1);
  CHECK(histogram.snapshot().countAtMost(2048) == 2);
}

TEST_CASE("percentiles err upwards by an eighth at most") {
  Histogram histogram;
  for (uint64_t micros = 1; micros <= 100000; ++micros) histogram.recordMicros(micros);
  const HistogramSnapshot seen = histogram.snapshot();
  for (const double fraction : {0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const double exact = fraction * 100000;
    const auto found = static_cast<double>(seen.percentile(fraction));
    CHECK(found >= exact);
    CHECK(found <= exact * 1.125);
  }
}

TEST_CASE("the ends of the percentiles are those of the values") {
  Histogram histogram;
  histogram.recordMicros(3);
  histogram.recordMicros(5);
  const HistogramSnapshot seen = histogram.snapshot();
  CHECK(seen.percentile(0) == 3);
  CHECK(seen.percentile(0.5) == 3);
  CHECK(seen.percentile(0.51) == 5);
  CHECK(seen.percentile(1) == 5);
  CHECK(seen.percentile(7) == 5);
}

TEST_CASE("the shards of workers merge") {
  Histogram a, b;
  a.recordMicros(10);
  b.recordMicros(10);
  b.recordMicros(2000);
  HistogramSnapshot merged = a.snapshot();
  merged.merge(b.snapshot());
  CHECK(merged.count() == 3);
  CHECK(merged.sumMicros() == 2020);
  CHECK(merged.countAtMost(16) == 2);
  HistogramSnapshot added;
  a.addTo(added);
  b.addTo(added);
  CHECK(added.count() == 3);
  CHECK(added.percentile(1) == merged.percentile(1));
}
