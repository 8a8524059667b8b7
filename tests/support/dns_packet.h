#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// DNS messages as the tests read and write them (RFC 1035, section 4): on their own, since what
// proxy/dns thinks of them is what is tested. Packets are bytes in a std::string.

namespace oxbow::test {

enum class DnsType : uint16_t {
  A = 1,
  Ns = 2,
  Cname = 5,
  Soa = 6,
  Txt = 16,
  Aaaa = 28,
  Srv = 33,
  Opt = 41
};
enum class DnsCode : uint8_t {
  NoError = 0,
  FormErr = 1,
  ServFail = 2,
  NxDomain = 3,
  NotImp = 4,
  Refused = 5
};

// What a query asks.
struct DnsQuestion {
  uint16_t id = 0;
  std::string name;  // in lower case, without the last dot
  DnsType type = DnsType::A;
  bool edns = false;     // it has an OPT record (RFC 6891)
  size_t payload = 512;  // the largest answer that it takes over UDP
  std::string bytes;     // the question section, as it came
};

// Null when it is no query with one question.
std::optional<DnsQuestion> readQuestion(const std::string& packet);

struct DnsRecord {
  std::string name;
  DnsType type = DnsType::A;
  std::chrono::seconds ttl{300};
  std::string data;  // as dnsData() writes it
};

// An answer. bytes() writes what it is told to, whether it makes sense or not.
struct DnsMessage {
  uint16_t id = 0;
  DnsCode code = DnsCode::NoError;
  bool truncated = false;
  std::string question;  // as dnsQuestion() writes it; empty: none
  std::vector<DnsRecord> answers;
  std::vector<DnsRecord> authority;
  bool edns = false;  // with an OPT record

  std::string bytes() const;
};

// The answer to `question`, still without records.
DnsMessage answerTo(const DnsQuestion& question);

std::string dnsNumber16(unsigned value);
std::string dnsNumber32(uint64_t value);
// Labels without compression. A label's length is not checked.
std::string dnsName(std::string_view name);
// A question section of class IN.
std::string dnsQuestion(std::string_view name, DnsType type);
// A query with recursion desired, with an OPT record when it has a payload size.
std::string dnsQuery(uint16_t id, std::string_view name, DnsType type, unsigned payload = 0);
// The data of a record: "192.0.2.1", "2001:db8::1", "10 5 8080 host.test" (priority, weight, port
// and target of SRV), "other.test" (CNAME, NS). Aborts on text that is none; other types have their
// text as it is.
std::string dnsData(DnsType type, const std::string& text);

// "A.Test." is "a.test".
std::string canonicalName(std::string_view name);

}  // namespace oxbow::test
