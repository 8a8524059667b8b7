#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include "proxy/base/clock.h"

namespace oxbow::pool {

// Whether an endpoint has failed too often of late: failures within `failTimeout` are counted, and
// from `maxFails` on it is avoided for as long. Then one exchange is its trial: what succeeds
// clears it, what fails begins anew, and meanwhile the others still avoid it. Shared by the
// workers; thread-safe.
class Health {
 public:
  // maxFails 0: never avoided.
  void configure(uint32_t maxFails, Duration failTimeout);

  // True when it is avoided from now on.
  bool failed(TimePoint now);
  void succeeded() {
    if (fails_.load(std::memory_order_relaxed) != 0) forget();
  }

  bool avoided(TimePoint now) const { return now < avoidedUntil(); }
  // TimePoint::min(): it is not.
  TimePoint avoidedUntil() const {
    return TimePoint(Duration(until_.load(std::memory_order_relaxed)));
  }
  // It has been avoided for its time, and nobody tries it yet.
  bool awaitsTrial(TimePoint now) const {
    return until_.load(std::memory_order_relaxed) != kNever && !avoided(now);
  }
  // False when another worker was faster.
  bool beginTrial(TimePoint now);
  // A connection is being opened, or has been, for a trial that no exchange has taken yet.
  bool trialOpen() const { return trialOpen_.load(std::memory_order_relaxed); }
  void takeTrial() {
    if (trialOpen()) trialOpen_.store(false, std::memory_order_relaxed);
  }

 private:
  static constexpr int64_t kNever = INT64_MIN;

  void forget();
  void avoidFrom(TimePoint now);

  std::mutex mutex_;  // for what is not atomic, and for whoever writes
  uint32_t maxFails_ = 1;
  Duration failTimeout_ = std::chrono::seconds(10);
  TimePoint firstFailure_{};
  std::atomic<uint32_t> fails_{0};
  std::atomic<int64_t> until_{kNever};
  std::atomic<bool> trialOpen_{false};
};

}  // namespace oxbow::pool
