#include "proxy/pool/budget.h"

#include "proxy/base/assert.h"

namespace oxbow::pool {

void Budget::giveBack() {
  const std::lock_guard lock(mutex_);
  const uint32_t used = used_.load(std::memory_order_relaxed);
  ASSERT(used > 0);
  used_.store(used - 1, std::memory_order_relaxed);
}

bool Budget::claimExcess() {
  const std::lock_guard lock(mutex_);
  if (cap() == 0 || used() <= cap() + claimed_) return false;
  ++claimed_;
  return true;
}

void Budget::excessClosed() {
  const std::lock_guard lock(mutex_);
  ASSERT(claimed_ > 0);
  --claimed_;
}

void Budget::setCap(uint32_t cap) {
  const std::lock_guard lock(mutex_);
  cap_.store(cap, std::memory_order_relaxed);
}

}  // namespace oxbow::pool
