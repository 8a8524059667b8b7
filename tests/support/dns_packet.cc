#include "tests/support/dns_packet.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <sstream>

namespace oxbow::test {

namespace {

constexpr size_t kHeader = 12;

void must(bool done, const std::string& what) {
  if (done) return;
  std::fprintf(stderr, "a DNS record cannot have \"%s\"\n", what.c_str());
  std::abort();
}

unsigned number16(const std::string& bytes, size_t at) {
  return static_cast<unsigned char>(bytes[at]) * 256u + static_cast<unsigned char>(bytes[at + 1]);
}

// Reads labels up to the root and moves `at` behind them. Questions have no compression.
std::optional<std::string> readName(const std::string& packet, size_t& at) {
  std::string name;
  while (at < packet.size()) {
    const auto label = static_cast<unsigned char>(packet[at++]);
    if (label == 0) return canonicalName(name);
    if (label > 63 || at + label > packet.size()) return std::nullopt;
    name += (name.empty() ? "" : ".") + packet.substr(at, label);
    at += label;
  }
  return std::nullopt;
}

// Only an OPT record may stand behind the question: a root name, its type, and the payload size
// where others have their class.
void readOpt(const std::string& packet, size_t at, DnsQuestion& question) {
  if (number16(packet, 10) == 0 || at + 5 > packet.size() || packet[at] != 0) return;
  if (number16(packet, at + 1) != static_cast<unsigned>(DnsType::Opt)) return;
  question.edns = true;
  question.payload = std::max(512u, number16(packet, at + 3));
}

std::string addressData(int family, const std::string& text) {
  char bytes[16];
  must(inet_pton(family, text.c_str(), bytes) == 1, text);
  return {bytes, family == AF_INET ? 4u : 16u};
}

std::string serviceData(const std::string& text) {
  std::istringstream words(text);
  unsigned priority = 0, weight = 0, port = 0;
  std::string target;
  words >> priority >> weight >> port >> target;
  must(!target.empty(), text);
  return dnsNumber16(priority) + dnsNumber16(weight) + dnsNumber16(port) + dnsName(target);
}

std::string optRecord() {
  return std::string(1, '\0') + dnsNumber16(static_cast<unsigned>(DnsType::Opt)) +
         dnsNumber16(1232) + dnsNumber32(0) + dnsNumber16(0);
}

// With a pointer to the question's name where it is that one, as servers have it.
std::string recordBytes(const DnsRecord& record, const std::string& asked) {
  const bool same = !asked.empty() && canonicalName(record.name) == asked;
  return (same ? std::string("\xc0\x0c") : dnsName(record.name)) +
         dnsNumber16(static_cast<unsigned>(record.type)) + dnsNumber16(1) +
         dnsNumber32(static_cast<uint64_t>(record.ttl.count())) +
         dnsNumber16(static_cast<unsigned>(record.data.size())) + record.data;
}

}  // namespace

std::string canonicalName(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  std::string result(name);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

std::string dnsNumber16(unsigned value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value & 255)};
}

std::string dnsNumber32(uint64_t value) {
  return dnsNumber16(static_cast<unsigned>(value >> 16 & 0xffff)) +
         dnsNumber16(static_cast<unsigned>(value & 0xffff));
}

std::string dnsName(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  std::string bytes;
  while (!name.empty()) {
    const size_t end = std::min(name.find('.'), name.size());
    bytes += static_cast<char>(end) + std::string(name.substr(0, end));
    name.remove_prefix(std::min(end + 1, name.size()));
  }
  return bytes + '\0';
}

std::string dnsQuestion(std::string_view name, DnsType type) {
  return dnsName(name) + dnsNumber16(static_cast<unsigned>(type)) + dnsNumber16(1);
}

std::string dnsQuery(uint16_t id, std::string_view name, DnsType type, unsigned payload) {
  std::string bytes = dnsNumber16(id) + dnsNumber16(0x0100) + dnsNumber16(1) + dnsNumber32(0) +
                      dnsNumber16(payload > 0 ? 1 : 0) + dnsQuestion(name, type);
  if (payload == 0) return bytes;
  return bytes + std::string(1, '\0') + dnsNumber16(static_cast<unsigned>(DnsType::Opt)) +
         dnsNumber16(payload) + dnsNumber32(0) + dnsNumber16(0);
}

std::string dnsData(DnsType type, const std::string& text) {
  switch (type) {
    case DnsType::A:
      return addressData(AF_INET, text);
    case DnsType::Aaaa:
      return addressData(AF_INET6, text);
    case DnsType::Srv:
      return serviceData(text);
    case DnsType::Cname:
    case DnsType::Ns:
      return dnsName(text);
    case DnsType::Soa:
    case DnsType::Txt:
    case DnsType::Opt:
      break;
  }
  return text;
}

std::optional<DnsQuestion> readQuestion(const std::string& packet) {
  if (packet.size() < kHeader || (packet[2] & 0x80) != 0 || number16(packet, 4) != 1)
    return std::nullopt;
  size_t at = kHeader;
  const auto name = readName(packet, at);
  if (!name || at + 4 > packet.size()) return std::nullopt;
  DnsQuestion question;
  question.id = static_cast<uint16_t>(number16(packet, 0));
  question.name = *name;
  question.type = static_cast<DnsType>(number16(packet, at));
  question.bytes = packet.substr(kHeader, at + 4 - kHeader);
  readOpt(packet, at + 4, question);
  return question;
}

DnsMessage answerTo(const DnsQuestion& question) {
  DnsMessage message;
  message.id = question.id;
  message.question = question.bytes;
  message.edns = question.edns;
  return message;
}

std::string DnsMessage::bytes() const {
  std::string asked;
  size_t at = 0;
  if (!question.empty()) asked = readName(question, at).value_or("");
  // An answer; recursion desired and available; TC (RFC 1035, section 4.1.1).
  const unsigned flags = 0x8180u | (truncated ? 0x0200u : 0u) | static_cast<unsigned>(code);
  std::string packet =
      dnsNumber16(id) + dnsNumber16(flags) + dnsNumber16(question.empty() ? 0 : 1) +
      dnsNumber16(static_cast<unsigned>(answers.size())) +
      dnsNumber16(static_cast<unsigned>(authority.size())) + dnsNumber16(edns ? 1 : 0) + question;
  for (const DnsRecord& record : answers) packet += recordBytes(record, asked);
  for (const DnsRecord& record : authority) packet += recordBytes(record, asked);
  return edns ? packet + optRecord() : packet;
}

}  // namespace oxbow::test
