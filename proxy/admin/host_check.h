#pragma once

#include <string_view>

namespace oxbow::admin {

// Whether `authority` (RFC 3986, section 3.2) names this machine whatever DNS says: "localhost" or
// a loopback address in its usual text form, with or without a port. A page of another site whose
// name was made to resolve to the loopback address (DNS rebinding) still sends that name.
bool namesLoopback(std::string_view authority);

}  // namespace oxbow::admin
