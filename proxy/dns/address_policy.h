#pragma once

#include <cstdint>

#include "proxy/base/address.h"

namespace oxbow::dns {

// Whose an address can be, as far as the address tells.
enum class Scope : uint8_t {
  Public,   // documentation ranges too
  Private,  // this machine's, this network's, or a metadata service's: none of a public name
  Never     // no server's: unspecified, multicast, reserved
};

// By the registries of special-purpose addresses (RFC 6890). An IPv6 address that carries an IPv4
// address, and leads there through a translator or tunnel, is what that is.
// REQUIRES: an IPv4 or IPv6 address.
Scope scopeOf(const SocketAddress& address);

}  // namespace oxbow::dns
