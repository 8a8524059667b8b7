#pragma once

#include <string>
#include <vector>

#include "tests/unit/codec/parsing.h"

// What the tests of requests that are refused share.

namespace oxbow::http1 {

// The status that a request is refused with; 0 when it is not.
inline int refusalOf(std::string_view text, const HeadLimits& limits = {}) {
  const ParsedRequest request(text, limits);
  CAPTURE(escaped(text));
  CHECK(request.result.status != ParseStatus::NeedMore);
  if (request.result.status != ParseStatus::Error) return 0;
  CHECK(std::string_view(request.result.detail) != "");
  return request.result.httpStatus;
}

// The same with a request line before nothing but Host.
inline int lineRefusalOf(const std::string& line) {
  return refusalOf(line + "\r\nHost: a\r\n\r\n");
}

inline void checkAll(int status, const std::vector<std::string>& texts) {
  for (const std::string& text : texts) {
    CAPTURE(escaped(text));
    CHECK(refusalOf(text) == status);
  }
}

inline void checkAllLines(int status, const std::vector<std::string>& lines) {
  for (const std::string& line : lines) {
    CAPTURE(escaped(line));
    CHECK(lineRefusalOf(line) == status);
  }
}

inline void checkAllFields(int status, const std::vector<std::string>& fields) {
  for (const std::string& field : fields) {
    CAPTURE(escaped(field));
    CHECK(refusalOf(requestWith(field)) == status);
  }
}

}  // namespace oxbow::http1
