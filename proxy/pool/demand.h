#pragma once

#include <array>
#include <cstdint>

#include "proxy/base/clock.h"

namespace oxbow::pool {

// The peak of active connections over the last minute, in slices of 5 s: what a pool needs. The
// answer may look back up to one slice further, never less. Not thread-safe.
class Demand {
 public:
  static constexpr Duration kSlice = std::chrono::seconds(5);
  static constexpr Duration kWindow = std::chrono::seconds(60);

  // The number of active connections is `active` from now on.
  void changed(uint32_t active, TimePoint now) {
    if (now >= sliceEnd_) turnTo(now);
    active_ = active;
    uint32_t& peak = slices_[current_];
    if (active > peak) peak = active;
  }

  uint32_t peak(TimePoint now);

 private:
  static constexpr size_t kSlices = static_cast<size_t>(kWindow / kSlice) + 1;

  void turnTo(TimePoint now);

  std::array<uint32_t, kSlices> slices_{};
  size_t current_ = 0;
  uint32_t active_ = 0;
  TimePoint sliceEnd_{};
};

}  // namespace oxbow::pool
