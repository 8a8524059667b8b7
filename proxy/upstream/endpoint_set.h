#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/base/clock.h"
#include "proxy/base/error.h"

namespace oxbow::upstream {

// One resolved address of one server of an upstream.
struct EndpointSpec {
  SocketAddress address;
  std::string server;  // as written in the configuration
  std::string name;  // whose addresses stand by for each other: "host:port" of the server, or of a
                     // target of its SRV records; empty when it is not resolved
  uint32_t weight = 1;
  uint32_t maxConns = 0;  // 0: no cap
  uint32_t maxFails = 1;  // see pool::Health
  Duration failTimeout = std::chrono::seconds(10);
  bool backup = false;   // its group is behind those of all that are none
  uint32_t group = 0;    // the lowest that has an endpoint that can be reached is used (RFC 2782)
  bool standby = false;  // of the address family that is not in use for `name` (RFC 8305)
  bool operator==(const EndpointSpec&) const = default;
};

// Where the groups of backups begin: SRV priorities make fewer.
constexpr uint32_t kBackupGroup = 1U << 16;

// What an upstream has to go by until the next one is published.
struct EndpointSet {
  std::vector<EndpointSpec> endpoints;
  // Names are being looked up for the first time: with no endpoint, exchanges wait for that.
  bool awaited = false;
  // Why there is none, for whom has to be told: DnsTimeout, DnsError or DestinationUnavailable.
  ErrorCode none = ErrorCode::DestinationUnavailable;
  bool operator==(const EndpointSet&) const = default;
};

// What an exchange is told when there is none.
Error errorOfNone(ErrorCode none);

// A family that stands by for nobody is in use: whatever the set says, every name that has an
// address has one that exchanges get.
void wakeLoneStandbys(EndpointSet& set);

}  // namespace oxbow::upstream
