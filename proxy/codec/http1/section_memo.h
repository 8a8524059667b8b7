#pragma once

#include <cstdint>

#include "proxy/codec/http/message_head.h"
#include "proxy/codec/http/scan.h"
#include "proxy/codec/http1/parser.h"

namespace oxbow::http1 {

// What the field lines of a head said of framing and routing.
struct SectionMeaning {
  http::BodyKind body = http::BodyKind::None;
  bool hasContentLength = false;
  bool close = false;  // options of Connection
  bool keepAlive = false;
  bool expectContinue = false;
  uint16_t hostOffset = 0;  // of the value of Host, from the section's start
  uint16_t hostLength = 0;
  uint64_t contentLength = 0;
};

// The field section that was parsed last, byte by byte, and what came of it. Clients and servers
// repeat themselves: a section that equals the last one is not scanned again. Sections with an
// error, or with lines that a listener's limits could drop, are never remembered. Not thread-safe.
class SectionMemo {
 public:
  // When the bytes at `section` begin with what is remembered, and it is within `limits`: fills
  // `storage`, `block` and `meaning`, and returns the end of the section. Null otherwise.
  const char* recall(http::Input input, const char* section, const HeadLimits& limits,
                     http::Field* storage, http::FieldBlock& block, SectionMeaning& meaning);

  // Remembers the section from block.base to `end`, as it was parsed. What was remembered before
  // stays for a while when it has been of use.
  void remember(const http::FieldBlock& block, const char* end, const SectionMeaning& meaning);

 private:
  static constexpr size_t kBytes = 512;
  static constexpr size_t kFields = 24;
  static constexpr uint8_t kPatience = 8;  // misses before something else is tried

  uint16_t size_ = 0;  // with the empty line; 0: nothing is remembered
  uint16_t count_ = 0;
  uint8_t misses_ = kPatience;
  uint64_t seen_ = 0;
  SectionMeaning meaning_;
  http::Field fields_[kFields];
  char bytes_[kBytes];
};

}  // namespace oxbow::http1
