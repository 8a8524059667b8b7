#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "proxy/base/clock.h"
#include "proxy/stats/histogram.h"

namespace oxbow::stats {

// What a histogram has recorded lately. It keeps, for each of the last slots of time, the buckets
// that grew in it: a few, so a slot takes some hundred bytes where a whole histogram takes 2.3 KB.
// Who records does nothing for it: note() looks at the histogram from time to time. Memory: 2.4 KB,
// and 8 bytes for each bucket that grew in one of 13 slots, 30 KB at the very most. Not
// thread-safe.
class RecentTimes {
 public:
  static constexpr Duration kSlot = std::chrono::seconds(5);
  static constexpr Duration kWindow = std::chrono::seconds(60);

  // `expected` buckets in all slots together take no allocation later. The histogram, as yet empty,
  // outlives this.
  explicit RecentTimes(const Histogram& all, size_t expected = 0);

  // Ends a slot: what was recorded since the call before belongs to it. REQUIRES: called each kSlot
  // while anything may be recorded. False when nothing was recorded in the window: then a pause may
  // follow in which nothing is recorded.
  bool note(TimePoint now);

  // What was recorded within kWindow before `now`, and up to kSlot before that: a slot counts as
  // long as its end lies in the window.
  void addTo(HistogramSnapshot& snapshot, TimePoint now) const;
  HistogramSnapshot snapshot(TimePoint now) const {
    HistogramSnapshot result;
    addTo(result, now);
    return result;
  }

 private:
  struct Slot {
    TimePoint end;
    uint64_t sum;      // µs
    uint32_t buckets;  // of grown_
  };
  struct Grown {
    uint32_t bucket;
    uint32_t by;
  };

  void forget(TimePoint now);
  void add(HistogramSnapshot& to, const Slot& slot, const Grown* grown) const;

  const Histogram& all_;
  HistogramSnapshot noted_;   // all_ as the last slot ended
  std::vector<Slot> slots_;   // oldest first
  std::vector<Grown> grown_;  // slot behind slot
};

}  // namespace oxbow::stats
