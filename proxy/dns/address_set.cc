#include "proxy/dns/address_set.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

#include "proxy/base/assert.h"

namespace oxbow::dns {

namespace {

const sockaddr_in& v4(const SocketAddress& address) {
  return *reinterpret_cast<const sockaddr_in*>(address.get());
}

const sockaddr_in6& v6(const SocketAddress& address) {
  return *reinterpret_cast<const sockaddr_in6*>(address.get());
}

// Below 0, 0 or above, as the bytes on the wire compare. Ports and scopes decide last, so that this
// and == agree.
int order(const SocketAddress& a, const SocketAddress& b) {
  if (a.family() != b.family()) return a.family() - b.family();
  ASSERT(a.family() == AF_INET || a.family() == AF_INET6);
  const bool isV4 = a.family() == AF_INET;
  const int bytes = isV4 ? std::memcmp(&v4(a).sin_addr, &v4(b).sin_addr, sizeof(in_addr))
                         : std::memcmp(&v6(a).sin6_addr, &v6(b).sin6_addr, sizeof(in6_addr));
  if (bytes != 0) return bytes;
  if (a.port() != b.port()) return a.port() - b.port();
  if (isV4 || v6(a).sin6_scope_id == v6(b).sin6_scope_id) return 0;
  return v6(a).sin6_scope_id < v6(b).sin6_scope_id ? -1 : 1;
}

struct Before {
  bool operator()(const SocketAddress& a, const SocketAddress& b) const { return order(a, b) < 0; }
};

std::vector<SocketAddress> sorted(std::vector<SocketAddress> addresses) {
  std::sort(addresses.begin(), addresses.end(), Before());
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  return addresses;
}

bool has(const std::vector<SocketAddress>& sorted, const SocketAddress& address) {
  return std::binary_search(sorted.begin(), sorted.end(), address, Before());
}

}  // namespace

AddressSet::AddressSet(uint32_t drainAfter) : drainAfter_(drainAfter) { ASSERT(drainAfter > 0); }

bool AddressSet::update(const std::vector<SocketAddress>& answer) {
  ASSERT(!answer.empty());
  const std::vector<SocketAddress> answered = sorted(answer);
  std::map<SocketAddress, uint32_t, Before> next;  // with the answers missed
  for (size_t i = 0; i < current_.size(); ++i) {
    const uint32_t missed = has(answered, current_[i]) ? 0 : missed_[i] + 1;
    if (missed < drainAfter_) next.emplace(current_[i], missed);
  }
  for (const SocketAddress& address : answered) {
    if (next.size() == kMaxAddresses) break;
    next.emplace(address, 0);
  }

  const std::vector<SocketAddress> before = std::exchange(current_, {});
  missed_.clear();
  for (const auto& [address, missed] : next) {
    current_.push_back(address);
    missed_.push_back(missed);
  }
  return current_ != before;
}

bool AddressSet::unsure() const {
  return std::any_of(missed_.begin(), missed_.end(), [](uint32_t missed) { return missed > 0; });
}

void AddressSet::setDrainAfter(uint32_t drainAfter) {
  ASSERT(drainAfter > 0);
  drainAfter_ = drainAfter;
}

void AddressSet::clear() {
  current_.clear();
  missed_.clear();
}

}  // namespace oxbow::dns
