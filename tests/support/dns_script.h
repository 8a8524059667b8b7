#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/dns_packet.h"

namespace oxbow::test {

using std::chrono::milliseconds;
using std::chrono::seconds;

enum class DnsTransport : uint8_t { Udp, Tcp };

// How an answer lies. A false answer has the addresses kFalseIpv4 and kFalseIpv6 where the true one
// has any.
enum class DnsLie : uint8_t {
  None,
  WrongId,
  WrongQuestion,  // about kFalseName
  OtherPort,      // right in all but the port that it comes from; UDP only
  Unasked,        // of another id and another question: an answer to nobody
  Cut,            // the true answer up to its middle; over TCP the connection closes there
};
constexpr const char* kFalseIpv4 = "203.0.113.66";
constexpr const char* kFalseIpv6 = "2001:db8:bad::66";
constexpr const char* kFalseName = "false.test";

// Of negative answers: a resolver may believe them for the lesser of the two (RFC 2308, section 5).
struct DnsSoa {
  seconds ttl{300};
  seconds minimum{300};
};

// Given a query, the packet that answers it; empty: none.
using DnsRaw = std::function<std::string(const std::string& query)>;

// What a DnsServer does, without its sockets.
struct DnsScript {
  using Key = std::pair<std::string, DnsType>;
  struct Records {
    std::vector<std::string> texts;
    seconds ttl{300};
  };
  struct Failure {
    DnsCode code = DnsCode::NoError;
    std::optional<DnsSoa> soa;
  };

  std::map<Key, Records> records;
  std::map<Key, Failure> failures;
  std::map<std::string, Failure> nameFailures;
  std::map<Key, DnsRaw> raws;
  std::map<std::string, milliseconds> delays;
  milliseconds delay{0};
  std::optional<DnsCode> codeOfAll;
  std::optional<DnsSoa> soa;
  bool silent = false;
  bool truncating = false;
  bool closingTcp = false;
  bool refusingEdns = false;
  int toLose = 0;
  DnsLie lie = DnsLie::None;
  bool truthFollows = true;

  // One packet of an answer.
  struct Sent {
    std::string bytes;
    bool fromOtherPort = false;  // UDP
    bool thenClose = false;      // TCP, with `bytes` less than their length tells
    size_t size = 0;             // what their length tells
  };

  // Whether this query stays without an answer; takes it from `toLose`.
  bool ignoresNext();
  // Null when the script has no such packet.
  DnsRaw rawOf(const DnsQuestion& question) const;
  // What answers this question, in order.
  std::vector<Sent> answer(const DnsQuestion& question, DnsTransport transport) const;
  static std::vector<Sent> whole(std::string bytes);
  milliseconds delayOf(const std::string& name) const;

 private:
  DnsMessage truth(const DnsQuestion& question) const;
  void resolve(const DnsQuestion& question, DnsMessage& message) const;
  const Failure* failureOf(const std::string& name, DnsType type) const;
  bool knows(const std::string& name) const;
  bool addRecords(const std::string& name, DnsType type, DnsMessage& message) const;
  void negative(DnsMessage& message, const std::optional<DnsSoa>& own) const;
  Sent lieFor(const DnsQuestion& question, const DnsMessage& message, DnsTransport transport) const;
  // One that does not fit into a datagram has the TC bit and no records.
  std::string fitting(DnsMessage message, const DnsQuestion& question,
                      DnsTransport transport) const;
};

}  // namespace oxbow::test
