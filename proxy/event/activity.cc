#include "proxy/event/activity.h"

#include <utility>

namespace oxbow::event {

void Activity::arm(Sleeper& sleeper) {
  const std::lock_guard lock(mutex_);
  sleeper_ = &sleeper;
  turnsAlone_.store(0, std::memory_order_relaxed);
  armed_.store(true, std::memory_order_relaxed);
}

void Activity::disarm() {
  const std::lock_guard lock(mutex_);
  sleeper_ = nullptr;
  armed_.store(false, std::memory_order_relaxed);
}

void Activity::beginAlone() {
  if (restarted_ != nullptr) restarted_->onRestart();
  if (alone_) return;
  alone_ = true;
  aloneSince_ = clock_.now();
  const uint32_t turns = turnsAlone_.load(std::memory_order_relaxed) + 1;
  turnsAlone_.store(turns, std::memory_order_relaxed);
  if (turns <= kAlone) return;
  const std::lock_guard lock(mutex_);
  wakeWatcher();
}

void Activity::endAlone() {
  alone_ = false;
  const Duration took = clock_.now() - aloneSince_;
  if (took < most_) return;
  const std::lock_guard lock(mutex_);
  // Not when the watcher is awake: it has seen this turn itself.
  if (sleeper_ == nullptr) return;
  timed_ = {turn(), doing_.load(std::memory_order_relaxed), took};
  wakeWatcher();
  // Nobody hears of the next work.
  if (restarted_ != nullptr) restarted_->onRestart();
}

std::optional<Activity::Timed> Activity::takeTimed() {
  const std::lock_guard lock(mutex_);
  return std::exchange(timed_, std::nullopt);
}

// REQUIRES: the mutex.
void Activity::wakeWatcher() {
  armed_.store(false, std::memory_order_relaxed);
  if (Sleeper* sleeper = std::exchange(sleeper_, nullptr)) sleeper->wake();
}

}  // namespace oxbow::event
