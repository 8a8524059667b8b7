#include "proxy/codec/http1/field_values.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "proxy/codec/http/scan.h"
#include "proxy/codec/http/spelling.h"
#include "proxy/codec/http1/field_lines.h"

namespace oxbow::http1 {

using http::isDigit;
using http::isIn;
using http::spells;

namespace {

bool isToken(std::string_view text) {
  for (const char byte : text)
    if (!isIn(http::kTokenClass, byte)) return false;
  return !text.empty();
}

constexpr uint32_t kMaxPort = 65535;

bool mentionsChunked(std::string_view coding) {
  constexpr size_t size = 7;
  for (; coding.size() >= size; coding.remove_prefix(1))
    if (spells(coding.data(), "chunked")) return true;
  return false;
}

bool isPort(std::string_view digits) {
  while (digits.size() > 5 && digits.front() == '0') digits.remove_prefix(1);
  if (digits.size() > 5) return false;
  uint32_t port = 0;
  for (const char byte : digits) {
    if (!isDigit(byte)) return false;
    port = port * 10 + static_cast<uint32_t>(byte - '0');
  }
  return port <= kMaxPort;
}

// What may stand behind the host: nothing, or a colon and a port, which may be empty.
bool isPortSuffix(std::string_view rest) {
  return rest.empty() || (rest.front() == ':' && isPort(rest.substr(1)));
}

[[gnu::noinline]] bool isBracketed(std::string_view value) {
  const size_t close = value.find(']');
  char address[INET6_ADDRSTRLEN];
  if (close == std::string_view::npos || close - 1 >= sizeof(address)) return false;
  std::memcpy(address, value.data() + 1, close - 1);
  address[close - 1] = 0;
  in6_addr parsed;
  if (std::memchr(address, 0, close - 1) != nullptr) return false;
  return inet_pton(AF_INET6, address, &parsed) == 1 && isPortSuffix(value.substr(close + 1));
}

[[gnu::noinline]] bool isNamedAuthority(std::string_view value) {
  size_t at = 0;
  while (at < value.size()) {
    if (isIn(http::kNameClass, value[at])) {
      ++at;
    } else if (value[at] == '%' && value.size() - at > 2 && isIn(http::kHexClass, value[at + 1]) &&
               isIn(http::kHexClass, value[at + 2])) {
      at += 3;
    } else {
      break;
    }
  }
  return at > 0 && isPortSuffix(value.substr(at));
}

}  // namespace

bool ListElements::next(std::string_view& element) {
  if (atEnd_) return false;
  const size_t comma = rest_.find(',');
  atEnd_ = comma == std::string_view::npos;
  const size_t size = std::min(comma, rest_.size());
  element = withoutOws(rest_.data(), rest_.data() + size);
  if (!atEnd_) rest_.remove_prefix(comma + 1);
  return true;
}

bool parseContentLength(std::string_view value, uint64_t& length) {
  constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();
  if (value.empty()) return false;
  uint64_t sum = 0;
  for (const char byte : value) {
    if (!isDigit(byte) || sum > kMax / 10) return false;
    sum = sum * 10 + static_cast<uint64_t>(byte - '0');
  }
  length = sum;
  return sum <= kMax;  // at most kMax + 2 before: nothing wrapped around
}

const Fault* checkTransferEncoding(std::string_view value) {
  if (spells(value, "chunked")) return nullptr;
  ListElements codings(value);
  std::string_view coding;
  bool chunkedBefore = false;
  for (bool first = true; codings.next(coding); first = false) {
    if (chunkedBefore || !isToken(coding)) return &kBadCoding;
    chunkedBefore = mentionsChunked(coding);
    if (chunkedBefore && (first || !spells(coding, "chunked"))) return &kBadCoding;
  }
  return &kUnknownCoding;
}

const Fault* ConnectionOptions::addList(std::string_view value) {
  ListElements options(value);
  std::string_view option;
  while (options.next(option)) {
    if (++count > kMax) return &kTooManyOptions;
    close = close || spells(option, "close");
    keepAlive = keepAlive || spells(option, "keep-alive");
  }
  return nullptr;
}

bool isAuthority(std::string_view value, const char* begin) {
  if (value.empty()) return false;
  const char* end = value.data() + value.size();
  const char* at = http::skip<http::WordBytes>(value.data(), {begin, end});
  if (at == end) return true;  // most are letters, digits, dots
  const auto size = static_cast<size_t>(at - value.data());
  if (*at == ':' && size > 0) return isPort(value.substr(size + 1));
  return *at == '[' && size == 0 ? isBracketed(value) : isNamedAuthority(value);
}

}  // namespace oxbow::http1
