#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/base/clock.h"

namespace oxbow::dns {

// Types of records that are asked for, by their number (RFC 1035, 3596, 2782).
enum class Type : uint16_t { A = 1, Aaaa = 28, Srv = 33 };

// How a question ended. Only Found has records; they are labels of a counter.
enum class Outcome : uint8_t {
  Found,
  NoName,       // NXDOMAIN
  NoData,       // the name has no record of that type
  ServFail,     // the server could not find out
  Refused,      // it does not answer us, or such questions
  Malformed,    // what came is no answer to the question, or breaks its format
  TooLong,      // a chain of aliases that loops or does not end
  Timeout,      // nothing came in time
  Unreachable,  // no server could be sent anything
  Overload,     // too many questions are under way
  Count
};

// "found", "nxdomain", "nodata", "servfail", "refused", "malformed", "cname_chain", "timeout",
// "unreachable", "overload".
std::string_view textOf(Outcome outcome);

// One SRV record (RFC 2782).
struct Service {
  uint16_t priority = 0;
  uint16_t weight = 0;
  uint16_t port = 0;
  std::string target;  // in lower case, without the last dot; empty: the root, "not available here"
  bool operator==(const Service&) const = default;
};

// What one question came to.
struct Reply {
  Outcome outcome = Outcome::Timeout;
  // Found: the least of the records used, aliases included. NoName, NoData: how long that may be
  // believed (RFC 2308, section 5), 0 when the answer does not say. As the answer has it, not
  // clamped: a uint32_t of seconds at most.
  Duration ttl{0};
  std::vector<SocketAddress>
      addresses;                  // A, AAAA; port 0; in the order of the answer, no duplicates
  std::vector<Service> services;  // SRV; no duplicates
};

// The most records of an answer that are used; what is beyond is left out.
constexpr size_t kMaxAddresses = 1024;
constexpr size_t kMaxServices = 256;
// Aliases that are followed within one answer.
constexpr size_t kMaxAliases = 16;

// Reads the packet that answered the question for `name` (without a last dot, any case) and `type`.
// Never Timeout, Unreachable or Overload. Strict: a packet that is cut, has a compression pointer
// that does not point back, another question, or a record whose length does not fit is Malformed;
// bytes behind the last record are not looked at. Records of other names than the question's chain
// of aliases are not used.
Reply readReply(std::span<const uint8_t> packet, std::string_view name, Type type);

}  // namespace oxbow::dns
