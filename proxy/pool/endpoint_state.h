#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "proxy/pool/backoff.h"
#include "proxy/pool/budget.h"
#include "proxy/pool/health.h"
#include "proxy/pool/idle_age.h"

namespace oxbow::pool {

// What the workers share about one endpoint of one upstream. Thread-safe. Outlives the pools, and
// the connections on their way from one worker to another.
class EndpointState {
 public:
  // Caps of 0: none.
  explicit EndpointState(uint32_t maxConns, uint32_t maxConnecting = 0, size_t workers = 1)
      : budget(maxConns), connecting(maxConnecting), cells_(workers) {}

  Budget budget;      // every connection
  Budget connecting;  // of these, the ones being opened
  Backoff backoff;
  Health health;
  IdleAge usedAge;    // of connections that had carried an exchange
  IdleAge unusedAge;  // of connections that never had

  size_t workers() const { return cells_.size(); }

  // What one worker has, as it says itself. An idle count that is published and a wait that is
  // published (SharedQueue) never miss each other: both are sequentially consistent, and each side
  // looks at the other's behind its own.
  void publishIdle(size_t worker, uint32_t count) {
    cells_[worker].idle.store(count, std::memory_order_seq_cst);
  }
  void publishActive(size_t worker, uint32_t count) {
    cells_[worker].active.store(count, std::memory_order_relaxed);
  }
  uint32_t idleOf(size_t worker) const {
    return cells_[worker].idle.load(std::memory_order_seq_cst);
  }
  // The most that it has had active at once lately.
  void publishPeak(size_t worker, uint32_t peak, TimePoint now) {
    cells_[worker].peak.store(peak, std::memory_order_relaxed);
    cells_[worker].peakAt.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  }
  uint32_t publishedPeak(size_t worker) const {
    return cells_[worker].peak.load(std::memory_order_relaxed);
  }
  // What all of them together may need again. A peak that was published longer ago than `window`
  // is over.
  uint32_t demandInAll(TimePoint now, Duration window) const;
  uint32_t idleElsewhere(size_t worker) const;
  uint32_t idleInAll() const;
  uint32_t activeInAll() const;
  // The other worker with the most idle ones; workers() when none has any.
  size_t richest(size_t worker) const;

  // Whether the caller may open the next connection of the warm floor: one a step, over all
  // workers.
  bool takeFloorStep(TimePoint now, Duration step);

 private:
  struct alignas(64) Cell {  // a cache line each: one writer
    std::atomic<uint32_t> idle{0};
    std::atomic<uint32_t> active{0};
    std::atomic<uint32_t> peak{0};
    std::atomic<int64_t> peakAt{INT64_MIN};
  };
  std::vector<Cell> cells_;
  std::atomic<int64_t> nextFloor_{INT64_MIN};
};

}  // namespace oxbow::pool
