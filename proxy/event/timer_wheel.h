#pragma once

#include <cstdint>
#include <limits>

#include "proxy/base/clock.h"
#include "proxy/base/intrusive_list.h"

namespace oxbow::event {

class TimerWheel;
struct TimerTag;

// One deadline of one object: the object derives from this, once. Moving a deadline later only
// stores it; the node stays where it is and re-arms itself when its old slot comes up. So a
// deadline that is renewed with every message costs a store. Destroying the timer cancels it.
class Timer : private ListHook<TimerTag> {
 public:
  Timer() = default;

  bool armed() const { return deadline_ != kNever; }
  TimePoint deadline() const { return deadline_; }

 protected:
  virtual ~Timer();
  // The deadline has passed; it is not set any more. The object may set a new one, and may not
  // destroy itself here (see Dispatcher::deferDelete).
  virtual void onTimer() = 0;

 private:
  friend class TimerWheel;
  template <typename T, typename U>
  friend class ::oxbow::IntrusiveList;
  static constexpr TimePoint kNever = TimePoint::max();

  TimePoint deadline_ = kNever;
  TimerWheel* wheel_ = nullptr;  // that it was set on last
  TimePoint comesUp_ = kNever;   // when its slot does; never while it is in none
  uint64_t tick_ = 0;            // of the slot that holds the node; valid while linked
  uint8_t level_ = 0;
  uint8_t slot_ = 0;
};

// A hierarchical timing wheel: levels of 64 slots, one millisecond each at the lowest level. Set
// and cancel are O(1); finding the next deadline looks at one bitmap per level. Worker's thread
// only.
class TimerWheel {
 public:
  explicit TimerWheel(TimePoint start);
  ~TimerWheel();

  // Sets the deadline of `timer`; it fires in the first advance() at or behind it, rounded up to
  // the millisecond (one that has passed already: the next millisecond), never before.
  void set(Timer& timer, TimePoint deadline) {
    timer.deadline_ = deadline;
    if (deadline < timer.comesUp_) place(timer);  // else it comes up early and re-arms itself
  }
  void cancel(Timer& timer) { timer.deadline_ = Timer::kNever; }
  // Also takes the node out: for timers whose object is about to go, and for tests.
  void remove(Timer& timer);

  // Fires everything whose deadline is at or before `now`.
  void advance(TimePoint now);

  // When advance() has work next; TimePoint::max() when never. May be earlier than any deadline,
  // and is not where a slot that is far away holds few timers: they wake the loop once, not once a
  // level.
  TimePoint nextWork();

  size_t size() const { return size_; }

 private:
  friend class Timer;
  static constexpr int kLevels = 6;
  static constexpr int kBits = 6;
  static constexpr uint64_t kSlots = uint64_t{1} << kBits;
  using Slot = IntrusiveList<Timer, TimerTag>;

  struct Next {
    int level = -1;
    uint64_t slot = 0;
    uint64_t tick = std::numeric_limits<uint64_t>::max();
  };

  static constexpr size_t kFew = 1024;  // looked at once each time that a far slot is the first

  TimePoint firstIn(const Next& far);
  uint64_t tickAtOrAfter(TimePoint time) const;
  void place(Timer& timer);
  void link(Timer& timer, uint64_t tick);
  void unlink(Timer& timer);
  Next next() const;
  void expire(Timer& timer, TimePoint now);

  TimePoint start_;
  uint64_t elapsed_ = 0;  // ticks that advance() has worked off
  size_t size_ = 0;
  // What nextWork() found in a far slot, while that is known to hold.
  Next firstSlot_;
  TimePoint first_{};
  uint64_t occupied_[kLevels] = {};
  Slot slots_[kLevels][kSlots];
};

}  // namespace oxbow::event
