#pragma once

#include <cstdint>

#include "proxy/base/clock.h"
#include "proxy/base/error.h"
#include "proxy/base/random.h"
#include "proxy/log/access_record.h"

namespace oxbow::log {

// Which exchanges a log takes: all, or those that failed, or took long, or either; and of these a
// sample. What failed on the server's side is in every sample.
struct AccessRule {
  uint16_t errorsFrom = 0;  // the lowest status that counts as an error; 0: not only errors
  Duration slow{0};         // the shortest total that counts as slow; 0: not only what is slow
  uint32_t sample = kAlways;

  // The chance of an exchange, in millionths. 0: it is not logged.
  uint32_t chanceOf(uint16_t status, ErrorCode error, Duration total) const {
    const bool failed = error != ErrorCode::None && error != ErrorCode::ProxyInternalResponse;
    if (errorsFrom != 0 || slow != Duration(0)) {
      const bool isError = errorsFrom != 0 && (failed || status >= errorsFrom);
      const bool isSlow = slow != Duration(0) && total >= slow;
      if (!isError && !isSlow) return 0;
    }
    return failed || status >= 500 ? kAlways : sample;
  }

  static bool isDrawn(uint32_t chance, Random& random) {
    return chance >= kAlways || (chance > 0 && random.below(kAlways) < chance);
  }
};

class AccessLogWriter;

// Where one worker logs the exchanges of a listener or of a route, and which.
struct AccessTarget {
  AccessLogWriter* writer = nullptr;  // null: off
  AccessRule rule;
};

}  // namespace oxbow::log
