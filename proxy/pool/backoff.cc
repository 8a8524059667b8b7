#include "proxy/pool/backoff.h"

#include <algorithm>

namespace oxbow::pool {

void Backoff::failed(TimePoint begun, TimePoint now, Random& random) {
  const std::lock_guard lock(mutex_);
  const uint32_t failures = this->failures();
  if (failures > 0 && begun <= lastFailure_) return;
  lastFailure_ = now;
  const uint32_t doublings = std::min(failures, 10U);
  const Duration window = std::min(kCap, kBase * (int64_t{1} << doublings));
  failures_.store(failures + 1, std::memory_order_relaxed);
  const uint64_t jitter = random.below(static_cast<uint64_t>(window.count()) + 1);
  const TimePoint until = now + Duration(static_cast<int64_t>(jitter));
  until_.store(until.time_since_epoch().count(), std::memory_order_relaxed);
}

void Backoff::forget() {
  const std::lock_guard lock(mutex_);
  failures_.store(0, std::memory_order_relaxed);
  until_.store(INT64_MIN, std::memory_order_relaxed);
}

}  // namespace oxbow::pool
