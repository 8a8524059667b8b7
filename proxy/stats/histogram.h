#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "proxy/base/clock.h"

namespace oxbow::stats {

// The buckets of a log-linear histogram of microseconds: eight per power of two, so that a bucket
// is at most an eighth of its values wide. Bucket i holds the values in (lowerBound(i),
// upperBound(i)]; the first holds 0 as well, the last everything above. Bounds from 8 µs up are m *
// 2^n with m in 8..16, so every power of two is one.
struct Buckets {
  static constexpr int kBits = 3;
  static constexpr uint64_t kPerPower = uint64_t{1} << kBits;
  static constexpr int kMaxPower = 38;  // 2^38 µs are three days
  static constexpr size_t kCount = (kMaxPower - kBits + 1) * kPerPower;

  static constexpr size_t indexOf(uint64_t micros) {
    const uint64_t below = micros - (micros != 0 ? 1 : 0);  // makes the upper bounds inclusive
    const int power = std::bit_width(below | kPerPower) - 1;
    const int shift = power - kBits;
    // In the lowest powers, below 16, buckets are one microsecond wide and shift is 0.
    const uint64_t index = static_cast<uint64_t>(shift) * kPerPower + (below >> shift);
    return index < kCount ? static_cast<size_t>(index) : kCount - 1;
  }

  static constexpr uint64_t lowerBound(size_t index) {
    return index == 0 ? 0 : upperBound(index - 1);
  }

  static constexpr uint64_t upperBound(size_t index) {
    const uint64_t next = index + 1;
    if (next <= 2 * kPerPower) return next;
    const uint64_t shift = next / kPerPower - 1;
    return (kPerPower + next % kPerPower) << shift;
  }
};

// What one or several histograms held at a moment. A plain value.
class HistogramSnapshot {
 public:
  uint64_t count() const { return count_; }
  uint64_t sumMicros() const { return sum_; }

  void merge(const HistogramSnapshot& other);
  // REQUIRES: `earlier` was taken of the same histograms, before this.
  void subtract(const HistogramSnapshot& earlier);

  // The value that `fraction` (0 to 1) of all values do not exceed, in microseconds: the upper
  // bound of its bucket, hence at most 12.5 % too high (1 µs, if that is more) and never too low. 0
  // when nothing was recorded.
  uint64_t percentile(double fraction) const;

  // How many values were at most `micros`. REQUIRES: `micros` is a bucket's upper bound.
  uint64_t countAtMost(uint64_t micros) const;

 private:
  friend class Histogram;
  friend class RecentTimes;
  std::array<uint64_t, Buckets::kCount> buckets_{};
  uint64_t count_ = 0;
  uint64_t sum_ = 0;
};

// Durations, counted in log-linear buckets. One thread records, any thread takes snapshots; 2.3 KB.
class Histogram {
 public:
  // Rounds up to whole microseconds, so that a bucket's upper bound holds for the duration itself.
  void record(Duration duration) {
    const int64_t nanos = duration.count();
    recordMicros(nanos <= 0 ? 0 : (static_cast<uint64_t>(nanos) + 999) / 1000);
  }

  void recordMicros(uint64_t micros) {
    bump(buckets_[Buckets::indexOf(micros)], 1);
    bump(sum_, micros);
  }

  // The count is that of the buckets seen: it always fits them, even while the owner records.
  void addTo(HistogramSnapshot& snapshot) const;
  HistogramSnapshot snapshot() const {
    HistogramSnapshot result;
    addTo(result);
    return result;
  }

 private:
  using Cell = std::atomic<uint64_t>;

  static void bump(Cell& cell, uint64_t by) {
    cell.store(cell.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }

  std::array<Cell, Buckets::kCount> buckets_{};
  Cell sum_{0};
};

}  // namespace oxbow::stats
