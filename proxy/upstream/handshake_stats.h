#pragma once

#include <array>
#include <cstddef>

#include "proxy/net/transport.h"
#include "proxy/stats/counter.h"
#include "proxy/stats/histogram.h"

namespace oxbow::upstream {

// What the TLS handshakes with one endpoint came to, on one worker, which alone writes.
struct HandshakeStats {
  stats::Counter full;
  stats::Counter resumed;
  stats::Counter refused;  // of the full ones, those where a session was offered
  stats::Counter failed;   // whatever the reason
  // Of the failed ones, by what was wrong with the server's certificate.
  std::array<stats::Counter, static_cast<size_t>(net::CertificateFault::Count)> faults;
  stats::Histogram time;  // of those that succeeded
};

}  // namespace oxbow::upstream
