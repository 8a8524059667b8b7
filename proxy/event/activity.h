#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include "proxy/base/clock.h"
#include "proxy/log/parking.h"

namespace oxbow::event {

// Where one who watches loops sleeps. One thread sleeps, any thread wakes it; a wake that comes
// before the sleep ends it at once.
class Sleeper {
 public:
  void wake() {
    woken_.store(true);
    parking_.wake();
  }
  // True when woken; false when the time was over, or for no reason.
  bool sleepFor(Duration most) {
    parking_.nap(most, [this] { return woken_.load(); });
    return woken_.exchange(false);
  }
  bool sleep() {
    parking_.park([this] { return woken_.load(); });
    return woken_.exchange(false);
  }

 private:
  std::atomic<bool> woken_{false};
  log::Parking parking_;
};

// What a loop does at the moment, for others to see. Only the loop's thread writes, with plain
// stores and without reading a clock; any thread may look. Outlives what watches it.
class Activity {
 public:
  struct Sample {
    uint64_t turn = 0;            // counts the loop's turns
    const char* doing = nullptr;  // static text; null while the loop waits or does not run
    bool working() const { return doing != nullptr; }
  };

  // The loop's thread.
  void beginTurn() {
    turn_.store(turn_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }
  void begin(const char* what) {
    if (mark(what)) wakeWatcher();
  }
  // begin() in two parts, where even the frame of a call counts: wakeWatcher() is due when true.
  [[nodiscard]] bool mark(const char* what) {
    doing_.store(what, std::memory_order_relaxed);
    return __builtin_expect(armed_.load(std::memory_order_relaxed), 0);
  }
  [[gnu::cold]] void wakeWatcher();
  void endTurn() { doing_.store(nullptr, std::memory_order_relaxed); }

  // Any thread. One who sees the same turn at work twice knows that it worked all the time between.
  Sample sample() const {
    Sample seen;
    seen.turn = turn_.load(std::memory_order_acquire);
    seen.doing = doing_.load(std::memory_order_relaxed);
    return seen;
  }
  uint64_t turn() const { return turn_.load(std::memory_order_relaxed); }

  // The watcher. The next work that begins wakes `sleeper`, once, until disarmed. Work that has
  // begun by then, or begins before the loop's processor sees this, does not: look again later.
  // One watcher at a time.
  void arm(Sleeper& sleeper);
  // Also waits for a wake that is on its way.
  void disarm();

 private:
  std::atomic<uint64_t> turn_{0};
  std::atomic<const char*> doing_{nullptr};
  std::atomic<bool> armed_{false};  // written under the mutex; sleeper_ is not null
  std::mutex mutex_;
  Sleeper* sleeper_ = nullptr;
};

}  // namespace oxbow::event
