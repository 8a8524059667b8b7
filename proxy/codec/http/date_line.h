#pragma once

#include <string_view>

#include "proxy/base/clock.h"

namespace oxbow::http {

// The field line that dates a message, "Date: Sun, 06 Nov 1994 08:49:37 GMT" with its CRLF (RFC
// 9110, sections 5.6.7 and 6.6.1). Written once a second; not thread-safe.
class DateLine {
 public:
  // `now` is the time of this turn. Valid until the next call.
  std::string_view at(TimePoint now, const Clock& clock) {
    if (now >= until_) [[unlikely]]
      renew(now, clock.wall());
    return {line_, kSize};
  }

 private:
  static constexpr size_t kSize = 37;

  void renew(TimePoint now, WallTime wall);

  TimePoint until_ = TimePoint::min();  // when the next second begins
  char line_[kSize];
};

}  // namespace oxbow::http
