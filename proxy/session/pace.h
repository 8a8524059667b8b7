#pragma once

#include <algorithm>
#include <cstdint>

#include "proxy/base/clock.h"

namespace oxbow::session {

// Until when a client that moves bytes too slowly is put up with. It may fall behind `rate` by
// `tolerance`: each byte buys its time at that rate, and what it buys beyond the tolerance is lost,
// so that a burst does not pay for silence later.
class Pace {
 public:
  void begin(TimePoint now, Duration tolerance) { until_ = now + tolerance; }
  // `rate` in bytes a second; 0: any will do.
  void moved(TimePoint now, uint64_t bytes, uint64_t rate, Duration tolerance) {
    const TimePoint most = now + tolerance;
    if (rate == 0 || bytes / rate >= kLongest) {
      until_ = most;
      return;
    }
    const uint64_t bought = bytes / rate * kSecond + bytes % rate * kSecond / rate;
    until_ = std::min(until_ + Duration(static_cast<int64_t>(bought)), most);
  }
  TimePoint until() const { return until_; }

 private:
  static constexpr uint64_t kSecond = 1'000'000'000;    // ns
  static constexpr uint64_t kLongest = 30 * 24 * 3600;  // seconds; no tolerance is longer

  TimePoint until_{};
};

}  // namespace oxbow::session
