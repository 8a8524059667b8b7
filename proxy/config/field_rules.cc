#include "proxy/config/field_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/base/bytes.h"
#include "proxy/config/problem.h"
#include "proxy/config/suggest.h"

namespace oxbow::config {

namespace {

constexpr size_t kMaxFieldName = 255;
constexpr size_t kMaxFieldValue = 4096;
constexpr size_t kMaxHost = 253;
constexpr uint64_t kMaxPort = 65535;

constexpr std::array<std::string_view, 10> kReserved{
    "Connection", "Content-Length", "Transfer-Encoding", "Upgrade",        "Keep-Alive",
    "TE",         "Trailer",        "Proxy-Connection",  "HTTP2-Settings", "Expect"};

const std::vector<std::string_view>& variables() {
  static const std::vector<std::string_view> names = {"request_id",
                                                      "remote_addr",
                                                      "host",
                                                      "scheme",
                                                      "ssl_protocol",
                                                      "ssl_cipher",
                                                      "ssl_server_name",
                                                      "ssl_client_verify",
                                                      "ssl_client_s_dn",
                                                      "ssl_client_fingerprint",
                                                      "ssl_session_reused"};
  return names;
}

bool isAlphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::optional<Fault> fault(std::string message, std::string suggestion = {}) {
  return Fault{std::move(message), std::move(suggestion)};
}

std::optional<Fault> checkVariable(std::string_view name) {
  const auto& known = variables();
  if (std::find(known.begin(), known.end(), name) != known.end()) return std::nullopt;
  const std::string nearest = suggest(name, known);
  return fault(fmt::format("unknown variable {}", quoted(fmt::format("${}", name))),
               nearest.empty() ? std::string() : "$" + nearest);
}

// An IPv6 address in brackets, as in Host.
bool isBracketedAddress(std::string_view name) {
  if (name.size() < 4 || name.front() != '[' || name.back() != ']') return false;
  return SocketAddress::parse(fmt::format("{}:80", name)).ok();
}

// Unreserved characters and sub-delims, but the comma.
bool isNameByte(char c) {
  constexpr std::string_view kMarks = "-._~!$&'()*+;=";
  return isAlphanumeric(c) || kMarks.find(c) != std::string_view::npos;
}

// A reg-name (RFC 3986, section 3.2.2).
bool isRegisteredName(std::string_view name) {
  for (size_t at = 0; at < name.size(); ++at) {
    if (isNameByte(name[at])) continue;
    if (name[at] != '%' || !parseHex(name.substr(at + 1, 2)) || name.size() - at < 3) return false;
    at += 2;
  }
  return !name.empty();
}

// Nothing, or a colon and a port, which may be empty.
bool isPortSuffix(std::string_view rest) {
  if (rest.size() < 2) return rest.empty() || rest == ":";
  const auto port = parseDecimal(rest.substr(1));
  return rest.front() == ':' && port && *port <= kMaxPort;
}

bool isAuthorityByte(char c) {
  return isNameByte(c) || c == '%' || c == ':' || c == '[' || c == ']';
}

// Of the form that the codec wants of a client: a comma would make two hosts of one.
bool isAuthority(std::string_view value) {
  const bool isBracketed = value.substr(0, 1) == "[";
  const size_t end = isBracketed ? value.find(']') + 1 : std::min(value.find(':'), value.size());
  const std::string_view host = value.substr(0, end);
  const bool isHost = isBracketed ? isBracketedAddress(host) : isRegisteredName(host);
  return isHost && isPortSuffix(value.substr(end));
}

}  // namespace

std::string lowered(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

bool isToken(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return isAlphanumeric(c) || kMarks.find(c) != std::string_view::npos;
  });
}

bool hasControl(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

bool isDomain(std::string_view name) {
  if (name.empty() || name.size() > kMaxHost) return false;
  if (name.front() == '.' || name.find("..") != std::string_view::npos) return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return isAlphanumeric(c) || c == '-' || c == '.' || c == '_'; });
}

std::optional<Fault> checkFieldName(std::string_view name) {
  if (!isToken(name)) return fault(fmt::format("{} is no name of a field", quoted(name)));
  if (name.size() > kMaxFieldName) return fault("the name of the field is too long");
  for (const std::string_view reserved : kReserved)
    if (editDistance(name, reserved) == 0)
      return fault(fmt::format("{} belongs to the connection and cannot be edited", quoted(name)));
  return std::nullopt;
}

std::vector<Fault> checkFieldValue(std::string_view value) {
  if (hasControl(value)) return {{"control characters are not allowed in a field", {}}};
  if (value.size() > kMaxFieldValue)
    return {{fmt::format("is longer than {} bytes", kMaxFieldValue), {}}};
  std::vector<Fault> faults;
  for (size_t at = value.find('$'); at != std::string_view::npos; at = value.find('$', at + 1)) {
    size_t end = at + 1;
    while (end < value.size() && (isAlphanumeric(value[end]) || value[end] == '_')) ++end;
    const std::string_view name = value.substr(at + 1, end - at - 1);
    if (name.empty() && end < value.size() && value[end] == '{')
      faults.push_back({"variables are written without braces, as $host", {}});
    if (name.empty() || (name[0] >= '0' && name[0] <= '9')) continue;
    if (auto unknown = checkVariable(name)) faults.push_back(*std::move(unknown));
  }
  return faults;
}

std::optional<Fault> checkHostValue(std::string_view value) {
  const bool isTemplate = value.find('$') != std::string_view::npos;
  if (isTemplate ? std::all_of(value.begin(), value.end(), isAuthorityByte) : isAuthority(value))
    return std::nullopt;
  return fault(fmt::format("{} is no host, with or without a port", quoted(value)));
}

std::optional<Fault> checkPath(std::string_view path) {
  if (path.empty()) return fault("is empty");
  const bool isClean = std::all_of(path.begin(), path.end(), [](char c) {
    return c > 0x20 && c < 0x7F && c != '?' && c != '#';
  });
  if (!isClean)
    return fault(fmt::format("{} has a byte that no path has; percent-encode it", quoted(path)));
  if (path.front() != '/')
    return fault(fmt::format("{} does not begin with a slash", quoted(path)),
                 fmt::format("/{}", path));
  return std::nullopt;
}

std::optional<Fault> checkServerName(std::string_view name) {
  if (name == "*" || name == "_")
    return fault(fmt::format("{} is no host; leave server_name out for any host", quoted(name)));
  if (isBracketedAddress(name)) return std::nullopt;
  const size_t colon = name.rfind(':');
  if (colon != std::string_view::npos && isDomain(name.substr(0, colon)))
    return fault(fmt::format("{} has a port; write the host alone", quoted(name)),
                 std::string(name.substr(0, colon)));
  const bool isWildcard = name.substr(0, 2) == "*.";
  if (isDomain(isWildcard ? name.substr(2) : name)) return std::nullopt;
  return fault(fmt::format("{} is neither a host nor of the form *.example.com", quoted(name)));
}

}  // namespace oxbow::config
