#pragma once

#include <openssl/ssl.h>

#include <optional>
#include <string_view>

namespace oxbow::tls {

// The host name in the body of a server_name extension (RFC 6066, section 3): exactly one, and not
// a byte more. Nothing for anything else.
std::optional<std::string_view> parseServerName(std::string_view extension);

// The name that the ClientHello asks for; empty when it has no such extension, nothing when that is
// malformed. REQUIRES: called within a callback that has the ClientHello still at hand.
std::optional<std::string_view> serverNameOf(SSL& ssl);

}  // namespace oxbow::tls
