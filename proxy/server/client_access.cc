#include "proxy/server/client_access.h"

#include <arpa/inet.h>

#include "proxy/base/assert.h"

namespace oxbow::server {

namespace {

constexpr size_t kNetwork = 8;  // bytes of an IPv6 address

// -1: no prefix has it.
int longest(const std::vector<config::Located<Cidr>>& networks, const SocketAddress& address) {
  int most = -1;
  for (const auto& network : networks)
    if (network->contains(address))
      most = std::max(most, static_cast<int>(network->prefixLength()));
  return most;
}

}  // namespace

bool isAllowed(const config::AccessRules& rules, const SocketAddress& address) {
  if (address.empty() || address.isUnix()) return true;
  const int allowed = longest(rules.allow, address);
  const int denied = longest(rules.deny, address);
  if (allowed < 0 && denied < 0) return rules.allow.empty();
  return allowed > denied;
}

std::string AddressCounts::keyOf(std::string_view listener, std::string_view ip) {
  std::string key(listener);
  key += '\n';
  in6_addr network{};
  const bool isV6 = inet_pton(AF_INET6, std::string(ip).c_str(), &network) == 1;
  if (isV6)
    key.append(reinterpret_cast<const char*>(network.s6_addr), kNetwork);
  else
    key.append(ip);
  return key;
}

bool AddressCounts::tryEnter(std::string_view listener, std::string_view ip, uint32_t limit) {
  const std::string key = keyOf(listener, ip);
  Shard& shard = shardOf(key);
  const std::lock_guard lock(shard.mutex);
  uint32_t& count = shard.counts[key];
  if (count >= limit) {
    if (count == 0) shard.counts.erase(key);
    return false;
  }
  ++count;
  return true;
}

void AddressCounts::leave(std::string_view listener, std::string_view ip) {
  const std::string key = keyOf(listener, ip);
  Shard& shard = shardOf(key);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.counts.find(key);
  ASSERT(found != shard.counts.end());
  if (--found->second == 0) shard.counts.erase(found);
}

size_t AddressCounts::size() const {
  size_t sum = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    sum += shard.counts.size();
  }
  return sum;
}

}  // namespace oxbow::server
