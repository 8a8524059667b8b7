// The warm floor of a pool, and how it shrinks to what is needed.

#include <algorithm>

#include "proxy/pool/conn_pool.h"

namespace oxbow::pool {

namespace {

constexpr Duration kFloorStep = std::chrono::milliseconds(100);

}  // namespace

bool ConnPool::floorWanted() const {
  return policy_.keepaliveMin > 0 && parts_.state->budget.used() < policy_.keepaliveMin &&
         parts_.dispatcher.now() - lastAcquire_ <= kFloorMemory && parts_.owner.keepsWarm(*this);
}

uint32_t ConnPool::floor() const {
  return policy_.keepaliveMin > 0 && parts_.owner.keepsWarm(*this) ? policy_.keepaliveMin : 0;
}

void ConnPool::onTimer() { upkeep(); }

// The floor and the sweep share one timer, which sleeps while neither has work.
void ConnPool::upkeep() {
  if (shuttingDown_ || role_ != PoolRole::Serving) return;
  const TimePoint now = parts_.dispatcher.now();
  if (floorWanted() && now >= nextFloor_) {
    nextFloor_ = now + kFloorStep;
    if (canOpen() && parts_.state->takeFloorStep(now, kFloorStep)) open(nullptr);
  }
  if (now >= nextSweep_) {
    nextSweep_ = now + Demand::kSlice;
    shrinkToDemand();
  }
  TimePoint next = TimePoint::max();
  if (floorWanted()) next = nextFloor_;
  if (hasIdle()) next = std::min(next, nextSweep_);
  if (next != TimePoint::max()) parts_.dispatcher.setDeadline(*this, next);
}

void ConnPool::shrinkToDemand() {
  const TimePoint now = parts_.dispatcher.now();
  uint32_t needed = demand_.peak(now);
  if (several_) {
    parts_.state->publishPeak(parts_.worker, needed, now);
    needed = parts_.state->demandInAll(now, Demand::kWindow + Demand::kSlice);
    while (hasIdle() &&
           parts_.state->idleInAll() > std::max(policy_.keepalive, policy_.keepaliveMin))
      closeOldestIdle(CloseReason::KeepaliveFull);
  }
  needed = std::max(needed, floor());
  while (hasIdle() && parts_.state->budget.used() > needed) closeOldestIdle(CloseReason::Demand);
}

}  // namespace oxbow::pool
