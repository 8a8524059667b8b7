#pragma once

#include "proxy/net/transport.h"
#include "proxy/tls/handle.h"

namespace oxbow::tls {

// What is wrong with a certificate, from what OpenSSL's verification says (X509_V_ERR_...).
net::CertificateFault faultOf(long verifyResult);

// Why a handshake failed, from the error queue of this thread, which it clears. `error` is what
// SSL_get_error() said.
net::OpenFailure takeFailure(const SSL& ssl, int error);

}  // namespace oxbow::tls
