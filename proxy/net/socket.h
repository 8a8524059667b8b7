#pragma once

#include "proxy/base/address.h"
#include "proxy/base/result.h"
#include "proxy/config/config.h"

// Making sockets. Descriptors are non-blocking and close-on-exec.

namespace oxbow::net {

// Sets what the configuration names; what the kernel refuses is left as it is. TCP options are
// skipped on Unix sockets.
void applyOptions(int fd, bool isUnix, const config::SocketOptions& options);

// The same of a socket that other options were set on: also turns off what is off now. Buffers
// whose size was set stay.
void reapplyOptions(int fd, bool isUnix, const config::SocketOptions& options);

// A listening socket. A stale Unix socket file, one that nobody accepts on, is replaced.
Result<int> listenOn(const SocketAddress& address, int backlog,
                     const config::SocketOptions& options);

// Not an errno: the local address is none of this machine. bind() and connect() share
// EADDRNOTAVAIL.
constexpr int kNotLocal = -1;

struct ConnectStart {
  int fd = -1;              // -1 when it failed at once
  bool inProgress = false;  // writable when the outcome is known; else connected already
  int error = 0;            // errno, or kNotLocal
};

// Begins to connect. `local` may be empty: the system chooses.
ConnectStart beginConnect(const SocketAddress& to, const SocketAddress& local,
                          const config::SocketOptions& options);

// The address that the socket is bound to.
SocketAddress localAddress(int fd);

}  // namespace oxbow::net
