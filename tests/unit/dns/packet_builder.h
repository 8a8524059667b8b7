#pragma once

#include <arpa/inet.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

#include "proxy/dns/reply.h"

// DNS packets, well formed or not (RFC 1035, section 4.1). Names go in as their bytes: labels() and
// pointer() make them.

namespace oxbow::dns {

inline std::string bytes16(size_t value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value & 0xff)};
}

inline std::string bytes32(uint32_t value) {
  return bytes16(value >> 16) + bytes16(value & 0xffff);
}

// The labels of a name, without what ends it.
inline std::string labels(std::string_view name) {
  std::string wire;
  while (!name.empty()) {
    const std::string_view label = name.substr(0, name.find('.'));
    wire += static_cast<char>(label.size());
    wire += label;
    name.remove_prefix(label.size() == name.size() ? label.size() : label.size() + 1);
  }
  return wire;
}

inline std::string wholeName(std::string_view name) { return labels(name) + '\0'; }

inline std::string pointer(size_t target) { return bytes16(0xc000 | target); }

class PacketBuilder {
 public:
  static constexpr uint16_t kInternet = 1;
  static constexpr uint16_t kCname = 5, kSoa = 6, kTxt = 16, kDname = 39, kOpt = 41, kRrsig = 46;
  // Response, recursion desired and available (section 4.1.1).
  static constexpr uint16_t kFlags = 0x8180, kTruncated = 0x0200;
  static constexpr size_t kQuestion = 12;  // where the question's name stands
  enum Section : size_t { kQuestions, kAnswers, kAuthorities, kAdditional };

  PacketBuilder(std::string_view name, Type type) {
    question(wholeName(name), static_cast<uint16_t>(type));
  }
  PacketBuilder() = default;  // no question

  PacketBuilder& question(const std::string& name, uint16_t type, uint16_t cls = kInternet) {
    body_ += name + bytes16(type) + bytes16(cls);
    ++counts_[kQuestions];
    return *this;
  }
  PacketBuilder& flags(unsigned flags) {
    flags_ = static_cast<uint16_t>(flags);
    return *this;
  }
  PacketBuilder& rcode(unsigned rcode) { return flags(kFlags | rcode); }
  // Whatever the records are.
  PacketBuilder& count(Section section, uint16_t count) {
    counts_[section] = count;
    return *this;
  }

  // Where the next record begins; the data of a record come 10 bytes behind its owner.
  size_t size() const { return kQuestion + body_.size(); }

  PacketBuilder& record(Section section, const std::string& owner, uint16_t type, uint32_t ttl,
                        const std::string& data, uint16_t cls = kInternet) {
    if (section < last_) std::abort();  // they stand in their order
    last_ = section;
    body_ += owner + bytes16(type) + bytes16(cls) + bytes32(ttl) + bytes16(data.size()) + data;
    ++counts_[section];
    return *this;
  }
  PacketBuilder& answer(const std::string& owner, uint16_t type, uint32_t ttl,
                        const std::string& data) {
    return record(kAnswers, owner, type, ttl, data);
  }

  // A or AAAA, by the form of the address.
  PacketBuilder& address(std::string_view owner, const char* ip, uint32_t ttl = 300) {
    return answer(wholeName(owner), typeOf(ip), ttl, addressBytes(ip));
  }
  PacketBuilder& alias(std::string_view owner, std::string_view target, uint32_t ttl = 300) {
    return answer(wholeName(owner), kCname, ttl, wholeName(target));
  }
  PacketBuilder& service(std::string_view owner, uint16_t priority, uint16_t weight, uint16_t port,
                         const std::string& target, uint32_t ttl = 300) {
    return answer(wholeName(owner), static_cast<uint16_t>(Type::Srv), ttl,
                  bytes16(priority) + bytes16(weight) + bytes16(port) + target);
  }
  PacketBuilder& authority(std::string_view zone, uint32_t ttl, uint32_t minimum) {
    return record(kAuthorities, wholeName(zone), kSoa, ttl, soaBytes(minimum));
  }

  static uint16_t typeOf(std::string_view ip) {
    return static_cast<uint16_t>(ip.find(':') == ip.npos ? Type::A : Type::Aaaa);
  }
  static std::string addressBytes(const char* ip) {
    char bytes[16];
    const bool v6 = inet_pton(AF_INET6, ip, bytes) == 1;
    if (!v6 && inet_pton(AF_INET, ip, bytes) != 1) std::abort();
    return {bytes, v6 ? size_t{16} : size_t{4}};
  }
  static std::string soaBytes(uint32_t minimum) {
    return wholeName("ns.test") + wholeName("admin.test") + bytes32(2024010101) + bytes32(7200) +
           bytes32(3600) + bytes32(1209600) + bytes32(minimum);
  }

  std::string build() const {
    std::string packet = bytes16(0x1234) + bytes16(flags_);
    for (const uint16_t count : counts_) packet += bytes16(count);
    return packet + body_;
  }

 private:
  uint16_t flags_ = kFlags;
  std::array<uint16_t, 4> counts_ = {};
  Section last_ = kQuestions;
  std::string body_;
};

inline Reply readPacket(std::string_view packet, std::string_view name, Type type) {
  return readReply({reinterpret_cast<const uint8_t*>(packet.data()), packet.size()}, name, type);
}

}  // namespace oxbow::dns
