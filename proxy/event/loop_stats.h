#pragma once

#include "proxy/stats/counter.h"
#include "proxy/stats/histogram.h"

namespace oxbow::event {

// What a loop counts of itself. Written by its thread, read by any.
struct LoopStats {
  stats::Histogram turnTime;  // of one turn in 61, without the wait for events
  stats::Histogram lag;       // from a message that asks for it to when the loop came to that
  stats::Counter messages;    // from other threads, and its own
};

}  // namespace oxbow::event
