#include "proxy/dns/reply.h"

#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "proxy/base/assert.h"
#include "proxy/dns/wire_reader.h"

namespace oxbow::dns {

namespace {

// RFC 1035, sections 3.2 and 4.1.1.
constexpr uint16_t kInternet = 1;
constexpr uint16_t kCname = 5;
constexpr uint16_t kSoa = 6;
constexpr unsigned kResponse = 0x8000;
constexpr unsigned kOpcode = 0x7800;
constexpr unsigned kTruncated = 0x0200;
constexpr unsigned kRcode = 0x000f;
enum Rcode : uint8_t { kNoError, kFormErr, kServFail, kNxDomain, kNotImp, kRefused };

constexpr uint32_t kAnyTtl = std::numeric_limits<uint32_t>::max();

struct Header {
  uint16_t id = 0;  // whoever asked has compared it
  uint16_t flags = 0;
  uint16_t questions = 0;
  uint16_t answers = 0;
  uint16_t authorities = 0;
  uint16_t additional = 0;
};

struct Record {
  std::string owner;
  uint16_t type = 0;
  bool internet = false;
  uint32_t ttl = 0;
  WireReader data;
};

struct Alias {
  std::string target;
  uint32_t ttl = 0;
};

// What of a packet can matter, whatever the names.
struct Contents {
  std::map<std::string, Alias> aliases;  // by owner; ordered, so that no choice of names is slow
  std::vector<Record> records;           // of the type that was asked for
  std::optional<uint32_t> negativeTtl;
};

// Where the aliases of a name lead.
struct Chain {
  std::string end;
  uint32_t ttl = kAnyTtl;
};

Reply ended(Outcome outcome, uint32_t ttl = 0) {
  Reply reply;
  reply.outcome = outcome;
  reply.ttl = std::chrono::seconds(ttl);
  return reply;
}

Header readHeader(WireReader& reader) {
  Header header;
  header.id = reader.number16();
  header.flags = reader.number16();
  header.questions = reader.number16();
  header.answers = reader.number16();
  header.authorities = reader.number16();
  header.additional = reader.number16();
  return header;
}

bool isWholeAnswer(const Header& header) {
  return (header.flags & (kResponse | kOpcode | kTruncated)) == kResponse && header.questions == 1;
}

bool readQuestion(WireReader& reader, const std::string& name, Type type) {
  const bool sameName = reader.name() == name;
  const bool sameType = reader.number16() == static_cast<uint16_t>(type);
  return reader.number16() == kInternet && sameName && sameType;  // not when anything failed
}

std::optional<Outcome> failureOf(unsigned rcode) {
  switch (rcode) {
    case kNoError:
    case kNxDomain:
      return std::nullopt;
    case kFormErr:
    case kNotImp:
    case kRefused:
      return Outcome::Refused;
    default:
      return Outcome::ServFail;
  }
}

// RFC 1035, section 4.1.3.
Record readRecord(WireReader& reader) {
  std::string owner = reader.name();
  const uint16_t type = reader.number16();
  const bool internet = reader.number16() == kInternet;
  const uint32_t ttl = reader.number32();
  return {std::move(owner), type, internet, ttl, reader.part(reader.number16())};
}

// A name has one alias (RFC 2181, section 10.1).
bool addAlias(Contents& contents, Record& record) {
  std::string target = record.data.name();
  if (!record.data.complete()) return false;
  const auto [known, added] =
      contents.aliases.try_emplace(std::move(record.owner), Alias{target, record.ttl});
  Alias& alias = known->second;
  alias.ttl = std::min(alias.ttl, record.ttl);
  return added || alias.target == target;
}

// RFC 2308, section 5: the least of the record's own TTL and its MINIMUM.
bool addAuthority(Contents& contents, Record& record) {
  record.data.name();     // MNAME
  record.data.name();     // RNAME
  record.data.bytes(16);  // SERIAL, REFRESH, RETRY, EXPIRE
  const uint32_t minimum = record.data.number32();
  contents.negativeTtl = std::min({contents.negativeTtl.value_or(kAnyTtl), record.ttl, minimum});
  return record.data.complete();
}

bool readAnswers(WireReader& reader, unsigned count, Type type, Contents& contents) {
  for (; count > 0 && reader.ok(); --count) {
    Record record = readRecord(reader);
    if (!record.internet) continue;
    if (record.type == kCname && !addAlias(contents, record)) return false;
    if (record.type == static_cast<uint16_t>(type)) contents.records.push_back(std::move(record));
  }
  return reader.ok();
}

bool readAuthorities(WireReader& reader, unsigned count, Contents& contents) {
  for (; count > 0 && reader.ok(); --count) {
    Record record = readRecord(reader);
    if (record.internet && record.type == kSoa && !addAuthority(contents, record)) return false;
  }
  return reader.ok();
}

bool skipRecords(WireReader& reader, unsigned count) {
  for (; count > 0 && reader.ok(); --count) readRecord(reader);
  return reader.ok();
}

std::optional<Contents> readContents(WireReader& reader, const Header& header, Type type) {
  Contents contents;
  if (!readAnswers(reader, header.answers, type, contents)) return std::nullopt;
  if (!readAuthorities(reader, header.authorities, contents)) return std::nullopt;
  if (!skipRecords(reader, header.additional)) return std::nullopt;
  return contents;
}

std::optional<Chain> follow(const std::map<std::string, Alias>& aliases, std::string name) {
  Chain chain{std::move(name)};
  for (size_t followed = 0;; ++followed) {
    const auto alias = aliases.find(chain.end);
    if (alias == aliases.end()) return chain;
    if (followed == kMaxAliases) return std::nullopt;
    chain.end = alias->second.target;
    chain.ttl = std::min(chain.ttl, alias->second.ttl);
  }
}

SocketAddress addressOf(std::span<const uint8_t> ip) {
  if (ip.size() == sizeof(in_addr)) {
    sockaddr_in v4 = {};
    v4.sin_family = AF_INET;
    std::memcpy(&v4.sin_addr, ip.data(), ip.size());
    return {reinterpret_cast<const sockaddr*>(&v4), sizeof v4};
  }
  sockaddr_in6 v6 = {};
  v6.sin6_family = AF_INET6;
  std::memcpy(&v6.sin6_addr, ip.data(), ip.size());
  return {reinterpret_cast<const sockaddr*>(&v6), sizeof v6};
}

std::string keyOf(const Service& service) {
  return std::to_string(service.priority) + ' ' + std::to_string(service.weight) + ' ' +
         std::to_string(service.port) + ' ' + service.target;
}

// Fills a reply with the records of one name.
class Collector {
 public:
  explicit Collector(const Chain& chain) : name_(chain.end), ttl_(chain.ttl) {}

  // False when it is malformed, be it of that name or not.
  bool add(Record& record, Type type) {
    if (type == Type::Srv) return addService(record);
    return addAddress(record, type == Type::A ? sizeof(in_addr) : sizeof(in6_addr));
  }

  bool empty() const { return seen_.empty(); }

  Reply take() {
    reply_.outcome = Outcome::Found;
    reply_.ttl = std::chrono::seconds(ttl_);
    return std::move(reply_);
  }

 private:
  bool addAddress(Record& record, size_t size) {
    const std::span<const uint8_t> ip = record.data.bytes(size);
    if (!record.data.complete()) return false;
    if (record.owner != name_ || reply_.addresses.size() == kMaxAddresses) return true;
    if (isNew(record, std::string(ip.begin(), ip.end()))) reply_.addresses.push_back(addressOf(ip));
    return true;
  }

  bool addService(Record& record) {
    Service service;
    service.priority = record.data.number16();
    service.weight = record.data.number16();
    service.port = record.data.number16();
    std::optional<std::string> target = hostText(record.data.name());
    if (!record.data.complete() || !target) return false;
    service.target = std::move(*target);
    if (record.owner != name_ || reply_.services.size() == kMaxServices) return true;
    if (isNew(record, keyOf(service))) reply_.services.push_back(std::move(service));
    return true;
  }

  // A search in the reply itself would take long where an answer has thousands of records.
  bool isNew(const Record& record, std::string key) {
    ttl_ = std::min(ttl_, record.ttl);
    return seen_.insert(std::move(key)).second;
  }

  const std::string& name_;
  uint32_t ttl_;
  std::set<std::string> seen_;
  Reply reply_;
};

}  // namespace

std::string_view textOf(Outcome outcome) {
  static constexpr std::string_view kTexts[] = {
      "found",     "nxdomain",    "nodata",  "servfail",    "refused",
      "malformed", "cname_chain", "timeout", "unreachable", "overload"};
  static_assert(std::size(kTexts) == static_cast<size_t>(Outcome::Count));
  ASSERT(outcome < Outcome::Count);
  return kTexts[static_cast<size_t>(outcome)];
}

Reply readReply(std::span<const uint8_t> packet, std::string_view name, Type type) {
  WireReader reader(packet);
  const Header header = readHeader(reader);
  std::string asked = wireName(name);
  if (!isWholeAnswer(header) || !readQuestion(reader, asked, type))
    return ended(Outcome::Malformed);
  const unsigned rcode = header.flags & kRcode;
  if (const std::optional<Outcome> failure = failureOf(rcode)) return ended(*failure);
  std::optional<Contents> contents = readContents(reader, header, type);
  if (!contents) return ended(Outcome::Malformed);
  const std::optional<Chain> chain = follow(contents->aliases, std::move(asked));
  if (!chain) return ended(Outcome::TooLong);
  // An alias is not believed for longer than it says, wherever it leads.
  const uint32_t negativeTtl = std::min(contents->negativeTtl.value_or(0), chain->ttl);
  if (rcode == kNxDomain) return ended(Outcome::NoName, negativeTtl);
  Collector collector(*chain);
  for (Record& record : contents->records)
    if (!collector.add(record, type)) return ended(Outcome::Malformed);
  return collector.empty() ? ended(Outcome::NoData, negativeTtl) : collector.take();
}

}  // namespace oxbow::dns
