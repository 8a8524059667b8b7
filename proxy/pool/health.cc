#include "proxy/pool/health.h"

namespace oxbow::pool {

void Health::configure(uint32_t maxFails, Duration failTimeout) {
  const std::lock_guard lock(mutex_);
  maxFails_ = maxFails;
  failTimeout_ = failTimeout;
  if (maxFails == 0) until_.store(kNever, std::memory_order_relaxed);
}

void Health::avoidFrom(TimePoint now) {
  until_.store((now + failTimeout_).time_since_epoch().count(), std::memory_order_relaxed);
}

bool Health::failed(TimePoint now) {
  const std::lock_guard lock(mutex_);
  if (maxFails_ == 0) return false;
  uint32_t fails = fails_.load(std::memory_order_relaxed);
  const bool isOnTrial = until_.load(std::memory_order_relaxed) != kNever;
  if (fails == 0 || (!isOnTrial && now - firstFailure_ >= failTimeout_)) {
    fails = 0;
    firstFailure_ = now;
  }
  fails_.store(++fails, std::memory_order_relaxed);
  if (fails < maxFails_) return false;
  const bool isNew = !isOnTrial;
  avoidFrom(now);
  trialOpen_.store(false, std::memory_order_relaxed);
  return isNew;
}

bool Health::beginTrial(TimePoint now) {
  const std::lock_guard lock(mutex_);
  if (!awaitsTrial(now)) return false;
  avoidFrom(now);
  trialOpen_.store(true, std::memory_order_relaxed);
  return true;
}

void Health::forget() {
  const std::lock_guard lock(mutex_);
  fails_.store(0, std::memory_order_relaxed);
  until_.store(kNever, std::memory_order_relaxed);
  trialOpen_.store(false, std::memory_order_relaxed);
}

}  // namespace oxbow::pool
