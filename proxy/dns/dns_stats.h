#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "proxy/dns/reply.h"
#include "proxy/stats/histogram.h"

namespace oxbow::dns {

// What the main thread counts about names. Written there alone.
struct DnsStats {
  uint64_t lookups = 0;  // questions that were sent to servers
  uint64_t hits = 0;     // and that were answered without: under way already, or known not to be
  std::array<uint64_t, static_cast<size_t>(Outcome::Count)> outcomes{};  // of `lookups`
  stats::Histogram lookupTime;                                           // of these
  uint64_t staleServes = 0;       // refreshes that failed while an older answer went on being used
  uint64_t addressesAdded = 0;    // joined a name that is followed
  uint64_t addressesDrained = 0;  // left one
  uint64_t addressesDenied = 0;   // in answers, not used by policy
};

}  // namespace oxbow::dns
