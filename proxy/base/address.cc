#include "proxy/base/address.h"

#include <arpa/inet.h>

#include <cstring>
#include <optional>

#include "proxy/base/assert.h"
#include "proxy/base/bytes.h"

namespace oxbow {

namespace {

constexpr size_t kMaxUnixPath = sizeof(sockaddr_un::sun_path) - 1;
constexpr size_t kUnixHeader = offsetof(sockaddr_un, sun_path);
constexpr std::string_view kUnixPrefix = "unix:";

std::string quoted(std::string_view text) { return '"' + std::string(text) + '"'; }

// inet_pton for text that need not end in NUL.
bool pton(int family, std::string_view text, void* out) {
  char copy[INET6_ADDRSTRLEN];
  if (text.empty() || text.size() >= sizeof copy || text.find('\0') != text.npos) return false;
  std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  return inet_pton(family, copy, out) == 1;
}

std::optional<uint16_t> parsePort(std::string_view text) {
  if (text.size() > 5) return std::nullopt;
  if (text.size() > 1 && text.front() == '0') return std::nullopt;  // octal, to some
  const std::optional<uint64_t> port = parseDecimal(text);
  if (!port || *port > 65535) return std::nullopt;
  return static_cast<uint16_t>(*port);
}

struct Split {
  std::string_view host;
  std::string_view port;
  bool bracketed = false;
};

// "host:port" or "[host]:port" in two. The host may still be anything.
Result<Split> splitHostPort(std::string_view text) {
  if (text.empty()) return std::string("the address is empty");
  const bool bracketed = text.front() == '[';
  const size_t hostEnd = bracketed ? text.find(']') : text.rfind(':');
  if (bracketed && hostEnd == text.npos) return quoted(text) + " lacks the closing bracket";
  if (!bracketed && hostEnd != text.find(':'))
    return quoted(text) + " is ambiguous: write IPv6 addresses in brackets, \"[::1]:8080\"";
  const size_t colon = bracketed ? hostEnd + 1 : hostEnd;
  if (colon >= text.size()) return quoted(text) + " needs a port, as in \"127.0.0.1:8080\"";
  if (text[colon] != ':') return quoted(text) + " has something other than a port behind ']'";
  const size_t begin = bracketed ? 1 : 0;
  return Split{text.substr(begin, hostEnd - begin), text.substr(colon + 1), bracketed};
}

std::string badUnixPath(std::string_view text) {
  return quoted(text) + " is not a Unix socket: \"unix:\" and an absolute path of at most " +
         std::to_string(kMaxUnixPath) + " bytes";
}

bool isUnixPath(std::string_view path) {
  return !path.empty() && path.front() == '/' && path.size() <= kMaxUnixPath &&
         path.find('\0') == path.npos;
}

bool isNameByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

// RFC 1035, section 2.3.4: labels of 1 to 63 bytes. A last label of digits only can be nothing but
// a mistyped IPv4 address, which resolvers would read in surprising ways ("127.1", "10.0.0.256").
bool isHostName(std::string_view name) {
  if (!name.empty() && name.back() == '.') name.remove_suffix(1);
  if (name.empty() || name.size() > 253) return false;
  while (true) {
    const size_t dot = name.find('.');
    const std::string_view label = name.substr(0, dot);
    if (label.empty() || label.size() > 63) return false;
    for (const char c : label)
      if (!isNameByte(c)) return false;
    if (dot == name.npos) return label.find_first_not_of("0123456789") != label.npos;
    name.remove_prefix(dot + 1);
  }
}

uint64_t mix(uint64_t hash, const void* bytes, size_t size) {
  const auto* at = static_cast<const unsigned char*>(bytes);
  for (size_t i = 0; i < size; ++i) hash = (hash ^ at[i]) * 0x100000001b3;  // FNV-1a
  return hash;
}

// The IPv4 address inside ::ffff:0:0/96.
const uint8_t* mappedV4(const in6_addr& address) { return address.s6_addr + 12; }

}  // namespace

SocketAddress::SocketAddress() { std::memset(&u_, 0, sizeof u_); }

SocketAddress::SocketAddress(const sockaddr* address, socklen_t length) : SocketAddress() {
  const int family = address->sa_family;
  ASSERT(family == AF_INET || family == AF_INET6 || family == AF_UNIX);
  ASSERT(length <= sizeof u_);
  ASSERT(family != AF_INET || length >= sizeof u_.v4);
  ASSERT(family != AF_INET6 || length >= sizeof u_.v6);
  std::memcpy(&u_, address, length);
  length_ = length;
}

Result<SocketAddress> SocketAddress::parse(std::string_view text) {
  if (text.starts_with(kUnixPrefix)) {
    const std::string_view path = text.substr(kUnixPrefix.size());
    if (!isUnixPath(path)) return badUnixPath(text);
    SocketAddress result;
    result.u_.local.sun_family = AF_UNIX;
    std::memcpy(result.u_.local.sun_path, path.data(), path.size());
    result.length_ = static_cast<socklen_t>(kUnixHeader + path.size() + 1);
    return result;
  }
  const Result<Split> split = splitHostPort(text);
  if (!split) return split.error();
  const std::optional<uint16_t> port = parsePort(split.value().port);
  if (!port) return quoted(split.value().port) + " is not a port (0 to 65535)";
  const std::string_view host = split.value().host;
  if (host == "*" && !split.value().bracketed) return parseIp("0.0.0.0", *port);
  Result<SocketAddress> result = parseIp(host, *port);
  if (result && (result.value().family() == AF_INET6) != split.value().bracketed)
    return quoted(text) + " has brackets around an IPv4 address";
  return result;
}

Result<SocketAddress> SocketAddress::parseIp(std::string_view text, uint16_t port) {
  SocketAddress result;
  if (pton(AF_INET, text, &result.u_.v4.sin_addr)) {
    result.u_.v4.sin_family = AF_INET;
    result.length_ = sizeof result.u_.v4;
  } else if (pton(AF_INET6, text, &result.u_.v6.sin6_addr)) {
    result.u_.v6.sin6_family = AF_INET6;
    result.length_ = sizeof result.u_.v6;
  } else {
    return quoted(text) + " is not an IP address";
  }
  result.setPort(port);
  return result;
}

bool SocketAddress::isLoopback() const {
  switch (family()) {
    case AF_INET:
      return (ntohl(u_.v4.sin_addr.s_addr) >> 24) == 127;
    case AF_INET6:
      if (IN6_IS_ADDR_V4MAPPED(&u_.v6.sin6_addr)) return *mappedV4(u_.v6.sin6_addr) == 127;
      return IN6_IS_ADDR_LOOPBACK(&u_.v6.sin6_addr);
    default:
      return isUnix();
  }
}

uint16_t SocketAddress::port() const {
  if (family() == AF_INET) return ntohs(u_.v4.sin_port);
  return family() == AF_INET6 ? ntohs(u_.v6.sin6_port) : 0;
}

void SocketAddress::setPort(uint16_t port) {
  if (family() == AF_INET) u_.v4.sin_port = htons(port);
  if (family() == AF_INET6) u_.v6.sin6_port = htons(port);
}

std::string SocketAddress::text() const {
  if (empty()) return "";
  if (isUnix()) {
    // Of a connected but unnamed socket there is no path.
    const size_t room = length_ > kUnixHeader ? length_ - kUnixHeader : 0;
    return std::string(kUnixPrefix) +
           std::string(u_.local.sun_path, strnlen(u_.local.sun_path, room));
  }
  char ip[INET6_ADDRSTRLEN];
  const bool v6 = family() == AF_INET6;
  const void* address = v6 ? static_cast<const void*>(&u_.v6.sin6_addr) : &u_.v4.sin_addr;
  ASSERT(inet_ntop(family(), address, ip, sizeof ip) != nullptr);
  std::string result = v6 ? '[' + std::string(ip) + ']' : std::string(ip);
  return result + ':' + std::to_string(port());
}

size_t SocketAddress::writeIp(char (&out)[48]) const {
  if (empty()) return 0;
  if (isUnix()) return static_cast<size_t>(append(out, kUnixPrefix) - out);
  if (family() == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(&u_.v6.sin6_addr)) {
    ASSERT(inet_ntop(AF_INET6, &u_.v6.sin6_addr, out, sizeof out) != nullptr);
    return std::strlen(out);
  }
  // By hand: this runs for every accepted client, and inet_ntop goes through printf.
  const uint8_t* bytes = family() == AF_INET6 ? mappedV4(u_.v6.sin6_addr)
                                              : reinterpret_cast<const uint8_t*>(&u_.v4.sin_addr);
  char* at = out;
  for (int i = 0; i < 4; ++i) {
    if (i > 0) at = append(at, '.');
    at = writeDecimal(at, bytes[i]);
  }
  return static_cast<size_t>(at - out);
}

bool SocketAddress::operator==(const SocketAddress& other) const {
  if (empty() || other.empty()) return empty() == other.empty();
  if (family() != other.family()) return false;
  switch (family()) {
    case AF_INET:
      return u_.v4.sin_port == other.u_.v4.sin_port &&
             u_.v4.sin_addr.s_addr == other.u_.v4.sin_addr.s_addr;
    case AF_INET6:
      return u_.v6.sin6_port == other.u_.v6.sin6_port &&
             u_.v6.sin6_scope_id == other.u_.v6.sin6_scope_id &&
             IN6_ARE_ADDR_EQUAL(&u_.v6.sin6_addr, &other.u_.v6.sin6_addr);
    default:
      // The kernel counts the closing NUL of a path or not, so lengths do not compare. The first
      // byte is NUL of abstract and unnamed sockets only; all bytes behind a path are NUL.
      return std::memcmp(u_.local.sun_path, other.u_.local.sun_path, sizeof u_.local.sun_path) == 0;
  }
}

size_t SocketAddress::hash() const {
  if (empty()) return 0;
  const uint64_t hash = mix(0xcbf29ce484222325, &u_.any.sa_family, sizeof u_.any.sa_family);
  switch (family()) {
    case AF_INET:
      return mix(mix(hash, &u_.v4.sin_addr, sizeof u_.v4.sin_addr), &u_.v4.sin_port, 2);
    case AF_INET6:
      return mix(mix(hash, &u_.v6.sin6_addr, sizeof u_.v6.sin6_addr), &u_.v6.sin6_port, 2);
    default:
      return mix(hash, u_.local.sun_path, sizeof u_.local.sun_path);
  }
}

Result<HostPort> parseHostPort(std::string_view text) {
  HostPort result;
  if (text.starts_with(kUnixPrefix)) {
    const std::string_view path = text.substr(kUnixPrefix.size());
    if (!isUnixPath(path)) return badUnixPath(text);
    result.path = path;
    return result;
  }
  const Result<Split> split = splitHostPort(text);
  if (!split) return split.error();
  const std::optional<uint16_t> port = parsePort(split.value().port);
  if (!port || *port == 0) return quoted(split.value().port) + " is not a port (1 to 65535)";
  result.host = split.value().host;
  result.port = *port;
  in6_addr address;
  const bool v6 = pton(AF_INET6, result.host, &address);
  if (v6 != split.value().bracketed)
    return quoted(text) + " has brackets around something other than an IPv6 address";
  result.isIp = v6 || pton(AF_INET, result.host, &address);
  if (!result.isIp && !isHostName(result.host))
    return quoted(result.host) + " is neither a host name nor an IP address";
  return result;
}

Result<Cidr> Cidr::parse(std::string_view text) {
  const size_t slash = text.find('/');
  const std::string_view ip = text.substr(0, slash);
  Cidr result;
  result.v6_ = pton(AF_INET6, ip, result.bytes_);
  if (!result.v6_ && !pton(AF_INET, ip, result.bytes_))
    return quoted(text) + " is neither an IP address nor a range such as \"10.0.0.0/8\"";
  const uint64_t width = result.v6_ ? 128 : 32;
  std::optional<uint64_t> bits = width;
  if (slash != text.npos) bits = parseDecimal(text.substr(slash + 1));
  if (!bits || *bits > width)
    return quoted(text) + " has a prefix length other than 0 to " + std::to_string(width);
  result.bits_ = static_cast<uint8_t>(*bits);
  result.normalize();
  return result;
}

// Equal ranges get equal bytes: those behind the prefix are cleared, and ranges inside
// ::ffff:0:0/96 become IPv4, as the addresses do that are looked up.
void Cidr::normalize() {
  static constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (v6_ && bits_ >= 96 && std::memcmp(bytes_, kMapped, sizeof kMapped) == 0) {
    std::memmove(bytes_, bytes_ + 12, 4);
    std::memset(bytes_ + 4, 0, 12);
    bits_ = static_cast<uint8_t>(bits_ - 96);
    v6_ = false;
  }
  for (unsigned i = 0; i < sizeof bytes_; ++i) bytes_[i] &= maskOfByte(i);
}

uint8_t Cidr::maskOfByte(unsigned index) const {
  const unsigned begin = index * 8;
  if (bits_ >= begin + 8) return 0xff;
  return bits_ <= begin ? 0 : static_cast<uint8_t>(0xff00 >> (bits_ - begin));
}

bool Cidr::contains(const SocketAddress& address) const {
  if (address.empty() || address.isUnix()) return false;
  const bool v6 = address.family() == AF_INET6;
  const auto& in6 = reinterpret_cast<const sockaddr_in6*>(address.get())->sin6_addr;
  const auto& in4 = reinterpret_cast<const sockaddr_in*>(address.get())->sin_addr;
  const bool mapped = v6 && IN6_IS_ADDR_V4MAPPED(&in6);
  if ((v6 && !mapped) != v6_) return false;
  const uint8_t* bytes =
      !v6 ? reinterpret_cast<const uint8_t*>(&in4) : (mapped ? mappedV4(in6) : in6.s6_addr);
  const unsigned size = v6_ ? 16 : 4;
  for (unsigned i = 0; i < size; ++i)
    if (((bytes[i] ^ bytes_[i]) & maskOfByte(i)) != 0) return false;
  return true;
}

std::string Cidr::text() const {
  char ip[INET6_ADDRSTRLEN];
  ASSERT(inet_ntop(v6_ ? AF_INET6 : AF_INET, bytes_, ip, sizeof ip) != nullptr);
  return std::string(ip) + '/' + std::to_string(bits_);
}

}  // namespace oxbow
