#pragma once

#include <cstdint>

#include "proxy/base/clock.h"
#include "proxy/base/random.h"

namespace oxbow::pool {

// When an endpoint that refused may be tried again: exponential with full jitter, so that many
// clients of one failed server do not come back together. Not thread-safe.
class Backoff {
 public:
  static constexpr Duration kBase = std::chrono::milliseconds(50);
  static constexpr Duration kCap = std::chrono::seconds(1);

  bool allows(TimePoint now) const { return now >= until_; }
  // Meaningful while !allows().
  TimePoint until() const { return until_; }
  uint32_t failures() const { return failures_; }

  // An attempt that was begun at `begun` failed. Attempts that were under way together count once.
  void failed(TimePoint begun, TimePoint now, Random& random);
  void succeeded() {
    failures_ = 0;
    until_ = TimePoint::min();
  }

 private:
  uint32_t failures_ = 0;
  TimePoint until_ = TimePoint::min();
  TimePoint lastFailure_ = TimePoint::min();
};

}  // namespace oxbow::pool
