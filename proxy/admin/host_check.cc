#include "proxy/admin/host_check.h"

#include <algorithm>

#include "proxy/base/address.h"
#include "proxy/codec/http/field.h"

namespace oxbow::admin {

namespace {

// "", ":" or ":9901".
bool isPortPart(std::string_view text) {
  if (text.empty()) return true;
  return text.front() == ':' && text.find_first_not_of("0123456789", 1) == std::string_view::npos;
}

// The size of the host, its brackets included.
size_t hostSize(std::string_view authority) {
  const bool bracketed = !authority.empty() && authority.front() == '[';
  const size_t end = authority.find(bracketed ? ']' : ':');
  if (end == std::string_view::npos) return authority.size();
  return bracketed ? end + 1 : end;
}

// The host without its port and brackets; empty: it is no authority.
std::string_view hostOf(std::string_view authority) {
  std::string_view host = authority.substr(0, hostSize(authority));
  if (!isPortPart(authority.substr(host.size()))) return {};
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']')
    return host.substr(1, host.size() - 2);
  return host;
}

bool isLoopbackIp(std::string_view text) {
  const auto address = SocketAddress::parseIp(text, 0);
  return address.ok() && address.value().isLoopback();
}

}  // namespace

bool namesLoopback(std::string_view authority) {
  std::string_view host = authority.substr(0, hostSize(authority));
  if (!isPortPart(authority.substr(host.size()))) return false;
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']')
    return isLoopbackIp(host.substr(1, host.size() - 2));
  return http::equalsIgnoreCase(host, "localhost") || isLoopbackIp(host);
}

bool namesAddress(std::string_view authority) {
  return SocketAddress::parseIp(hostOf(authority), 0).ok();
}

bool namesOneOf(std::string_view authority, const std::vector<std::string>& hosts) {
  const std::string_view host = hostOf(authority);
  return std::any_of(hosts.begin(), hosts.end(), [host](const std::string& known) {
    return !host.empty() && http::equalsIgnoreCase(host, known);
  });
}

}  // namespace oxbow::admin
