#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace oxbow::admin {

// Whether `authority` (RFC 3986, section 3.2) names this machine whatever DNS says: "localhost" or
// a loopback address in its usual text form, with or without a port. A page of another site whose
// name was made to resolve to the loopback address (DNS rebinding) still sends that name.
bool namesLoopback(std::string_view authority);

// Whether it is an IP address, of which none can be rebound.
bool namesAddress(std::string_view authority);
// Whether it is one of those hosts, in any case, with or without a port.
bool namesOneOf(std::string_view authority, const std::vector<std::string>& hosts);

}  // namespace oxbow::admin
