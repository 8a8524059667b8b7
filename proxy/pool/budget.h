#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

namespace oxbow::pool {

// An exact account of slots, shared by the workers: of the connections of one endpoint or one
// upstream, or of those being opened. A slot is taken before socket() and returned after close(),
// so what the peer sees never exceeds the cap. Thread-safe; touched only when a connection opens
// or closes.
class Budget {
 public:
  // `cap` 0: no cap.
  explicit Budget(uint32_t cap) : cap_(cap) {}

  [[nodiscard]] bool tryTake() {
    const std::lock_guard lock(mutex_);
    const uint32_t used = used_.load(std::memory_order_relaxed);
    const uint32_t cap = this->cap();
    if (cap != 0 && used >= cap) return false;
    used_.store(used + 1, std::memory_order_relaxed);
    return true;
  }

  // REQUIRES: a slot taken earlier.
  void giveBack();

  // What is taken already stays taken when the new cap is lower; see isOver().
  void setCap(uint32_t cap);

  // One of those beyond the cap is the caller's to close, not another worker's too. Behind its
  // close, and the return of its slot, comes excessClosed().
  [[nodiscard]] bool claimExcess();
  void excessClosed();

  // Hints, without the lock: only tryTake() is sure.
  bool hasRoom() const { return cap() == 0 || used() < cap(); }
  bool isOver() const { return cap() != 0 && used() > cap(); }

  uint32_t cap() const { return cap_.load(std::memory_order_relaxed); }
  uint32_t used() const { return used_.load(std::memory_order_relaxed); }

 private:
  mutable std::mutex mutex_;
  std::atomic<uint32_t> cap_;      // written under the lock
  std::atomic<uint32_t> used_{0};  // likewise
  uint32_t claimed_ = 0;           // of those beyond the cap
};

}  // namespace oxbow::pool
