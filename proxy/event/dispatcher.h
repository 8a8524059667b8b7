#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "proxy/base/clock.h"
#include "proxy/base/intrusive_list.h"
#include "proxy/event/activity.h"
#include "proxy/event/loop_stats.h"
#include "proxy/event/mailbox.h"
#include "proxy/event/timer_wheel.h"

struct event_base;
struct event;

namespace oxbow::event {

// What must not die while its own frames are on the stack derives from this; see deferDelete.
class Deferred {
 public:
  virtual ~Deferred() = default;

 private:
  friend class Dispatcher;
  Deferred* nextDead_ = nullptr;
};

struct TaskTag;

// Work that continues at the end of the current turn. Destroying it cancels it.
class Task : private ListHook<TaskTag> {
 public:
  bool queued() const { return linked(); }
  void cancel() { unlink(); }

 protected:
  virtual ~Task() = default;
  virtual void runTask() = 0;

 private:
  friend class Dispatcher;
  template <typename T, typename U>
  friend class ::oxbow::IntrusiveList;
};

// The event loop of one thread. A turn: wait for events, run their callbacks, then the end of the
// turn: due timers, queued tasks, deletions. Everything but post() on the owner's thread.
class Dispatcher {
 public:
  // A turn that takes longer holds up everybody.
  static constexpr Duration kLongTurn = std::chrono::milliseconds(100);

  // The clock must outlive the dispatcher.
  explicit Dispatcher(const Clock& clock);
  ~Dispatcher();
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  // Turns until stop().
  void run();
  void stop() { stopped_ = true; }
  // One turn; blocks for events when `wait` is set and nothing is left to do.
  void turn(bool wait);

  // The time of this turn, read once and kept: for deadlines.
  TimePoint now() {
    if (!nowValid_) refresh();
    return now_;
  }
  // Reads the clock: for measurements.
  TimePoint preciseNow() const { return clock_.now(); }
  WallTime wall() const { return clock_.wall(); }
  const Clock& clock() const { return clock_; }

  // Counts the turns: what became ready in a turn was so before anything that the turn did.
  uint64_t turns() const { return activity_.turn(); }

  // What the loop counts of itself. Any thread may read.
  LoopStats& stats() { return stats_; }

  // What the loop does at the moment: for other threads that watch it.
  Activity& activity() { return activity_; }

  void setDeadline(Timer& timer, TimePoint deadline) { wheel_.set(timer, deadline); }
  void cancel(Timer& timer) { wheel_.cancel(timer); }
  void remove(Timer& timer) { wheel_.remove(timer); }
  size_t timers() const { return wheel_.size(); }

  // Runs the task at the end of this turn; what tasks queue runs at the end of the next, which does
  // not wait for events. REQUIRES: not queued, or queued already (then nothing happens).
  void soon(Task& task);

  // Destroys the object at the end of the turn.
  void deferDelete(std::unique_ptr<Deferred> object);

  // From any thread: runs `message` on this one.
  template <typename Message>
  void post(Message message) {
    mailbox_->post(std::move(message));
  }

  event_base* base() { return base_; }

 private:
  // Of so many turns the time of one is taken: for the others the clock is not read once more. No
  // multiple of what a request takes, so that all kinds of turns have their share.
  static constexpr uint32_t kTimedTurn = 61;

  void refresh();
  void endOfTurn();
  [[gnu::cold]] void timeTurn();
  void runTasks();
  void aimTimer();

  const Clock& clock_;
  Activity activity_{clock_, kLongTurn};
  event_base* base_;
  struct ::event* alarm_;
  TimerWheel wheel_;
  TimePoint now_{};
  TimePoint aim_ = TimePoint::max();
  bool nowValid_ = false;
  bool stopped_ = false;
  uint32_t untilTimed_ = kTimedTurn;
  LoopStats stats_;
  IntrusiveList<Task, TaskTag> tasks_;
  Deferred* dead_ = nullptr;
  std::unique_ptr<Mailbox> mailbox_;
};

// Calls back on the dispatcher's thread when the process gets a signal.
class SignalEvent {
 public:
  SignalEvent(Dispatcher& dispatcher, int signal, std::function<void()> callback);
  ~SignalEvent();
  SignalEvent(const SignalEvent&) = delete;
  SignalEvent& operator=(const SignalEvent&) = delete;

 private:
  void fired();

  Dispatcher& dispatcher_;
  struct ::event* event_;
  std::function<void()> callback_;
};

}  // namespace oxbow::event
