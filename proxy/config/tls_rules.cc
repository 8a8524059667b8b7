#include "proxy/config/tls_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "proxy/base/address.h"
#include "proxy/config/field_rules.h"
#include "proxy/config/problem.h"

namespace oxbow::config {

namespace {

constexpr std::string_view kSeparators = ":, ";

// All that there are (RFC 8446, appendix B.4).
constexpr std::array<std::string_view, 5> kSuitesOfTls13{
    "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256"};

std::optional<Fault> fault(std::string message, std::string suggestion = {}) {
  return Fault{std::move(message), std::move(suggestion)};
}

bool isIp(std::string_view text) { return SocketAddress::parseIp(text, 0).ok(); }

bool isBracketedIp(std::string_view text) {
  return text.size() > 2 && text.front() == '[' && text.back() == ']' &&
         isIp(text.substr(1, text.size() - 2));
}

// What keeps a text from being a host that has no port, behind `star` if that is "*.".
std::optional<Fault> checkHost(std::string_view name, std::string_view star = {}) {
  const std::string shown = quoted(fmt::format("{}{}", star, name));
  const size_t colon = name.rfind(':');
  if (name.find("://") != std::string_view::npos)
    return fault(fmt::format("{} is a URL; write the host alone", shown));
  if (colon != std::string_view::npos && isDomain(name.substr(0, colon)))
    return fault(fmt::format("{} has a port; write the host alone", shown),
                 fmt::format("{}{}", star, name.substr(0, colon)));
  if (!isDomain(name)) return fault(fmt::format("{} is no host", shown));
  if (name.back() == '.')
    return fault(fmt::format("{} ends with a dot", shown),
                 fmt::format("{}{}", star, name.substr(0, name.size() - 1)));
  return std::nullopt;
}

std::optional<Fault> checkList(std::string_view list) {
  if (list.empty()) return fault("is empty; leave it out for oxbow's own");
  if (hasControl(list)) return fault("control characters are not allowed");
  return std::nullopt;
}

bool isOfTls13(std::string_view suite) {
  return std::find(kSuitesOfTls13.begin(), kSuitesOfTls13.end(), suite) != kSuitesOfTls13.end();
}

// The first of a list that is, or is not, of TLS 1.3; empty when there is none.
std::string_view firstOf(std::string_view list, bool ofTls13) {
  while (!list.empty()) {
    const std::string_view item = list.substr(0, list.find_first_of(kSeparators));
    if (!item.empty() && isOfTls13(item) == ofTls13) return item;
    list.remove_prefix(std::min(item.size() + 1, list.size()));
  }
  return {};
}

}  // namespace

std::optional<Fault> checkSni(std::string_view name) {
  if (isIp(name) || isBracketedIp(name))
    return fault(
        fmt::format("{} is an IP address, which no handshake can ask for; write a host, "
                    "or off",
                    quoted(name)));
  return checkHost(name);
}

std::optional<Fault> checkVerifyName(std::string_view name) {
  if (isIp(name)) return std::nullopt;
  if (isBracketedIp(name))
    return fault(fmt::format("{} has brackets; write the address alone", quoted(name)),
                 std::string(name.substr(1, name.size() - 2)));
  return checkHost(name);
}

std::optional<Fault> checkCertificateName(std::string_view name) {
  if (name == "*" || name == "_")
    return fault(
        fmt::format("{} is no host; the first certificate is the one for any", quoted(name)));
  if (isIp(name) || isBracketedIp(name))
    return fault(fmt::format("{} is an IP address, which no handshake can ask for", quoted(name)));
  const std::string_view star = name.substr(0, 2) == "*." ? "*." : "";
  auto wrong = checkHost(name.substr(star.size()), star);
  if (!wrong || !wrong->suggestion.empty()) return wrong;
  return fault(fmt::format("{} is neither a host nor of the form *.example.com", quoted(name)));
}

std::optional<Fault> checkFileName(std::string_view path) {
  if (path.empty()) return fault("is empty");
  if (path.substr(0, 10) == "-----BEGIN") return fault("is the text of a file; write its path");
  if (hasControl(path)) return fault("control characters are not allowed in a path");
  return std::nullopt;
}

std::optional<Fault> checkCiphers(std::string_view list) {
  if (auto wrong = checkList(list)) return wrong;
  const std::string_view suite = firstOf(list, true);
  if (suite.empty()) return std::nullopt;
  return fault(fmt::format("{} is of TLS 1.3; write it in ciphersuites", quoted(suite)));
}

std::optional<Fault> checkCiphersuites(std::string_view list) {
  if (auto wrong = checkList(list)) return wrong;
  const std::string_view cipher = firstOf(list, false);
  if (cipher.empty()) return std::nullopt;
  return fault(fmt::format("{} is no cipher suite of TLS 1.3; those of TLS 1.2 stand in ciphers",
                           quoted(cipher)));
}

std::optional<Fault> checkGroups(std::string_view list) { return checkList(list); }

}  // namespace oxbow::config
