#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "proxy/stats/counter.h"

namespace oxbow::stats {

// The buckets of a histogram of bytes: bucket i holds sizes up to 4^i, from 4 on. There is one for
// every size that there can be, so that nobody looks whether there is.
struct SizeBuckets {
  static constexpr int kMaxPower = 32;
  static constexpr size_t kCount = kMaxPower + 1;

  static constexpr size_t indexOf(uint64_t bytes) {
    const uint64_t below = bytes - (bytes != 0 ? 1 : 0);  // makes the upper bounds inclusive
    return (static_cast<size_t>(std::bit_width(below | 1)) + 1) / 2;
  }
};

// What one or several histograms of sizes held at a moment. A plain value.
struct SizeSnapshot {
  std::array<uint64_t, SizeBuckets::kCount> buckets{};
  uint64_t sum = 0;  // bytes

  uint64_t count() const;
  void merge(const SizeSnapshot& other);
  // How many sizes were at most 4^power. REQUIRES: 0 to kMaxPower.
  uint64_t countAtMost(int power) const;
};

// Sizes, counted by powers of four: enough to tell small messages from large ones. One thread
// records, any thread takes snapshots; 272 bytes.
class SizeHistogram {
 public:
  void record(uint64_t bytes) {
    buckets_[SizeBuckets::indexOf(bytes)].add();
    sum_.add(bytes);
  }
  uint64_t sum() const { return sum_.value(); }
  SizeSnapshot snapshot() const;

 private:
  std::array<Counter, SizeBuckets::kCount> buckets_;
  Counter sum_;
};

}  // namespace oxbow::stats
