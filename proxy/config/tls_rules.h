#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "proxy/config/units.h"

// What may stand in the texts of `tls:`. Each returns nothing when the text is right. Whether a
// cipher is known, or a file is there, is found out when a context is made of it.

namespace oxbow::config {

// A host that can be asked for: no IP address and no dot at the end (RFC 6066, section 3).
std::optional<Fault> checkSni(std::string_view name);

// A host, or an IP address without brackets.
std::optional<Fault> checkVerifyName(std::string_view name);

// As checkSni(), or "*." and a domain.
std::optional<Fault> checkCertificateName(std::string_view name);

// The path of a file, not what stands in it: that might be a key, and is never shown.
std::optional<Fault> checkFileName(std::string_view path);

// Lists in OpenSSL's form, of TLS 1.2 and of TLS 1.3: each is told when it stands in the other's
// place, since OpenSSL would pass it over in silence.
std::optional<Fault> checkCiphers(std::string_view list);
std::optional<Fault> checkCiphersuites(std::string_view list);
std::optional<Fault> checkGroups(std::string_view list);

}  // namespace oxbow::config
