#pragma once

#include <cstdint>

#include "proxy/codec/http/field.h"

namespace oxbow::http {

constexpr uint64_t kAuthenticationNames =
    bitOf(Name::Authorization) | bitOf(Name::WwwAuthenticate) | bitOf(Name::ProxyAuthorization) |
    bitOf(Name::ProxyAuthenticate);

// Whether an authentication field among `fields` names NTLM or Negotiate, anywhere in its list
// (RFC 9110, section 11.6.1).
bool namesConnectionScheme(const FieldBlock& fields);

// Whether whoever sent these fields uses or asks for a scheme that authenticates the connection and
// not the request (RFC 4559, section 6): anybody else on it would be taken for that client.
inline bool bindsConnection(const FieldBlock& fields) {
  return fields.hasAny(kAuthenticationNames) && namesConnectionScheme(fields);
}

}  // namespace oxbow::http
