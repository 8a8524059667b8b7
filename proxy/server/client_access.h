#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "proxy/base/address.h"
#include "proxy/config/config.h"

// Whose requests a listener serves, by the client's address.

namespace oxbow::server {

// By `allow` and `deny`: the longest prefix that has the address decides, of two alike `deny`. With
// `allow` nobody else is allowed. Unix sockets have no addresses: everybody is.
bool isAllowed(const config::AccessRules& rules, const SocketAddress& address);

// How many connections each address has to each listener, for limit_conn: an IPv4 address, or an
// IPv6 network of 64 bits, which is what one customer has. Holds no more than there are clients.
// Thread-safe.
class AddressCounts {
 public:
  // Counts a connection of the client whose IP address has that text; false, and it is not counted:
  // there are `limit` already.
  [[nodiscard]] bool tryEnter(std::string_view listener, std::string_view ip, uint32_t limit);
  // REQUIRES: counted.
  void leave(std::string_view listener, std::string_view ip);

  size_t size() const;

 private:
  static std::string keyOf(std::string_view listener, std::string_view ip);

  static constexpr size_t kShards = 16;
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<std::string, uint32_t> counts;
  };
  Shard& shardOf(const std::string& key) {
    return shards_[std::hash<std::string>()(key) % kShards];
  }

  std::array<Shard, kShards> shards_;
};

}  // namespace oxbow::server
