#pragma once

#include <string_view>

namespace oxbow::log {

// Peers' text as lines of a log may have it. Both return the end of what they wrote; the caller has
// room for six bytes a byte.

// The inside of a JSON string (RFC 8259, section 7). C1 controls are escaped as well: terminals
// obey them. A byte that is not UTF-8 becomes U+FFFD.
char* appendJsonEscaped(char* out, std::string_view text);

// As nginx does it: quotes, backslashes and what is not printable ASCII become \xXX, so the bytes
// can be told.
char* appendTextEscaped(char* out, std::string_view text);

}  // namespace oxbow::log
