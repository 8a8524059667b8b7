#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include "proxy/base/clock.h"
#include "proxy/log/parking.h"

namespace oxbow::event {

// Where one who watches loops sleeps. One thread sleeps, any thread wakes it; a wake that comes
// before the sleep ends it at once.
class Sleeper {
 public:
  void wake() {
    woken_.store(true);
    parking_->wake();
  }
  // True when woken; false when the time was over, or for no reason.
  bool sleepFor(Duration most) {
    parking_->nap(most, [this] { return woken_.load(); });
    return woken_.exchange(false);
  }

 private:
  std::atomic<bool> woken_{false};
  // Apart: it wants cache lines of its own, and who has a sleeper need not.
  const std::unique_ptr<log::Parking> parking_ = std::make_unique<log::Parking>();
};

// Who wants to know that a loop works again.
class Restarted {
 public:
  // Work begins, or has begun, while or since nobody watched. The loop's thread.
  virtual void onRestart() = 0;

 protected:
  ~Restarted() = default;
};

// What a loop does at the moment, for others to see. Only the loop's thread writes, with plain
// stores and, under traffic, without reading a clock; any thread may look. Outlives what watches
// it. While the watcher sleeps, the loop times its few turns itself: to wake somebody for each of
// them would cost an idle process more than the turns do.
class Activity {
 public:
  // Turns that begin while the watcher sleeps; the next one wakes it.
  static constexpr uint32_t kAlone = 10;

  // A turn that the loop timed itself.
  struct Timed {
    uint64_t turn;
    const char* doing;  // last
    Duration took;
  };
  // Turns longer than `most` are told to the watcher.
  Activity(const Clock& clock, Duration most) : clock_(clock), most_(most) {}
  Activity(const Activity&) = delete;
  Activity& operator=(const Activity&) = delete;

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
    if (mark(what)) beginAlone();
  }
  // begin() in two parts, where even the frame of a call counts: beginAlone() is due when true.
  [[nodiscard]] bool mark(const char* what) {
    doing_.store(what, std::memory_order_relaxed);
    return __builtin_expect(armed_.load(std::memory_order_relaxed), 0);
  }
  [[gnu::cold]] void beginAlone();
  // Nothing goes on in the process: the watcher sleeps, and `restarted` hears of the next work,
  // also of this turn, before that is done.
  bool quiet() const { return armed_.load(std::memory_order_relaxed); }
  // Null: nobody.
  void tell(Restarted* restarted) { restarted_ = restarted; }
  void endTurn() {
    if (__builtin_expect(alone_, 0)) endAlone();
    doing_.store(nullptr, std::memory_order_relaxed);
  }

  // Any thread. One who sees the same turn at work twice knows that it worked all the time between.
  Sample sample() const {
    Sample seen;
    seen.turn = turn_.load(std::memory_order_acquire);
    seen.doing = doing_.load(std::memory_order_relaxed);
    return seen;
  }
  uint64_t turn() const { return turn_.load(std::memory_order_relaxed); }

  // The watcher. What wakes `sleeper`, once, until disarmed: the end of a turn that took too long,
  // which takeTimed() then tells, and the beginning of the turn behind kAlone others. Work that has
  // begun by then, or begins before the loop's processor sees this, does not count: look again
  // later. One watcher at a time.
  void arm(Sleeper& sleeper);
  std::optional<Timed> takeTimed();
  // Also waits for a wake that is on its way.
  void disarm();

 private:
  [[gnu::cold]] void endAlone();
  void wakeWatcher();

  const Clock& clock_;
  const Duration most_;
  bool alone_ = false;  // this turn is timed; the loop's own
  TimePoint aloneSince_{};
  Restarted* restarted_ = nullptr;
  std::atomic<uint32_t> turnsAlone_{0};  // since armed
  std::optional<Timed> timed_;           // under the mutex
  std::atomic<uint64_t> turn_{0};
  std::atomic<const char*> doing_{nullptr};
  std::atomic<bool> armed_{false};  // written under the mutex; sleeper_ is not null
  std::mutex mutex_;
  Sleeper* sleeper_ = nullptr;
};

}  // namespace oxbow::event
