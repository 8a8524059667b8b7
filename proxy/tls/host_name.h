#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace oxbow::tls {

constexpr size_t kMaxHostName = 253;  // RFC 1035, section 2.3.4, as text

// A name as it is compared: in lower case, without the dot at its end (RFC 6066, section 3). No
// allocation. Empty for what is too long to be a name.
class HostName {
 public:
  explicit HostName(std::string_view text);
  std::string_view text() const { return {bytes_, size_}; }

 private:
  char bytes_[kMaxHostName];
  size_t size_ = 0;
};

// "a.example:443" is "a.example", "[::1]:443" is "::1".
std::string_view withoutPort(std::string_view host);

// "a.example" or "*.example" as it is compared; nothing for what is neither.
std::optional<std::string> parsePattern(std::string_view text);

// What patterns lead to. An exact one goes first; "*.example" covers one label before the rest
// (RFC 6125, section 6.4.3).
class HostPatterns {
 public:
  // REQUIRES: as parsePattern() returns it, and not yet there.
  void add(const std::string& pattern, size_t target);
  std::optional<size_t> find(std::string_view name) const;

 private:
  std::map<std::string, size_t, std::less<>> exact_;
  std::map<std::string, size_t, std::less<>> suffixes_;  // ".example"
};

}  // namespace oxbow::tls
