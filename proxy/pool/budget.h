#pragma once

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
    if (cap_ != 0 && used_ >= cap_) return false;
    ++used_;
    return true;
  }

  // REQUIRES: a slot taken earlier.
  void giveBack();

  bool hasRoom() const {
    const std::lock_guard lock(mutex_);
    return cap_ == 0 || used_ < cap_;
  }

  uint32_t cap() const { return cap_; }
  uint32_t used() const {
    const std::lock_guard lock(mutex_);
    return used_;
  }

 private:
  mutable std::mutex mutex_;
  const uint32_t cap_;
  uint32_t used_ = 0;
};

}  // namespace oxbow::pool
