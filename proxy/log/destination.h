#pragma once

#include <cstdint>
#include <string>

#include "proxy/base/address.h"

namespace oxbow::log {

// What a message to syslog says of itself (RFC 5424, section 6; RFC 3164).
struct SyslogHeader {
  enum class Form : uint8_t {
    Rfc5424,
    Rfc3164,
    Local,  // the same without the host, as syslog(3) writes to /dev/log
  };
  Form form = Form::Rfc5424;
  uint8_t facility = 23;  // local7
  uint8_t severity = 6;   // info
  std::string tag = "oxbow";
  bool operator==(const SyslogHeader&) const = default;
};

// Where the lines of an access log go.
struct Destination {
  enum class Kind : uint8_t {
    File,    // or standard output or error
    Socket,  // a Unix socket, stream or datagram
    Syslog,  // datagrams, over UDP or a Unix socket
  };
  Kind kind = Kind::File;
  std::string path = "stdout";  // as it is written: "stderr", "/var/log/x", "unix:/x", "syslog:..."
  SocketAddress address;        // of sockets
  SyslogHeader syslog;          // of Syslog
};

}  // namespace oxbow::log
