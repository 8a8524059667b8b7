#include "proxy/log/parking.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ctime>

namespace oxbow::log {

namespace {

long futex(std::atomic<uint32_t>& word, int operation, uint32_t value, const timespec* timeout) {
  static_assert(sizeof word == sizeof(uint32_t) && std::atomic<uint32_t>::is_always_lock_free);
  return syscall(SYS_futex, &word, operation, value, timeout, nullptr, 0);
}

}  // namespace

void Parking::wake() {
  if (state_.exchange(kAwake) != kAwake) futex(state_, FUTEX_WAKE_PRIVATE, 1, nullptr);
}

void Parking::wait(State state, const Duration* most) {
  timespec timeout{};
  if (most != nullptr) {
    timeout.tv_sec = static_cast<time_t>(most->count() / 1000000000);
    timeout.tv_nsec = static_cast<long>(most->count() % 1000000000);
  }
  // An early return does no harm: the sleeper looks around and comes back.
  futex(state_, FUTEX_WAIT_PRIVATE, state, most != nullptr ? &timeout : nullptr);
}

}  // namespace oxbow::log
