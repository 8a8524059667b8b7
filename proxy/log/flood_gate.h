#pragma once

#include <atomic>
#include <cstdint>

#include "proxy/base/clock.h"

namespace oxbow::log {

// Lets so many events of one kind through a second and counts the others. Any thread.
class FloodGate {
 public:
  static constexpr uint32_t kPerSecond = 20;

  struct Verdict {
    bool admitted;
    uint32_t suppressed;  // in the second before: to be told along with this event
  };

  Verdict ask(TimePoint now) {
    const auto second = static_cast<uint32_t>(
        std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count());
    uint64_t old = state_.load(std::memory_order_relaxed);
    uint64_t next;
    do {
      next = secondOf(old) == second ? old + (countOf(old) != UINT32_MAX ? 1 : 0)
                                     : uint64_t{second} << 32 | 1;
    } while (!state_.compare_exchange_weak(old, next, std::memory_order_relaxed));
    if (secondOf(old) == second) return {countOf(next) <= kPerSecond, 0};
    return {true, beyond(old)};
  }

  // Suppressed in the second that was asked about last and not yet told; they count as told now.
  uint32_t takeSuppressed() { return beyond(state_.exchange(0, std::memory_order_relaxed)); }

 private:
  static constexpr uint32_t secondOf(uint64_t state) { return static_cast<uint32_t>(state >> 32); }
  static constexpr uint32_t countOf(uint64_t state) { return static_cast<uint32_t>(state); }
  static constexpr uint32_t beyond(uint64_t state) {
    return countOf(state) > kPerSecond ? countOf(state) - kPerSecond : 0;
  }

  std::atomic<uint64_t> state_{0};  // the second in the upper half, events in it in the lower
};

}  // namespace oxbow::log
