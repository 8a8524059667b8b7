#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

namespace oxbow::pool {

// The exact account of connection slots of one endpoint or one upstream. A slot is taken before
// socket() and returned after close(), so what the peer sees never exceeds the cap. Thread-safe;
// touched only when a connection opens or closes.
class Budget {
 public:
  // `cap` 0: no cap.
  explicit Budget(uint32_t cap) : cap_(cap) {}

  [[nodiscard]] bool tryTake() {
    const std::lock_guard lock(mutex_);
    const uint32_t used = used_.load(std::memory_order_relaxed);
    if (cap_ != 0 && used >= cap_) return false;
    used_.store(used + 1, std::memory_order_relaxed);
    return true;
  }

  // REQUIRES: a slot taken earlier.
  void giveBack();

  // A hint, without the lock: only tryTake() is sure.
  bool hasRoom() const { return cap_ == 0 || used() < cap_; }

  uint32_t cap() const { return cap_; }
  uint32_t used() const { return used_.load(std::memory_order_relaxed); }

 private:
  mutable std::mutex mutex_;
  const uint32_t cap_;
  std::atomic<uint32_t> used_{0};  // written under the lock
};

}  // namespace oxbow::pool
