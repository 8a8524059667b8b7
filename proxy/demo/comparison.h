#pragma once

#include <cstdint>
#include <string>

#include "proxy/base/clock.h"
#include "proxy/base/result.h"
#include "proxy/demo/load.h"

namespace oxbow::demo {

// What one load through one proxy came to: the clients' view and the origin's.
struct Measured {
  uint32_t keepalive = 0;  // of the proxy's upstream
  LoadResult load;
  uint64_t originConnections = 0;  // accepted by the origin
  uint64_t originRequests = 0;     // answered by the origin

  // Of the origin's requests, those that came over a connection that had carried one before.
  double reuse() const;
};

// Starts an origin and a proxy with that `keepalive` in this process, on loopback ports that the
// kernel chooses, and lets `clients` ask through it for `time`. Nothing is slowed down and nothing
// is made up. Blocks; the error says what could not be started. REQUIRES: main thread.
Result<Measured> measure(uint32_t keepalive, uint32_t clients, Duration time);

// Both side by side, a row each figure.
std::string tableOf(const Measured& without, const Measured& with);

}  // namespace oxbow::demo
