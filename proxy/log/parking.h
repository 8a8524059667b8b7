#pragma once

#include <atomic>
#include <cstdint>

#include "proxy/base/clock.h"

namespace oxbow::log {

// Where the writer thread sleeps. It parks without a timeout when nothing flows, so an idle process
// does not wake up; it naps while records flow, so producers need no system call. The argument that
// no wake-up is lost: both sides write first (the sleeper its state, the producer its record) and
// then read the other's, all sequentially consistent, so at least one of them sees the other.
class Parking {
 public:
  // Sleeper. Returns at once when busy() holds, else when woken.
  template <typename Busy>
  void park(Busy busy) {
    sleep(kParked, nullptr, busy);
  }
  // Sleeper. As above, or when `most` is over.
  template <typename Busy>
  void nap(Duration most, Busy busy) {
    sleep(kNapping, &most, busy);
  }

  // Any thread. For each record: costs a load while the sleeper is awake or naps.
  void wakeParked() {
    if (__builtin_expect(state_.load() == kParked, 0)) wake();
  }
  // Any thread. For what cannot wait until the nap is over.
  void wake();

 private:
  enum State : uint32_t { kAwake, kNapping, kParked };

  template <typename Busy>
  void sleep(State state, const Duration* most, Busy busy) {
    state_.store(state);
    if (!busy()) wait(state, most);
    state_.store(kAwake);
  }
  void wait(State state, const Duration* most);

  alignas(64) std::atomic<uint32_t> state_{kAwake};
};

}  // namespace oxbow::log
