#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include "proxy/base/clock.h"
#include "proxy/base/random.h"

namespace oxbow::pool {

// When an endpoint that refused may be tried again: exponential with full jitter, so that many
// clients of one failed server do not come back together. Shared by the workers; thread-safe.
class Backoff {
 public:
  static constexpr Duration kBase = std::chrono::milliseconds(50);
  static constexpr Duration kCap = std::chrono::seconds(1);

  bool allows(TimePoint now) const { return now >= until(); }
  // Meaningful while !allows().
  TimePoint until() const { return TimePoint(Duration(until_.load(std::memory_order_relaxed))); }
  uint32_t failures() const { return failures_.load(std::memory_order_relaxed); }

  // An attempt that was begun at `begun` failed. Attempts that were under way together count once.
  void failed(TimePoint begun, TimePoint now, Random& random);
  void succeeded() {
    if (failures() != 0) forget();
  }

 private:
  void forget();

  std::mutex mutex_;
  std::atomic<uint32_t> failures_{0};  // written under the lock
  std::atomic<int64_t> until_{INT64_MIN};
  TimePoint lastFailure_ = TimePoint::min();
};

}  // namespace oxbow::pool
