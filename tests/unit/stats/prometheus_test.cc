#include "proxy/stats/prometheus.h"

#include <doctest/doctest.h>

#include <limits>

using namespace oxbow::stats;

namespace {

struct Fixture {
  std::string out;
  PrometheusWriter writer{out};

  bool wrote(std::string_view line) const {
    return ("\n" + out).find("\n" + std::string(line) + "\n") != std::string::npos;
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a counter with and without labels") {
  writer.counter("oxbow_requests_total", "Requests.");
  writer.sample({}, 7u);
  writer.sample({{"upstream", "api"}, {"status", "2xx"}}, uint64_t{18446744073709551615u});
  CHECK(out ==
        "# HELP oxbow_requests_total Requests.\n"
        "# TYPE oxbow_requests_total counter\n"
        "oxbow_requests_total 7\n"
        "oxbow_requests_total{upstream=\"api\",status=\"2xx\"} 18446744073709551615\n");
}

TEST_CASE_FIXTURE(Fixture, "a gauge may be negative or fractional") {
  writer.gauge("oxbow_things", "Things.");
  writer.sample({}, -3);
  writer.sample({{"a", "1"}}, std::numeric_limits<int64_t>::min());
  writer.sample({{"a", "2"}}, 0.25);
  writer.sample({{"a", "3"}}, std::numeric_limits<double>::infinity());
  CHECK(wrote("# TYPE oxbow_things gauge"));
  CHECK(wrote("oxbow_things -3"));
  CHECK(wrote("oxbow_things{a=\"1\"} -9223372036854775808"));
  CHECK(wrote("oxbow_things{a=\"2\"} 0.25"));
  CHECK(wrote("oxbow_things{a=\"3\"} +Inf"));
}

TEST_CASE_FIXTURE(Fixture, "label values and help texts are escaped") {
  writer.gauge("oxbow_things", "One \\ and \"two\"\nlines.");
  writer.sample({{"name", "a\"b\\c\nd"}}, 1);
  writer.sample({{"name", "\xc3\xa9\xff"}}, 1);
  CHECK(wrote("# HELP oxbow_things One \\\\ and \"two\"\\nlines."));
  CHECK(wrote("oxbow_things{name=\"a\\\"b\\\\c\\nd\"} 1"));
  CHECK(wrote("oxbow_things{name=\"\xc3\xa9\xef\xbf\xbd\"} 1"));
}

TEST_CASE_FIXTURE(Fixture,
                  "a histogram has cumulative buckets with true bounds, a sum and a count") {
  Histogram histogram;
  histogram.recordMicros(512);       // exactly the first bound
  histogram.recordMicros(513);       // just above it
  histogram.recordMicros(1500000);   // 1.5 s
  histogram.recordMicros(60000000);  // a minute: above the last bound
  writer.histogram("oxbow_wait_seconds", "Waiting.");
  writer.sample({{"upstream", "api"}}, histogram.snapshot());
  CHECK(wrote("# TYPE oxbow_wait_seconds histogram"));
  CHECK(wrote("oxbow_wait_seconds_bucket{upstream=\"api\",le=\"0.000512\"} 1"));
  CHECK(wrote("oxbow_wait_seconds_bucket{upstream=\"api\",le=\"0.001024\"} 2"));
  CHECK(wrote("oxbow_wait_seconds_bucket{upstream=\"api\",le=\"1.048576\"} 2"));
  CHECK(wrote("oxbow_wait_seconds_bucket{upstream=\"api\",le=\"2.097152\"} 3"));
  CHECK(wrote("oxbow_wait_seconds_bucket{upstream=\"api\",le=\"16.777216\"} 3"));
  CHECK(wrote("oxbow_wait_seconds_bucket{upstream=\"api\",le=\"+Inf\"} 4"));
  CHECK(wrote("oxbow_wait_seconds_sum{upstream=\"api\"} 61.501025"));
  CHECK(wrote("oxbow_wait_seconds_count{upstream=\"api\"} 4"));
}

TEST_CASE_FIXTURE(Fixture, "a histogram without labels has only the bound") {
  writer.histogram("oxbow_wait_seconds", "Waiting.");
  writer.sample({}, HistogramSnapshot());
  CHECK(wrote("oxbow_wait_seconds_bucket{le=\"0.000512\"} 0"));
  CHECK(wrote("oxbow_wait_seconds_sum 0"));
  CHECK(wrote("oxbow_wait_seconds_count 0"));
}

TEST_CASE_FIXTURE(Fixture, "a histogram of short times has finer bounds, the next one not") {
  Histogram histogram;
  histogram.recordMicros(16);
  histogram.recordMicros(17);
  histogram.recordMicros(2000000);
  writer.histogram("oxbow_turn_seconds", "Turns.", PrometheusWriter::Bounds::ShortTimes);
  writer.sample({}, histogram.snapshot());
  CHECK(wrote("oxbow_turn_seconds_bucket{le=\"0.000016\"} 1"));
  CHECK(wrote("oxbow_turn_seconds_bucket{le=\"0.000032\"} 2"));
  CHECK(wrote("oxbow_turn_seconds_bucket{le=\"1.048576\"} 2"));
  CHECK_FALSE(wrote("oxbow_turn_seconds_bucket{le=\"2.097152\"} 3"));
  CHECK(wrote("oxbow_turn_seconds_bucket{le=\"+Inf\"} 3"));
  writer.histogram("oxbow_wait_seconds", "Waiting.");
  writer.sample({}, histogram.snapshot());
  CHECK_FALSE(wrote("oxbow_wait_seconds_bucket{le=\"0.000016\"} 1"));
  CHECK(wrote("oxbow_wait_seconds_bucket{le=\"0.000512\"} 2"));
}

TEST_CASE_FIXTURE(Fixture, "a histogram of sizes has powers of four as bounds") {
  SizeHistogram histogram;
  histogram.record(0);
  histogram.record(64);
  histogram.record(65);
  histogram.record(uint64_t{1} << 31);
  writer.sizes("oxbow_body_bytes", "Bodies.");
  writer.sample({{"upstream", "api"}}, histogram.snapshot());
  CHECK(wrote("# TYPE oxbow_body_bytes histogram"));
  CHECK(wrote("oxbow_body_bytes_bucket{upstream=\"api\",le=\"64\"} 2"));
  CHECK(wrote("oxbow_body_bytes_bucket{upstream=\"api\",le=\"256\"} 3"));
  CHECK(wrote("oxbow_body_bytes_bucket{upstream=\"api\",le=\"1073741824\"} 3"));
  CHECK(wrote("oxbow_body_bytes_bucket{upstream=\"api\",le=\"+Inf\"} 4"));
  CHECK(wrote("oxbow_body_bytes_sum{upstream=\"api\"} 2147483777"));
  CHECK(wrote("oxbow_body_bytes_count{upstream=\"api\"} 4"));
}
