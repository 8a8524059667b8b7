#include "proxy/stats/recent_times.h"

#include <doctest/doctest.h>

using namespace oxbow;
using namespace oxbow::stats;
using namespace std::chrono_literals;

namespace {

// One worker's histogram, looked at each slot.
struct Worker {
  Histogram all;
  RecentTimes recent{all};
};

struct RecentFixture {
  ManualClock clock;
  Worker worker;

  void record(uint64_t micros, int times = 1) {
    for (int i = 0; i < times; ++i) worker.all.recordMicros(micros);
  }
  bool pass() {
    clock.advance(RecentTimes::kSlot);
    return worker.recent.note(clock.now());
  }
  HistogramSnapshot recent() const { return worker.recent.snapshot(clock.now()); }
};

}  // namespace

TEST_CASE_FIXTURE(RecentFixture, "what was recorded is there at once") {
  CHECK(recent().count() == 0);
  record(100);
  CHECK(recent().count() == 1);
  CHECK(recent().sumMicros() == 100);
  CHECK(pass());
  record(300);
  CHECK(recent().count() == 2);
  CHECK(recent().sumMicros() == 400);
}

TEST_CASE_FIXTURE(RecentFixture, "values older than a minute leave, at most one slot later") {
  record(1000);
  pass();  // the slot that holds it ends 5 s behind it
  for (int i = 0; i < 11; ++i) CHECK(pass());
  CHECK(recent().count() == 1);  // 60 s old
  clock.advance(RecentTimes::kSlot - 1ms);
  CHECK(recent().count() == 1);
  clock.advance(1ms);
  CHECK(recent().count() == 0);  // also when nobody has noted that
  CHECK_FALSE(worker.recent.note(clock.now()));
  CHECK(recent().count() == 0);
  CHECK(worker.all.snapshot().count() == 1);
}

TEST_CASE_FIXTURE(RecentFixture, "what is left is what the younger slots recorded") {
  for (uint64_t slot = 1; slot <= 30; ++slot) {
    record(slot);
    pass();
  }
  // The slots that ended less than 60 s ago, of 19 to 30.
  CHECK(recent().count() == 12);
  CHECK(recent().sumMicros() == (19 + 30) * 12 / 2);
  CHECK(recent().percentile(0) == Buckets::upperBound(Buckets::indexOf(19)));
  CHECK(worker.all.snapshot().count() == 30);
}

TEST_CASE_FIXTURE(RecentFixture, "a former time of slow answers is forgotten") {
  record(1000000, 100);
  pass();
  record(1000, 100);
  pass();
  CHECK(recent().percentile(0.5) == 1024);
  CHECK(recent().percentile(0.9) == 1 << 20);
  for (int i = 0; i < 11; ++i) pass();
  CHECK(recent().percentile(0.99) == 1024);
  CHECK(worker.all.snapshot().percentile(0.99) == 1 << 20);
}

TEST_CASE_FIXTURE(RecentFixture, "behind a pause in which nothing was recorded it goes on") {
  record(10);
  while (pass()) {
  }
  clock.advance(1h);
  CHECK(recent().count() == 0);
  record(20);
  CHECK(recent().sumMicros() == 20);
  CHECK(pass());
  CHECK(recent().sumMicros() == 20);
}

TEST_CASE("percentiles of two workers come from their merged histograms, not from percentiles") {
  ManualClock clock;
  Worker quick, slow;
  for (int i = 0; i < 97; ++i) quick.all.recordMicros(128);
  for (int i = 0; i < 3; ++i) slow.all.recordMicros(65536);
  clock.advance(RecentTimes::kSlot);
  quick.recent.note(clock.now());
  HistogramSnapshot merged = quick.recent.snapshot(clock.now());
  merged.merge(slow.recent.snapshot(clock.now()));  // not noted there yet
  CHECK(merged.count() == 100);
  CHECK(merged.percentile(0.5) == 128);
  CHECK(merged.percentile(0.9) == 128);
  CHECK(merged.percentile(0.97) == 128);
  CHECK(merged.percentile(0.99) == 65536);
  clock.advance(RecentTimes::kWindow);
  quick.recent.note(clock.now());
  slow.recent.note(clock.now());
  merged = quick.recent.snapshot(clock.now());
  merged.merge(slow.recent.snapshot(clock.now()));
  CHECK(merged.count() == 3);  // the one was noted a minute ago, the other now
  CHECK(merged.percentile(0.5) == 65536);
}
