#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "proxy/event/dispatcher.h"
#include "proxy/pool/budget.h"

namespace oxbow::pool {

class WaitQueue;

// What the wait queues of one upstream, one on each worker, tell each other: the account of all
// connections and of all waiters, who has waited longest, and messages. Thread-safe, except where
// said. Messages keep it alive.
class SharedQueue : public std::enable_shared_from_this<SharedQueue> {
 public:
  // A local waiter goes first unless one elsewhere came this much earlier: a connection that stays
  // costs nothing, one that moves costs two messages.
  static constexpr Duration kHeadStart = std::chrono::milliseconds(5);

  // One dispatcher a worker; they outlive this.
  SharedQueue(uint32_t maxTotalConns, std::vector<event::Dispatcher*> dispatchers);

  Budget total;

  size_t workers() const { return cells_.size(); }
  bool several() const { return cells_.size() > 1; }

  // The queue of that worker, from now on; null: none. On that worker's thread.
  void setQueue(size_t worker, WaitQueue* queue) { cells_[worker].queue = queue; }

  // Runs `message(queue)` on that worker's thread; null: it has no such queue any more.
  template <typename Message>
  void tell(size_t worker, Message message) {
    cells_[worker].dispatcher->post(
        [self = shared_from_this(), worker, message = std::move(message)]() mutable {
          message(self->cells_[worker].queue);
        });
  }

  // Until then some endpoint is avoided, and ranks differ.
  void rankUntil(TimePoint time);
  bool ranks(TimePoint now) const {
    return now.time_since_epoch().count() < rankUntil_.load(std::memory_order_relaxed);
  }

  // Waiters over all workers, exactly.
  [[nodiscard]] bool tryEnter(uint64_t limit);
  void enter() { waiters_.fetch_add(1, std::memory_order_relaxed); }
  void leave() { waiters_.fetch_sub(1, std::memory_order_relaxed); }

  // Of the waiters for whom nothing is under way, `wanting`, the first has waited since `head`.
  // True when there were none before: then look again at what others have. On that worker's thread.
  bool publish(size_t worker, uint32_t wanting, TimePoint head);
  // Whether any other worker has such waiters.
  bool othersWant(size_t worker) const;
  // Whether one elsewhere has waited since before `time`.
  bool olderElsewhere(size_t worker, TimePoint time) const;

  // The worker that a connection of `worker` should go to, whose own head has waited since `head`
  // (TimePoint::max(): nobody). It is on its way there from now on. workers(): it should stay.
  size_t claimTaker(size_t worker, TimePoint head);
  // What claimTaker promised has come. On the taker's thread.
  void arrived(size_t taker);

  // The other worker that has waited longest and has not been nudged since it looked last;
  // workers(): none. It counts as nudged now.
  size_t claimNudge(size_t worker);
  void nudged(size_t worker) { cells_[worker].nudged.store(false, std::memory_order_seq_cst); }

 private:
  struct alignas(64) Cell {
    event::Dispatcher* dispatcher = nullptr;
    WaitQueue* queue = nullptr;  // of the worker's thread alone
    std::atomic<uint32_t> wanting{0};
    std::atomic<uint32_t> coming{0};  // connections on their way here
    std::atomic<int64_t> head{0};     // ns of the steady clock; meaningful while wanting
    std::atomic<bool> nudged{false};
  };
  TimePoint headOf(const Cell& cell) const {
    return TimePoint(Duration(cell.head.load(std::memory_order_relaxed)));
  }
  static bool tryClaim(Cell& cell, uint32_t most);

  std::vector<Cell> cells_;
  std::atomic<uint64_t> waiters_{0};
  std::atomic<uint32_t> wantingWorkers_{0};
  std::atomic<int64_t> rankUntil_{INT64_MIN};
};

}  // namespace oxbow::pool
