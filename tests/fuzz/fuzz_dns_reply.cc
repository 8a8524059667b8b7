#include <algorithm>
#include <cstring>
#include <set>
#include <string>
#include <string_view>

#include "proxy/dns/reply.h"
#include "tests/fuzz/invariants.h"
#include "tests/unit/dns/packet_builder.h"

// A packet that answers a question for DNS. The input is the packet; what was asked is what it says
// in its question, so that the fuzzer comes to what is behind it.

namespace oxbow::fuzz {
namespace {

using dns::Outcome;
using dns::Reply;
using dns::Type;

constexpr Type kTypes[] = {Type::A, Type::Aaaa, Type::Srv};
constexpr size_t kHeader = 12;

struct Question {
  std::string name;
  Type type = Type::A;
};

bool isSame(const Reply& a, const Reply& b) {
  return a.outcome == b.outcome && a.ttl == b.ttl && a.addresses == b.addresses &&
         a.services == b.services;
}

Question questionOf(std::string_view packet) {
  Question question;
  size_t at = kHeader;
  while (at < packet.size() && packet[at] != 0) {
    const auto length = static_cast<uint8_t>(packet[at]);
    if (!question.name.empty()) question.name += '.';
    question.name += packet.substr(at + 1, length);
    at += 1u + length;
  }
  if (at + 2 >= packet.size()) return question;
  for (const Type type : kTypes)
    if (static_cast<uint8_t>(packet[at + 2]) == static_cast<uint16_t>(type)) question.type = type;
  return question;
}

Reply read(std::string_view packet, const Question& question) {
  const ExactBytes bytes(packet);
  return dns::readPacket(bytes.view(), question.name, question.type);
}

std::string ipBytes(const SocketAddress& address) {
  if (address.family() == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(address.get());
    return {reinterpret_cast<const char*>(&v4->sin_addr), sizeof v4->sin_addr};
  }
  const auto* v6 = reinterpret_cast<const sockaddr_in6*>(address.get());
  return {reinterpret_cast<const char*>(&v6->sin6_addr), sizeof v6->sin6_addr};
}

uint32_t secondsOf(const Reply& reply) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(reply.ttl);
  ASSERT(seconds == reply.ttl && seconds.count() >= 0 && seconds.count() <= UINT32_MAX);
  return static_cast<uint32_t>(seconds.count());
}

// A host name, and no IPv4 address (RFC 1035, section 2.3.4).
void checkTarget(std::string_view target) {
  if (target.empty()) return;  // the root
  const Result<HostPort> host = parseHostPort(std::string(target) + ":1");
  ASSERT(target.size() <= 253 && host.ok() && !host.value().isIp);
  for (const char c : target) ASSERT(c < 'A' || c > 'Z');
  ASSERT(target.back() != '.');
}

void checkAddresses(const Reply& reply, Type type, std::string_view packet) {
  std::set<std::string> seen;
  for (const SocketAddress& address : reply.addresses) {
    ASSERT(address.family() == (type == Type::A ? AF_INET : AF_INET6) && address.port() == 0);
    const std::string ip = ipBytes(address);
    ASSERT(packet.find(ip) != packet.npos);
    ASSERT(seen.insert(ip).second);
  }
}

void checkServices(const Reply& reply, std::string_view packet) {
  for (const dns::Service& service : reply.services) {
    checkTarget(service.target);
    const std::string numbers =
        dns::bytes16(service.priority) + dns::bytes16(service.weight) + dns::bytes16(service.port);
    ASSERT(packet.find(numbers) != packet.npos);
    ASSERT(std::count(reply.services.begin(), reply.services.end(), service) == 1);
  }
}

void checkReply(const Reply& reply, Type type, std::string_view packet) {
  ASSERT(reply.outcome < Outcome::Timeout);
  ASSERT(reply.addresses.size() <= dns::kMaxAddresses);
  ASSERT(reply.services.size() <= dns::kMaxServices);
  ASSERT(type == Type::Srv ? reply.addresses.empty() : reply.services.empty());
  const bool found = reply.outcome == Outcome::Found;
  ASSERT(found == !(reply.addresses.empty() && reply.services.empty()));
  const uint32_t ttl = secondsOf(reply);
  ASSERT(ttl == 0 || packet.find(dns::bytes32(ttl)) != packet.npos);
  ASSERT(ttl == 0 || found || reply.outcome == Outcome::NoName || reply.outcome == Outcome::NoData);
  checkAddresses(reply, type, packet);
  checkServices(reply, packet);
}

// Malformed up to the packet's last record, and from there on what the whole is.
void checkCuts(std::string_view packet, const Question& question, const Reply& whole) {
  bool decided = false;
  for (size_t size = 0; size < packet.size(); size += packet.size() / 50 + 1) {
    const Reply part = read(packet.substr(0, size), question);
    if (part.outcome != Outcome::Malformed) decided = true;
    ASSERT(!decided || isSame(part, whole));
  }
}

// A reply is the answer to one question.
void checkOtherQuestions(std::string_view packet, const Question& question) {
  for (const Type type : kTypes)
    ASSERT(type == question.type ||
           read(packet, {question.name, type}).outcome == Outcome::Malformed);
  ASSERT(read(packet, {"x" + question.name, question.type}).outcome == Outcome::Malformed);
  ASSERT(read(packet, {"x." + question.name, question.type}).outcome == Outcome::Malformed);
}

void checkFlags(std::string_view packet, const Question& question, const Reply& whole) {
  const auto outcomeWith = [&](size_t at, int clear, int set) {
    std::string changed(packet);
    changed[at] = static_cast<char>((changed[at] & ~clear) | set);
    return read(changed, question).outcome;
  };
  ASSERT(outcomeWith(2, 0x80, 0) == Outcome::Malformed);  // a query
  ASSERT(outcomeWith(2, 0, 0x02) == Outcome::Malformed);  // truncated
  ASSERT(outcomeWith(2, 0, 0x10) == Outcome::Malformed);  // another opcode
  ASSERT(outcomeWith(5, 0xff, 2) == Outcome::Malformed);  // two questions
  ASSERT(outcomeWith(3, 0x0f, 2) == Outcome::ServFail);
  ASSERT(outcomeWith(3, 0x0f, 5) == Outcome::Refused);
  const bool read = whole.outcome == Outcome::Found || whole.outcome == Outcome::NoData ||
                    whole.outcome == Outcome::NoName;
  if (read) ASSERT(outcomeWith(3, 0x0f, 3) == Outcome::NoName);
}

// What was found, written anew without compression, is found again.
void checkWrittenAgain(const Reply& reply, Type type) {
  if (reply.outcome != Outcome::Found) return;
  dns::PacketBuilder packet("a.test", type);
  const uint32_t ttl = secondsOf(reply);
  for (const SocketAddress& address : reply.addresses)
    packet.answer(dns::wholeName("a.test"), static_cast<uint16_t>(type), ttl, ipBytes(address));
  for (const dns::Service& each : reply.services)
    packet.service("a.test", each.priority, each.weight, each.port, dns::wholeName(each.target),
                   ttl);
  ASSERT(isSame(dns::readPacket(packet.build(), "a.test", type), reply));
}

}  // namespace
}  // namespace oxbow::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace oxbow;
  const std::string_view packet = fuzz::viewOf(data, size);
  const fuzz::Question question = fuzz::questionOf(packet);
  const dns::Reply reply = fuzz::read(packet, question);
  fuzz::checkReply(reply, question.type, packet);
  ASSERT(fuzz::isSame(fuzz::read(packet, question), reply));
  fuzz::checkCuts(packet, question, reply);
  if (reply.outcome == dns::Outcome::Malformed) return 0;
  ASSERT(fuzz::isSame(fuzz::read(std::string(packet) + "\xc0\x0c", question), reply));
  fuzz::checkOtherQuestions(packet, question);
  fuzz::checkFlags(packet, question, reply);
  fuzz::checkWrittenAgain(reply, question.type);
  return 0;
}
