#pragma once

#include <openssl/ssl.h>

namespace oxbow::tls {

// Refuses sessions that OpenSSL would resume and should not; a full handshake follows, and a new
// ticket. To be called for every context of a listener that has tickets.
void guardResumption(SSL_CTX& context);

}  // namespace oxbow::tls
