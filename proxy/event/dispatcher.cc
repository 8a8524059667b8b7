#include "proxy/event/dispatcher.h"

#include <event2/event.h>

#include <algorithm>
#include <utility>

#include "proxy/base/assert.h"

namespace oxbow::event {

namespace {

event_base* makeBase() {
  event_config* config = event_config_new();
  ASSERT(config != nullptr);
  event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV);
  event_config_require_features(config, EV_FEATURE_ET | EV_FEATURE_EARLY_CLOSE);
  event_base* base = event_base_new_with_config(config);
  event_config_free(config);
  ASSERT(base != nullptr);
  return base;
}

}  // namespace

Dispatcher::Dispatcher(const Clock& clock)
    : clock_(clock),
      base_(makeBase()),
      // The alarm only ends the wait: due timers run at the end of every turn.
      alarm_(event_new(
          base_, -1, 0,
          [](int, short, void* self) { static_cast<Dispatcher*>(self)->aim_ = TimePoint::max(); },
          this)),
      wheel_(clock.now()),
      mailbox_(std::make_unique<Mailbox>(*this)) {
  ASSERT(alarm_ != nullptr);
}

Dispatcher::~Dispatcher() {
  while (dead_ != nullptr) delete std::exchange(dead_, dead_->nextDead_);
  mailbox_.reset();
  event_free(alarm_);
  event_base_free(base_);
}

void Dispatcher::refresh() {
  now_ = clock_.now();
  nowValid_ = true;
}

void Dispatcher::run() {
  stopped_ = false;
  while (!stopped_) turn(true);
}

void Dispatcher::turn(bool wait) {
  const bool block = wait && tasks_.empty() && dead_ == nullptr;
  if (block) aimTimer();
  nowValid_ = false;
  activity_.beginTurn();
  event_base_loop(base_, EVLOOP_ONCE | (block ? 0 : EVLOOP_NONBLOCK));
  endOfTurn();
  if (--untilTimed_ == 0) timeTurn();
  activity_.endTurn();
}

// From its first look at the clock, which comes with the first thing that it does.
void Dispatcher::timeTurn() {
  untilTimed_ = kTimedTurn;
  if (nowValid_) stats_.turnTime.record(clock_.now() - now_);
}

void Dispatcher::endOfTurn() {
  if (wheel_.size() > 0) {
    activity_.begin("timers");
    wheel_.advance(now());
  }
  if (!tasks_.empty()) runTasks();
  if (dead_ != nullptr) activity_.begin("deletions");
  while (dead_ != nullptr) delete std::exchange(dead_, dead_->nextDead_);
}

void Dispatcher::runTasks() {
  activity_.begin("tasks");
  // Those of this turn; what they queue, even in place of one that they cancel, is for the next.
  IntrusiveList<Task, TaskTag> due;
  while (Task* task = tasks_.popFront()) due.pushBack(*task);
  while (Task* task = due.popFront()) task->runTask();
}

void Dispatcher::aimTimer() {
  const TimePoint next = wheel_.nextWork();
  if (next == aim_) return;
  aim_ = next;
  if (next == TimePoint::max()) {
    event_del(alarm_);
    return;
  }
  // Rounded up: waking a moment early would only mean waking twice.
  const Duration wait = std::max(next - clock_.now(), Duration(0)) + std::chrono::microseconds(1);
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(wait).count();
  const timeval tv{static_cast<time_t>(us / 1000000), static_cast<suseconds_t>(us % 1000000)};
  event_add(alarm_, &tv);
}

void Dispatcher::soon(Task& task) {
  if (!task.queued()) tasks_.pushBack(task);
}

void Dispatcher::deferDelete(std::unique_ptr<Deferred> object) {
  Deferred* raw = object.release();
  if (raw == nullptr) return;
  raw->nextDead_ = dead_;
  dead_ = raw;
}

SignalEvent::SignalEvent(Dispatcher& dispatcher, int signal, std::function<void()> callback)
    : dispatcher_(dispatcher), callback_(std::move(callback)) {
  event_ = evsignal_new(
      dispatcher.base(), signal,
      [](int, short, void* self) { static_cast<SignalEvent*>(self)->fired(); }, this);
  ASSERT(event_ != nullptr);
  event_add(event_, nullptr);
}

void SignalEvent::fired() {
  dispatcher_.activity().begin("signals");
  callback_();
}

SignalEvent::~SignalEvent() { event_free(event_); }

}  // namespace oxbow::event
