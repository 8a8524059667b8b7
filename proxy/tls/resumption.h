#pragma once

#include <openssl/ssl.h>

#include "proxy/base/clock.h"

namespace oxbow::tls {

// Refuses sessions that OpenSSL would resume and should not; a full handshake follows, and a new
// ticket. To be called for every context of a listener that has tickets. The clock outlives it.
void guardResumption(SSL_CTX& context, const Clock& clock);

}  // namespace oxbow::tls
