#include "proxy/tls/host_name.h"

#include <utility>

#include "proxy/base/assert.h"

namespace oxbow::tls {

namespace {

constexpr size_t kMaxLabel = 63;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

bool isNameByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool isLabel(std::string_view label) {
  if (label.empty() || label.size() > kMaxLabel) return false;
  for (const char c : label)
    if (!isNameByte(c)) return false;
  return true;
}

// REQUIRES: in lower case.
bool isName(std::string_view name) {
  while (true) {
    const size_t dot = name.find('.');
    if (!isLabel(name.substr(0, dot))) return false;
    if (dot == name.npos) return true;
    name.remove_prefix(dot + 1);
  }
}

}  // namespace

HostName::HostName(std::string_view text) {
  if (text.ends_with('.')) text.remove_suffix(1);
  if (text.size() > sizeof bytes_) return;
  for (const char c : text) bytes_[size_++] = lower(c);
}

std::string_view withoutPort(std::string_view host) {
  if (!host.starts_with('[')) return host.substr(0, host.find(':'));
  host.remove_prefix(1);
  return host.substr(0, host.find(']'));
}

std::optional<std::string> parsePattern(std::string_view text) {
  std::string pattern(HostName(text).text());
  const std::string_view name(pattern);
  if (!isName(name.starts_with("*.") ? name.substr(2) : name)) return std::nullopt;
  return pattern;
}

void HostPatterns::add(const std::string& pattern, size_t target) {
  const bool isWildcard = pattern.starts_with('*');
  auto& map = isWildcard ? suffixes_ : exact_;
  const bool added = map.emplace(isWildcard ? pattern.substr(1) : pattern, target).second;
  ASSERT(added);
}

std::optional<size_t> HostPatterns::find(std::string_view name) const {
  const HostName sought(name);
  if (const auto exact = exact_.find(sought.text()); exact != exact_.end()) return exact->second;
  const size_t dot = sought.text().find('.');
  if (dot == std::string_view::npos || dot == 0) return std::nullopt;
  const auto suffix = suffixes_.find(sought.text().substr(dot));
  return suffix != suffixes_.end() ? std::optional(suffix->second) : std::nullopt;
}

}  // namespace oxbow::tls
