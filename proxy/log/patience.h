#pragma once

#include <atomic>

#include "proxy/base/clock.h"

namespace oxbow::log {

// How long a writer thread waits for a slow reader: for ever, but not for longer than `grace` once
// the process stops.
class Patience {
 public:
  explicit Patience(Duration grace) : grace_(grace) {}

  // True when `fd` may be written to, or when writing will tell its error.
  bool waitWritable(int fd, const std::atomic<bool>& stopping);

 private:
  Duration grace_;
  TimePoint deadline_ = TimePoint::max();  // set when `stopping` is first seen
};

}  // namespace oxbow::log
