#include <string>
#include <string_view>

#include "proxy/tls/client_hello.h"
#include "proxy/tls/host_name.h"
#include "tests/fuzz/invariants.h"

// The server_name extension of a ClientHello, and the choice by it: a name is taken only when the
// bytes are exactly what RFC 6066 writes, and it leads where the same name in other letters does.

namespace oxbow::fuzz {
namespace {

constexpr size_t kExact = 1, kWildcard = 2;

std::string extensionFor(std::string_view name) {
  const auto number = [](size_t value) {
    return std::string{static_cast<char>(value >> 8), static_cast<char>(value & 0xff)};
  };
  return number(name.size() + 3) + std::string(1, '\0') + number(name.size()) + std::string(name);
}

std::string upper(std::string_view name) {
  std::string all(name);
  for (char& c : all)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 0x20);
  return all;
}

void checkChoice(std::string_view name) {
  tls::HostPatterns patterns;
  patterns.add("a.example", kExact);
  patterns.add("*.example", kWildcard);
  const auto found = patterns.find(name);
  ASSERT(patterns.find(upper(name)) == found);
  ASSERT(tls::HostName(name).text().size() <= tls::kMaxHostName);
  if (!found) return;
  const tls::HostName host(name);
  const std::string_view meant = host.text();
  if (*found == kExact) ASSERT(meant == "a.example");
  if (*found == kWildcard) ASSERT(meant.ends_with(".example") && meant != "a.example");
}

void checkPattern(std::string_view text) {
  const auto pattern = tls::parsePattern(text);
  if (!pattern) return;
  ASSERT(tls::parsePattern(*pattern) == pattern);
  tls::HostPatterns patterns;
  patterns.add(*pattern, kExact);
  std::string sought = *pattern;
  if (sought.front() == '*') sought.front() = 'x';
  ASSERT(patterns.find(sought) == kExact);
}

}  // namespace
}  // namespace oxbow::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace oxbow;
  const fuzz::ExactBytes bytes(fuzz::viewOf(data, size));
  const std::string_view input = bytes.view();
  if (const auto name = tls::parseServerName(input)) {
    ASSERT(!name->empty() && fuzz::isInside(*name, input));
    ASSERT(fuzz::extensionFor(*name) == input);
    fuzz::checkChoice(*name);
  }
  fuzz::checkPattern(input);
  ASSERT(tls::withoutPort(input).size() <= size);
  return 0;
}
