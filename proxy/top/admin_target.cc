#include "proxy/top/admin_target.h"

#include <netdb.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

namespace oxbow::top {

namespace {

constexpr std::string_view kWhite = " \t\r\n";

Result<std::vector<SocketAddress>> resolve(const HostPort& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error =
      getaddrinfo(host.host.c_str(), std::to_string(host.port).c_str(), &hints, &found);
  if (error != 0) return host.host + ": " + gai_strerror(error);
  std::vector<SocketAddress> addresses;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next)
    if (each->ai_family == AF_INET || each->ai_family == AF_INET6)
      addresses.emplace_back(each->ai_addr, each->ai_addrlen);
  freeaddrinfo(found);
  if (addresses.empty()) return host.host + ": no address";
  return addresses;
}

}  // namespace

Result<AdminTarget> AdminTarget::parse(const std::string& text) {
  const auto host = parseHostPort(text);
  if (!host.ok()) return host.error();
  AdminTarget target;
  target.text = text;
  const bool isUnix = host.value().host.empty();
  target.authority = isUnix ? "localhost" : text;
  if (isUnix || host.value().isIp) {
    auto address = SocketAddress::parse(text);
    if (!address.ok()) return address.error();
    target.addresses = {address.value()};
    return target;
  }
  auto addresses = resolve(host.value());
  if (!addresses.ok()) return addresses.error();
  target.addresses = std::move(addresses.value());
  return target;
}

std::string AdminTarget::requestFor(std::string_view path, const std::string& token) const {
  std::string request = "GET ";
  request.append(path).append(" HTTP/1.1\r\nHost: ").append(authority);
  if (!token.empty()) request.append("\r\nAuthorization: Bearer ").append(token);
  return request.append("\r\nConnection: close\r\n\r\n");
}

std::string readToken(const std::string& file, std::string& token) {
  std::ifstream in(file);
  if (!in) return file + ": " + std::strerror(errno);
  std::getline(in, token);
  token.erase(0, std::min(token.find_first_not_of(kWhite), token.size()));
  token.erase(token.find_last_not_of(kWhite) + 1);
  const bool isVisible =
      std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (token.empty() || !isVisible) return file + ": its first line is no token";
  return "";
}

}  // namespace oxbow::top
