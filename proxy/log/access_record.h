#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/base/clock.h"
#include "proxy/base/error.h"

namespace oxbow::log {

// A duration of what did not happen.
inline constexpr Duration kUnknown{-1};

// A chance of one, in millionths.
inline constexpr uint32_t kAlways = 1'000'000;

// What is known of one exchange when it ends. The worker fills it in and hands it to
// AccessLog::write, which copies it into the ring; the views need to live for that call only.
struct AccessRecord {
  WallTime time;            // when the request head was complete
  Duration total{};         // until the last response byte was handed to the socket
  Duration wait{kUnknown};  // for a connection
  // Of the connection's own opening, when this request waited for it. Unknown: there was none, and
  // what tells of it means nothing.
  Duration connect{kUnknown};
  Duration firstByte{kUnknown};     // from the request's sending to the first response byte
  uint64_t requestBytes = 0;        // body
  uint64_t responseBytes = 0;       // body
  uint64_t connectionAge = 0;       // ms since the upstream connection was opened
  uint64_t connectionRequests = 0;  // exchanges that it carried before this one
  uint16_t status = 0;              // 0: none was sent
  uint16_t upstreamStatus = 0;      // 0: none came
  uint8_t tries = 0;                // connections tried
  bool reused = false;
  bool replayed = false;
  ErrorCode error = ErrorCode::None;
  const char* detail = "";    // static text, with an error
  uint32_t sample = kAlways;  // the chance in a million that it was written with
  bool tls = false;           // the client speaks it; else what tells of it means nothing
  bool tlsResumed = false;
  std::string_view client;  // IP address
  std::string_view method;
  std::string_view target;    // as received, cut at 2 KiB
  std::string_view host;      // cut at 255 bytes
  std::string_view protocol;  // "HTTP/1.1"
  std::string_view upstream;  // name, empty when none
  std::string_view endpoint;  // address text
  std::string_view requestId;
  std::string_view userAgent;  // cut at 256 bytes
  std::string_view referer;    // cut at 256 bytes
  // Of the client's TLS.
  std::string_view tlsVersion;  // "TLSv1.3"
  std::string_view tlsCipher;
  std::string_view tlsServerName;      // SNI, cut at 255 bytes
  std::string_view clientVerify;       // "NONE", "SUCCESS" or "FAILED:reason"
  std::string_view clientSubject;      // RFC 2253, cut at 256 bytes
  std::string_view clientFingerprint;  // SHA-256, hex
};

}  // namespace oxbow::log
