#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/codec/http/scan.h"
#include "proxy/codec/http1/fault.h"

namespace oxbow::http1 {

// Reads "method SP request-target SP HTTP-version CRLF" (RFC 9112, section 3) at `line`, of at most
// `limit` bytes, and sets what of `head` it tells: method, version, target, path, dotSegments, and
// authority with absoluteForm.
Progress readRequestLine(http::Input input, const char* line, uint32_t limit,
                         http::RequestHead& head);

// Whether a segment of `path` is "." or "..", with %2e for the dot, with '\', %2f or %5c for the
// slash, or with a parameter behind it ("..;v=1"): forms that some server somewhere reads so.
bool hasDotSegments(std::string_view path);

}  // namespace oxbow::http1
