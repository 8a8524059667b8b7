#pragma once

#include <array>

#include "proxy/pool/close_reason.h"
#include "proxy/stats/counter.h"
#include "proxy/stats/histogram.h"
#include "proxy/stats/recent_times.h"

namespace oxbow::pool {

// What one pool counts. Written by its worker, read by whoever scrapes; `recentConnects` is the
// worker's alone.
struct PoolStats {
  stats::Counter opened;  // sockets that began to connect
  stats::Counter connected;
  stats::Counter connectFailed;
  stats::Counter acquired;  // leases handed out
  stats::Counter reused;    // of these, on a connection that had carried an exchange before
  stats::Counter peeks;
  stats::Counter deadPeeks;  // of these, the ones that found it closed, or with bytes to read
  stats::Counter avoided;    // times that max_fails was reached
  stats::Counter movedIn;    // idle connections that came from another worker
  stats::Counter movedOut;   // and those that went to one
  std::array<stats::Counter, static_cast<size_t>(CloseReason::Count)> closed;
  stats::Histogram connectTime;
  stats::RecentTimes recentConnects{connectTime, 64};
  stats::Gauge idle;
  stats::Gauge active;
  stats::Gauge connecting;

  stats::Counter& closedFor(CloseReason reason) { return closed[static_cast<size_t>(reason)]; }
  const stats::Counter& closedFor(CloseReason reason) const {
    return closed[static_cast<size_t>(reason)];
  }
};

}  // namespace oxbow::pool
