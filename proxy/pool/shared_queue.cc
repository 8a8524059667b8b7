#include "proxy/pool/shared_queue.h"

#include <algorithm>

namespace oxbow::pool {

SharedQueue::SharedQueue(uint32_t maxTotalConns, std::vector<event::Dispatcher*> dispatchers)
    : total(maxTotalConns), cells_(dispatchers.size()) {
  for (size_t i = 0; i < dispatchers.size(); ++i) cells_[i].dispatcher = dispatchers[i];
}

void SharedQueue::rankUntil(TimePoint time) {
  const int64_t next = time.time_since_epoch().count();
  int64_t now = rankUntil_.load(std::memory_order_relaxed);
  while (now < next && !rankUntil_.compare_exchange_weak(now, next, std::memory_order_relaxed)) {
  }
}

bool SharedQueue::tryEnter(uint64_t limit) {
  uint64_t now = waiters_.load(std::memory_order_relaxed);
  do {
    if (now >= limit) return false;
  } while (!waiters_.compare_exchange_weak(now, now + 1, std::memory_order_relaxed));
  return true;
}

bool SharedQueue::publish(size_t worker, uint32_t wanting, TimePoint head) {
  Cell& cell = cells_[worker];
  cell.head.store(head.time_since_epoch().count(), std::memory_order_relaxed);
  const uint32_t before = cell.wanting.load(std::memory_order_relaxed);
  if (before == wanting) return false;
  cell.wanting.store(wanting, std::memory_order_seq_cst);
  if (before == 0) wantingWorkers_.fetch_add(1, std::memory_order_seq_cst);
  if (wanting == 0) wantingWorkers_.fetch_sub(1, std::memory_order_seq_cst);
  return before == 0;
}

bool SharedQueue::othersWant(size_t worker) const {
  const uint32_t mine = cells_[worker].wanting.load(std::memory_order_relaxed) > 0 ? 1 : 0;
  return wantingWorkers_.load(std::memory_order_seq_cst) > mine;
}

bool SharedQueue::olderElsewhere(size_t worker, TimePoint time) const {
  if (!othersWant(worker)) return false;
  for (size_t i = 0; i < cells_.size(); ++i) {
    const Cell& cell = cells_[i];
    if (i != worker && cell.wanting.load(std::memory_order_relaxed) > 0 && headOf(cell) < time)
      return true;
  }
  return false;
}

bool SharedQueue::tryClaim(Cell& cell, uint32_t most) {
  uint32_t coming = cell.coming.load(std::memory_order_relaxed);
  do {
    if (coming >= most) return false;
  } while (!cell.coming.compare_exchange_weak(coming, coming + 1, std::memory_order_seq_cst));
  return true;
}

size_t SharedQueue::claimTaker(size_t worker, TimePoint head) {
  const bool wantedHere = head != TimePoint::max();
  Cell* oldest = nullptr;
  for (size_t i = 0; i < cells_.size(); ++i) {
    Cell& cell = cells_[i];
    const uint32_t wanting = cell.wanting.load(std::memory_order_seq_cst);
    const uint32_t coming = cell.coming.load(std::memory_order_seq_cst);
    if (i == worker || coming >= wanting) continue;
    // Each one on its way serves a waiter of whom only the first is known here. That one may have
    // left in this moment: its time is max() then, and this subtraction the one that holds.
    if (wantedHere && head - headOf(cell) < kHeadStart * (int64_t{1} + coming)) continue;
    if (oldest == nullptr || headOf(cell) < headOf(*oldest)) oldest = &cell;
  }
  if (oldest == nullptr) return workers();
  const uint32_t wanting = oldest->wanting.load(std::memory_order_relaxed);
  return tryClaim(*oldest, wanting) ? static_cast<size_t>(oldest - cells_.data()) : workers();
}

void SharedQueue::arrived(size_t taker) {
  cells_[taker].coming.fetch_sub(1, std::memory_order_seq_cst);
}

size_t SharedQueue::claimNudge(size_t worker) {
  Cell* oldest = nullptr;
  for (size_t i = 0; i < cells_.size(); ++i) {
    Cell& cell = cells_[i];
    if (i == worker || cell.wanting.load(std::memory_order_seq_cst) == 0) continue;
    if (cell.nudged.load(std::memory_order_seq_cst)) continue;
    if (oldest == nullptr || headOf(cell) < headOf(*oldest)) oldest = &cell;
  }
  if (oldest == nullptr || oldest->nudged.exchange(true)) return workers();
  return static_cast<size_t>(oldest - cells_.data());
}

}  // namespace oxbow::pool
