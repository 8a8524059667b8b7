#pragma once

#include <string_view>

#include "proxy/codec/http/field.h"

namespace oxbow::http1 {

// Whether a field controls framing, routing, authentication, caching or how the content is read
// (RFC 9110, section 6.5.1). Such a field may not come as a trailer, and Connection cannot take it
// out of a message, unless it belongs to one hop anyway. Every Name of ours but Other is one.
bool isControlField(http::Name id, std::string_view name);

}  // namespace oxbow::http1
