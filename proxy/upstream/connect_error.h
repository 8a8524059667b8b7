#pragma once

#include "proxy/base/error.h"
#include "proxy/net/transport.h"

namespace oxbow::upstream {

// Why a connection could not be opened, from errno or net::kNotLocal. Nothing was sent: any of them
// may be tried again elsewhere.
Error connectError(int error);

// The same of a TLS handshake that failed.
Error openingError(const net::OpenFailure& failure);

}  // namespace oxbow::upstream
