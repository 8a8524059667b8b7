#include "proxy/event/activity.h"

#include <utility>

namespace oxbow::event {

void Activity::arm(Sleeper& sleeper) {
  const std::lock_guard lock(mutex_);
  sleeper_ = &sleeper;
  armed_.store(true, std::memory_order_relaxed);
}

void Activity::disarm() {
  const std::lock_guard lock(mutex_);
  sleeper_ = nullptr;
  armed_.store(false, std::memory_order_relaxed);
}

void Activity::wakeWatcher() {
  const std::lock_guard lock(mutex_);
  armed_.store(false, std::memory_order_relaxed);
  if (Sleeper* sleeper = std::exchange(sleeper_, nullptr)) sleeper->wake();
}

}  // namespace oxbow::event
