#include "proxy/dns/address_policy.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <vector>

#include "proxy/base/assert.h"

namespace oxbow::dns {

namespace {

using Ranges = std::vector<Cidr>;

// Which bytes of an IPv6 address are an IPv4 address.
struct Embedding {
  Cidr range;
  std::array<uint8_t, 4> at;
  uint8_t mask = 0;  // of each of them
};

Cidr range(const char* text) { return Cidr::parse(text).value(); }

Ranges ranges(std::initializer_list<const char*> texts) {
  Ranges all;
  for (const char* text : texts) all.push_back(range(text));
  return all;
}

bool isIn(const Ranges& all, const SocketAddress& address) {
  return std::any_of(all.begin(), all.end(),
                     [&](const Cidr& each) { return each.contains(address); });
}

const Ranges& never() {
  static const Ranges all = ranges({
      "0.0.0.0/8",    // "this network" (RFC 791)
      "224.0.0.0/4",  // multicast
      "240.0.0.0/4",  // reserved (RFC 1112), broadcast
      "::/128",       // unspecified
      "ff00::/8",     // multicast
  });
  return all;
}

const Ranges& ours() {
  static const Ranges all = ranges({
      "127.0.0.0/8",     // loopback
      "10.0.0.0/8",      // RFC 1918
      "172.16.0.0/12",   // RFC 1918
      "192.168.0.0/16",  // RFC 1918
      "169.254.0.0/16",  // link-local, metadata services
      "100.64.0.0/10",   // shared with the provider (RFC 6598)
      "192.0.0.0/24",    // IETF protocol assignments (RFC 6890)
      "198.18.0.0/15",   // benchmarks (RFC 2544)
      "::1/128",         // loopback
      "fc00::/7",        // unique local (RFC 4193), metadata services
      "fe80::/10",       // link-local
      "fec0::/10",       // site-local, deprecated (RFC 3879)
  });
  return all;
}

// IPv4-mapped addresses are not among these: to a Cidr they are IPv4.
const std::vector<Embedding>& embeddings() {
  static const std::vector<Embedding> all{
      {range("::/96"), {12, 13, 14, 15}},            // IPv4-compatible (RFC 4291, 2.5.5.1)
      {range("64:ff9b::/96"), {12, 13, 14, 15}},     // NAT64 (RFC 6052)
      {range("2002::/16"), {2, 3, 4, 5}},            // 6to4 (RFC 3056)
      {range("2001::/32"), {12, 13, 14, 15}, 0xff},  // Teredo (RFC 4380, section 4): the client
      // NAT64 of this network (RFC 8215), by prefixes of 96, 64, 56 and 48 bits (RFC 6052, 2.2).
      {range("64:ff9b:1::/48"), {12, 13, 14, 15}},
      {range("64:ff9b:1::/48"), {9, 10, 11, 12}},
      {range("64:ff9b:1::/48"), {7, 9, 10, 11}},
      {range("64:ff9b:1::/48"), {6, 7, 9, 10}},
  };
  return all;
}

SocketAddress embedded(const SocketAddress& address, const Embedding& embedding) {
  const auto& bytes = reinterpret_cast<const sockaddr_in6*>(address.get())->sin6_addr.s6_addr;
  uint8_t ip[4];
  for (size_t i = 0; i < sizeof ip; ++i)
    ip[i] = static_cast<uint8_t>(bytes[embedding.at[i]] ^ embedding.mask);
  sockaddr_in v4 = {};
  v4.sin_family = AF_INET;
  std::memcpy(&v4.sin_addr, ip, sizeof ip);
  return {reinterpret_cast<const sockaddr*>(&v4), sizeof v4};
}

// Where it can be read in several ways, one that is private is enough, and one that cannot be meant
// says nothing.
Scope scopeOfEmbedded(const SocketAddress& address) {
  std::optional<Scope> found;
  for (const Embedding& embedding : embeddings()) {
    if (!embedding.range.contains(address)) continue;
    const Scope scope = scopeOf(embedded(address, embedding));
    if (scope == Scope::Private) return scope;
    if (!found || scope == Scope::Public) found = scope;
  }
  return found.value_or(Scope::Public);
}

}  // namespace

Scope scopeOf(const SocketAddress& address) {
  ASSERT(!address.empty() && !address.isUnix());
  if (isIn(never(), address)) return Scope::Never;
  if (isIn(ours(), address)) return Scope::Private;
  return scopeOfEmbedded(address);
}

}  // namespace oxbow::dns
