#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/address.h"

namespace oxbow::dns {

// What resolv.conf(5) says of the system's resolver, as far as it concerns names of servers. Other
// keywords and options are passed over, as is what has not their form. The local domain is not
// guessed from the name of the machine: without `search` there are no search domains.
struct SystemConfig {
  std::vector<SocketAddress> servers;  // 1 to kMaxServers, in the order to ask in
  std::vector<std::string> search;     // in lower case, without the last dot
  uint32_t ndots = 1;                  // 0 to kMaxNdots
  bool operator==(const SystemConfig&) const = default;

  static SystemConfig parse(std::string_view text);

  // As getenv() has them; nullptr: not set.
  struct Environment {
    const char* localDomain = nullptr;  // LOCALDOMAIN: in place of all `search` lines
    const char* resOptions = nullptr;   // RES_OPTIONS: behind all `options` lines
  };
  // Blocks on the disk. A file that is not there, or cannot be read, is an empty one.
  static SystemConfig read(const std::string& path, const Environment& environment);

  static constexpr size_t kMaxServers = 3;  // MAXNS
  static constexpr size_t kMaxSearch = 32;
  static constexpr uint32_t kMaxNdots = 15;    // RES_MAXNDOTS
  static constexpr size_t kMaxText = 1 << 16;  // bytes that are looked at
};

}  // namespace oxbow::dns
