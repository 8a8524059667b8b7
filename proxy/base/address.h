#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/base/result.h"

namespace oxbow {

// The address of a TCP or Unix stream socket. A value; compares by family, address and port.
class SocketAddress {
 public:
  SocketAddress();
  // From what accept(), getsockname() or a resolver returned. REQUIRES: a supported family.
  SocketAddress(const sockaddr* address, socklen_t length);

  // "127.0.0.1:8080", "[::1]:8080", "unix:/run/oxbow.sock" (at most 107 bytes of path), and
  // "*:8080" for any IPv4 address. Host names are an error. Port 0 is allowed.
  static Result<SocketAddress> parse(std::string_view text);
  // An address without a port: "127.0.0.1", "::1". The port is set to `port`.
  static Result<SocketAddress> parseIp(std::string_view text, uint16_t port);

  const sockaddr* get() const { return &u_.any; }
  socklen_t length() const { return length_; }
  int family() const { return u_.any.sa_family; }
  bool isUnix() const { return family() == AF_UNIX; }
  bool isLoopback() const;  // 127.0.0.0/8, ::1, Unix
  bool empty() const { return length_ == 0; }
  uint16_t port() const;  // 0 of Unix sockets
  void setPort(uint16_t port);

  // The form that parse() reads.
  std::string text() const;
  // The IP address alone ("127.0.0.1", "::1"; "unix:" of Unix sockets), at most 45 bytes, written
  // to `out`; returns its length. IPv4-mapped addresses are written as IPv4.
  size_t writeIp(char (&out)[48]) const;

  bool operator==(const SocketAddress& other) const;
  size_t hash() const;

 private:
  union {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
    sockaddr_un local;
  } u_;
  socklen_t length_ = 0;
};

// A host name or IP address with a port, as written in `servers:` or on the command line.
struct HostPort {
  std::string host;  // without brackets; empty for Unix sockets
  uint16_t port = 0;
  std::string path;  // of a Unix socket
  bool isIp = false;
};

// "api.internal:8080", "127.0.0.1:80", "[::1]:80", "unix:/path". The port is needed (1..65535);
// host names are letters, digits, '-', '_' and '.', at most 253 bytes.
Result<HostPort> parseHostPort(std::string_view text);

// "10.0.0.0/8", "::1/128", or one address.
class Cidr {
 public:
  static Result<Cidr> parse(std::string_view text);
  bool contains(const SocketAddress& address) const;
  std::string text() const;
  unsigned prefixLength() const { return bits_; }
  bool operator==(const Cidr&) const = default;

 private:
  void normalize();
  uint8_t maskOfByte(unsigned index) const;

  uint8_t bytes_[16] = {};
  uint8_t bits_ = 0;
  bool v6_ = false;
};

}  // namespace oxbow
