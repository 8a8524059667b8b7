#include "proxy/net/socket.h"

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>

namespace oxbow::net {

namespace {

void setInt(int fd, int level, int name, int value) {
  // Best effort: an option that this kernel does not know must not stop traffic.
  (void)setsockopt(fd, level, name, &value, sizeof value);
}

int wholeSeconds(Duration d) {
  return static_cast<int>(std::chrono::duration_cast<std::chrono::seconds>(d).count());
}

void applyKeepalive(int fd, const config::SocketOptions& o) {
  setInt(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  if (*o.keepaliveIdle > Duration(0))
    setInt(fd, IPPROTO_TCP, TCP_KEEPIDLE, wholeSeconds(*o.keepaliveIdle));
  if (*o.keepaliveInterval > Duration(0))
    setInt(fd, IPPROTO_TCP, TCP_KEEPINTVL, wholeSeconds(*o.keepaliveInterval));
  if (*o.keepaliveCount > 0)
    setInt(fd, IPPROTO_TCP, TCP_KEEPCNT, static_cast<int>(*o.keepaliveCount));
}

std::string errorText(const char* what, const SocketAddress& address, int error) {
  return std::string(what) + " " + address.text() + ": " + std::strerror(error);
}

int newSocket(int family) { return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

// Whether a socket file is left over from a process that is gone.
bool isStale(const SocketAddress& address) {
  struct stat status {};
  if (stat(address.text().c_str() + 5, &status) != 0 || !S_ISSOCK(status.st_mode)) return false;
  const int fd = newSocket(AF_UNIX);
  if (fd < 0) return false;
  const bool refused = connect(fd, address.get(), address.length()) != 0 && errno == ECONNREFUSED;
  close(fd);
  return refused;
}

int bindTo(int fd, const SocketAddress& address) {
  if (bind(fd, address.get(), address.length()) == 0) return 0;
  if (errno != EADDRINUSE || !address.isUnix() || !isStale(address)) return errno;
  if (unlink(address.text().c_str() + 5) != 0) return errno;
  return bind(fd, address.get(), address.length()) == 0 ? 0 : errno;
}

}  // namespace

void applyOptions(int fd, bool isUnix, const config::SocketOptions& o) {
  if (*o.rcvbuf > 0) setInt(fd, SOL_SOCKET, SO_RCVBUF, static_cast<int>(*o.rcvbuf));
  if (*o.sndbuf > 0) setInt(fd, SOL_SOCKET, SO_SNDBUF, static_cast<int>(*o.sndbuf));
  if (isUnix) return;
  if (*o.tcpNodelay) setInt(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  if (*o.keepalive) applyKeepalive(fd, o);
  if (*o.tcpUserTimeout > Duration(0)) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(*o.tcpUserTimeout);
    setInt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(ms.count()));
  }
}

void reapplyOptions(int fd, bool isUnix, const config::SocketOptions& o) {
  if (!isUnix) {
    setInt(fd, IPPROTO_TCP, TCP_NODELAY, 0);
    setInt(fd, SOL_SOCKET, SO_KEEPALIVE, 0);
    setInt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 0);
  }
  applyOptions(fd, isUnix, o);
}

Result<int> listenOn(const SocketAddress& address, int backlog,
                     const config::SocketOptions& options) {
  const int fd = newSocket(address.family());
  if (fd < 0) return errorText("cannot make a socket for", address, errno);
  if (!address.isUnix()) setInt(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (address.family() == AF_INET6) setInt(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  // Accepted sockets inherit these: no calls per connection.
  applyOptions(fd, address.isUnix(), options);
  int error = bindTo(fd, address);
  if (error == 0 && listen(fd, backlog) != 0) error = errno;
  if (error == 0) return fd;
  close(fd);
  return errorText("cannot listen on", address, error);
}

ConnectStart beginConnect(const SocketAddress& to, const SocketAddress& local,
                          const config::SocketOptions& options) {
  ConnectStart start;
  start.fd = newSocket(to.family());
  if (start.fd < 0) {
    start.error = errno;
    return start;
  }
  applyOptions(start.fd, to.isUnix(), options);
  if (!local.empty() && local.family() == to.family()) {
    // The port is chosen at connect(), where the four-tuple is known: more of them are free.
    setInt(start.fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    if (bind(start.fd, local.get(), local.length()) != 0)
      start.error = errno == EADDRNOTAVAIL ? kNotLocal : errno;
  }
  if (start.error == 0 && connect(start.fd, to.get(), to.length()) != 0) {
    start.inProgress = errno == EINPROGRESS;
    if (!start.inProgress) start.error = errno;
  }
  if (start.error != 0) {
    close(start.fd);
    start.fd = -1;
  }
  return start;
}

SocketAddress localAddress(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return {};
  return {reinterpret_cast<const sockaddr*>(&storage), length};
}

}  // namespace oxbow::net
