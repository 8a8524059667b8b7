#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "proxy/base/clock.h"
#include "proxy/event/activity.h"
#include "proxy/server/loop_watch.h"

namespace oxbow::server {

// A thread that watches event loops and logs each turn that holds its loop up for longer than
// LoopWatch::kLong, with what the loop was doing then. It sleeps when there is no traffic.
class Watchdog {
 public:
  struct Loop {
    std::string name;  // in the log: "worker 1"
    event::Activity* activity = nullptr;
  };

  // Starts the thread. The clock, thread-safe, and the loops' dispatchers outlive this; the loops
  // may run before, during and after its life. A loop has one watchdog at a time.
  Watchdog(const Clock& clock, std::vector<Loop> loops);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  // How many turns of the loop with that index took too long. Any thread.
  uint64_t longTurns(size_t loop) const { return watch_.longTurns(loop); }

  std::vector<event::Activity*> activities() const;

  // How often it has looked, and whether it sleeps until work begins. Any thread.
  uint64_t looks() const { return looks_.value(); }
  bool parked() const { return parked_.load(std::memory_order_relaxed); }

 private:
  void run();
  bool park();
  void log(const LongTurn& turn) const;

  const Clock& clock_;
  const std::vector<Loop> loops_;
  LoopWatch watch_;
  event::Sleeper sleeper_;
  stats::Counter looks_;
  std::atomic<bool> parked_{false};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace oxbow::server
