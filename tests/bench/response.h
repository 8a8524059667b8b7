#pragma once

#include <strings.h>

#include <cstdlib>
#include <cstring>
#include <optional>

namespace oxbow::bench {

// Every server of the bench sends a Content-Length; what has none, or another status than 200, is
// no answer.
struct ResponseHead {
  bool ok = false;
  size_t size = 0;      // of the head, its empty line included
  size_t bodySize = 0;  // as it promises
};

// The head that `text` begins with; nothing while it is not all there.
inline std::optional<ResponseHead> headOf(const char* text) {
  const char* end = std::strstr(text, "\r\n\r\n");
  if (end == nullptr) return std::nullopt;
  ResponseHead head;
  head.size = static_cast<size_t>(end + 4 - text);
  const char* length = strcasestr(text, "\r\ncontent-length:");
  if (length == nullptr) return head;
  head.bodySize = std::strtoul(length + std::strlen("\r\ncontent-length:"), nullptr, 10);
  head.ok = std::strncmp(text, "HTTP/1.1 200", 12) == 0;
  return head;
}

}  // namespace oxbow::bench
