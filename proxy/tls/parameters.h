#pragma once

#include "proxy/config/config.h"
#include "proxy/tls/material.h"

namespace oxbow::tls {

// What both sides share: versions, ciphers, groups, and what is off for good (compression,
// renegotiation, early data). False: the errors were told.
bool applyParameters(SSL_CTX& context, const config::TlsParameters& parameters,
                     const Complaints& complaints);

// The protocols of `alpn:` as they stand in the extension (RFC 7301); http/1.1 when there are none.
std::string alpnWire(const config::TlsParameters& parameters);

}  // namespace oxbow::tls
