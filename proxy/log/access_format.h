#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/log/access_record.h"

namespace oxbow::log {

enum class AccessFormat : uint8_t {
  Json,  // one object a line
  Text,  // nginx's "combined", and key=value behind it
};

// Turns access records into lines; docs/access-log.md lists the fields. Writer thread only.
class AccessFormatter {
 public:
  explicit AccessFormatter(AccessFormat format) : format_(format) {}

  // What a line may take, every byte escaped.
  static constexpr size_t kMaxLine = 32 << 10;

  // Writes one line with its newline; returns its end. REQUIRES: room for kMaxLine bytes, and
  // strings that AccessRing has cut.
  char* format(char* out, const AccessRecord& record);

 private:
  char* json(char* out, const AccessRecord& record);
  char* text(char* out, const AccessRecord& record);
  void splitTime(WallTime time);

  AccessFormat format_;
  // Seconds since the epoch and what they are in UTC: converted once a second.
  int64_t second_ = -1;
  unsigned millis_ = 0;
  char isoSecond_[20] = {};       // "2026-01-31T23:59:59"
  char combinedSecond_[21] = {};  // "31/Jan/2026:23:59:59"
};

}  // namespace oxbow::log
