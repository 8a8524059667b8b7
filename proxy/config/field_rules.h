#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/config/units.h"

// What may stand in names and values that end up in messages. Each returns nothing when the text
// is right.

namespace oxbow::config {

// A token (RFC 9110, section 5.6.2), and none of the fields that describe the connection or frame
// the message: those are the proxy's own (RFC 9110, section 7.6.1; RFC 9112, section 6).
std::optional<Fault> checkFieldName(std::string_view name);

// No control characters, and only the variables $request_id, $remote_addr, $host, $scheme and, of
// the client's TLS, $ssl_protocol, $ssl_cipher, $ssl_server_name, $ssl_client_verify,
// $ssl_client_s_dn, $ssl_client_fingerprint and $ssl_session_reused. A variable's name is as long
// as letters, digits and underscores go on; other dollars are dollars. Each unknown variable is a
// fault.
std::vector<Fault> checkFieldValue(std::string_view value);

// What Host may say of a request, which a client's Host must be too: a host and perhaps a port (RFC
// 9110, section 7.2). A variable may stand for any part of it.
std::optional<Fault> checkHostValue(std::string_view value);

// Begins with a slash, and has only bytes that a path may have in a request (RFC 3986, section
// 3.3): no query, fragment, space, control or byte over 0x7E.
std::optional<Fault> checkPath(std::string_view path);

// A host as in the Host field without its port, or "*." and a domain.
std::optional<Fault> checkServerName(std::string_view name);

std::string lowered(std::string text);  // of ASCII letters
bool isToken(std::string_view text);
bool isDomain(std::string_view name);  // letters, digits, -, _ and single dots
bool hasControl(std::string_view text);

}  // namespace oxbow::config
