#pragma once

#include "proxy/config/config.h"
#include "proxy/tls/material.h"

namespace oxbow::tls {

// Of all values of the block, defaults as well as written ones; not of what its files hold.
Digest digestOf(const config::ListenerTls& config);

}  // namespace oxbow::tls
