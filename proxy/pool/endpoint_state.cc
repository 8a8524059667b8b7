#include "proxy/pool/endpoint_state.h"

namespace oxbow::pool {

uint32_t EndpointState::idleElsewhere(size_t worker) const {
  uint32_t sum = 0;
  for (size_t i = 0; i < cells_.size(); ++i)
    if (i != worker) sum += idleOf(i);
  return sum;
}

uint32_t EndpointState::idleInAll() const { return idleElsewhere(cells_.size()); }

uint32_t EndpointState::activeInAll() const {
  uint32_t sum = 0;
  for (const Cell& cell : cells_) sum += cell.active.load(std::memory_order_relaxed);
  return sum;
}

uint32_t EndpointState::demandInAll(TimePoint now, Duration window) const {
  uint32_t sum = 0;
  const int64_t since = (now - window).time_since_epoch().count();
  for (const Cell& cell : cells_) {
    const bool holds = cell.peakAt.load(std::memory_order_relaxed) >= since;
    sum += (holds ? cell.peak : cell.active).load(std::memory_order_relaxed);
  }
  return sum;
}

size_t EndpointState::richest(size_t worker) const {
  size_t found = cells_.size();
  uint32_t most = 0;
  for (size_t i = 0; i < cells_.size(); ++i) {
    if (i == worker || idleOf(i) <= most) continue;
    most = idleOf(i);
    found = i;
  }
  return found;
}

bool EndpointState::takeFloorStep(TimePoint now, Duration step) {
  int64_t next = nextFloor_.load(std::memory_order_relaxed);
  const int64_t at = now.time_since_epoch().count();
  return at >= next &&
         nextFloor_.compare_exchange_strong(next, at + step.count(), std::memory_order_relaxed);
}

}  // namespace oxbow::pool
