#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "tests/integration/support/stream.h"

namespace oxbow::integration {

// Opened once by one thread, awaited by others.
class Gate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    opened_.notify_all();
  }
  bool await(milliseconds within = kPatience) {
    std::unique_lock lock(mutex_);
    return opened_.wait_for(lock, within, [this] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  bool open_ = false;
};

}  // namespace oxbow::integration
