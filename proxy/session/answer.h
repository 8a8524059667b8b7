#pragma once

#include <string_view>

#include "proxy/base/error.h"
#include "proxy/session/exchange.h"

namespace oxbow::session {

struct Answer {
  uint16_t status = 200;
  std::string_view contentType = "text/plain";
  std::string_view body;
  std::string_view location;     // a Location field, unless empty
  std::string_view retryAfter;   // likewise
  std::string_view proxyStatus;  // likewise
  std::string_view allow;        // likewise
  http::FieldBlock added;        // more fields
};

// Pushes a whole response with a body of known length.
void sendAnswer(http::ResponseSink& to, const Answer& answer);

// Pushes the answer to `error`: its status, a line of text, Proxy-Status (RFC 9209), and
// Retry-After with 429 and 503, Allow with 405.
[[gnu::cold]] void sendError(http::ResponseSink& to, const Error& error,
                             std::string_view allowedMethods);

}  // namespace oxbow::session
