#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "proxy/log/access_key.h"
#include "proxy/log/access_record.h"

namespace oxbow::log {

class TextLine;

enum class AccessFormat : uint8_t {
  Json,      // one object a line
  Text,      // key=value; without chosen keys behind nginx's "combined"
  Combined,  // nginx's and Apache's, and nothing else
};

// Turns access records into lines; docs/access-log.md lists the fields. Writer thread only.
class AccessFormatter {
 public:
  // `keys` in the order in which they are to be written; empty: all, and a sample's weight if
  // `sampled`. Combined has no choice of keys.
  explicit AccessFormatter(AccessFormat format, std::vector<AccessKey> keys = {},
                           bool sampled = false);

  // What a line may take, every byte escaped.
  static constexpr size_t kMaxLine = 40 << 10;

  // Writes one line with its newline; returns its end. REQUIRES: room for kMaxLine bytes, and
  // strings that AccessRing has cut.
  char* format(char* out, const AccessRecord& record);

 private:
  template <typename Line>
  void put(Line& line, AccessKey key, const AccessRecord& record) const;
  char* json(char* out, const AccessRecord& record) const;
  char* text(char* out, const AccessRecord& record) const;
  void combined(TextLine& line, const AccessRecord& record) const;
  void combinedRequest(TextLine& line, const AccessRecord& record) const;
  void combinedStatus(TextLine& line, const AccessRecord& record) const;
  void splitTime(WallTime time);

  const AccessFormat format_;
  const bool chosen_;
  std::vector<AccessKey> keys_;
  // Seconds since the epoch and what they are in UTC: converted once a second.
  int64_t second_ = -1;
  char isoTime_[25] = {};         // "2026-01-31T23:59:59.007Z"
  char combinedSecond_[21] = {};  // "31/Jan/2026:23:59:59"
};

}  // namespace oxbow::log
