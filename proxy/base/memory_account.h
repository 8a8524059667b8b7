#pragma once

#include <atomic>
#include <cstdint>

namespace oxbow {

// What the workers hold of one limit, together: each adds what has changed with it now and then.
// Thread-safe.
class MemoryAccount {
 public:
  // Bytes; 0: no limit.
  void setLimit(uint64_t limit) { limit_.store(limit, std::memory_order_relaxed); }
  uint64_t limit() const { return limit_.load(std::memory_order_relaxed); }

  void add(int64_t change) { used_.fetch_add(change, std::memory_order_relaxed); }
  uint64_t used() const {
    const int64_t used = used_.load(std::memory_order_relaxed);
    return used > 0 ? static_cast<uint64_t>(used) : 0;
  }

  bool full() const { return limit() != 0 && used() >= limit(); }
  // From 80 % on.
  bool pressed() const { return limit() != 0 && used() >= limit() - limit() / 5; }

 private:
  std::atomic<uint64_t> limit_{0};
  std::atomic<int64_t> used_{0};
};

}  // namespace oxbow
