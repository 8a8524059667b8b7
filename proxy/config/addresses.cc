#include "proxy/config/addresses.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "proxy/config/field_rules.h"

namespace oxbow::config {

namespace {

// "http://127.0.0.1:80/" without scheme and path.
std::string_view withoutUrl(std::string_view text) {
  const size_t scheme = text.find("://");
  if (scheme == std::string_view::npos) return text;
  text.remove_prefix(scheme + 3);
  return text.substr(0, text.find('/'));
}

// "8080", ":8080", "443 ssl", "localhost:8080", "http://127.0.0.1:80/": the nearest thing that can
// be listened on.
std::string meantListen(std::string_view text, std::string_view anyHost) {
  text = withoutUrl(text);
  text = text.substr(0, text.find(' '));  // "443 ssl" of nginx
  const size_t colon = text.rfind(':');
  const std::string_view port = colon == std::string_view::npos ? text : text.substr(colon + 1);
  const std::string_view host =
      colon == std::string_view::npos ? std::string_view() : text.substr(0, colon);
  std::string guess(text);
  if (colon == std::string_view::npos || host == "localhost")
    guess = fmt::format("127.0.0.1:{}", port);
  else if (host.empty())
    guess = fmt::format("{}:{}", anyHost, port);
  else if (host.find(':') != std::string_view::npos && host.front() != '[')
    guess = fmt::format("[{}]:{}", host, port);
  return SocketAddress::parse(guess).ok() ? guess : std::string();
}

bool isAny(const SocketAddress& address) {
  const std::string text = address.text();
  return text.rfind("0.0.0.0:", 0) == 0 || text.rfind("*:", 0) == 0 || text.rfind("[::]:", 0) == 0;
}

bool isMulticast(const SocketAddress& address) {
  if (address.family() == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(address.get());
    return IN_MULTICAST(ntohl(v4->sin_addr.s_addr)) || v4->sin_addr.s_addr == INADDR_NONE;
  }
  const auto* v6 = reinterpret_cast<const sockaddr_in6*>(address.get());
  return address.family() == AF_INET6 && IN6_IS_ADDR_MULTICAST(&v6->sin6_addr);
}

const char* skipSlashes(const char* path) {
  while (*path == '/') ++path;
  return path;
}

// "/run//a" is "/run/a".
bool isSamePath(const char* a, const char* b) {
  while (*a == *b && *a != '\0') {
    const bool slash = *a == '/';
    a = slash ? skipSlashes(a) : a + 1;
    b = slash ? skipSlashes(b) : b + 1;
  }
  return *a == *b;
}

const char* pathOf(const SocketAddress& address) {
  return reinterpret_cast<const sockaddr_un*>(address.get())->sun_path;
}

struct ServiceOfHost {
  std::string_view prefix;  // empty: it names no service
  std::string_view host;
};

// "_http._tcp.api.internal" in "_http._tcp" and "api.internal".
ServiceOfHost splitService(std::string_view text) {
  if (text.find(':') != std::string_view::npos) return {{}, text};
  size_t host = 0;
  while (host < text.size() && text[host] == '_') {
    const size_t dot = text.find('.', host);
    host = dot == std::string_view::npos ? text.size() : dot + 1;
  }
  if (host == 0 || host == text.size()) return {{}, text};
  return {text.substr(0, host - 1), text.substr(host)};
}

}  // namespace

void readListenAddress(BlockReader& in, std::string_view anyHost, Located<std::string>& text,
                       SocketAddress& address) {
  in.read("listen", text);
  if (text.isDefault()) return;
  const auto parsed = SocketAddress::parse(*text);
  if (parsed) {
    address = parsed.value();
    return;
  }
  const bool isUrl = text->find("://") != std::string::npos;
  in.fail("listen",
          isUrl ? quoted(*text) + " is a URL; write address and port alone"
                : addressError(parsed.error()),
          meantListen(*text, anyHost));
}

std::optional<SocketAddress> parseNameServer(const std::string& text) {
  constexpr uint16_t kDnsPort = 53;
  const auto bare = SocketAddress::parseIp(text, kDnsPort);
  const auto address = bare ? bare : SocketAddress::parse(text);
  if (!address || address.value().isUnix() || address.value().port() == 0 ||
      !isOfOneMachine(address.value()))
    return std::nullopt;
  return address.value();
}

bool isOfOneMachine(const SocketAddress& address) {
  return !isAny(address) && !isMulticast(address);
}

std::optional<int> familyOf(const std::string& server) {
  const auto address = SocketAddress::parse(server);
  return address ? std::optional(address.value().family()) : std::nullopt;
}

bool isHostAlone(const std::string& text) {
  const auto parsed = parseHostPort(text + ":1");
  return parsed && !parsed.value().isIp && parsed.value().path.empty();
}

std::string servicePrefix(const Server& server) {
  const std::string& service = *server.service;
  if (service.empty()) return std::string(splitService(*server.address).prefix);
  const bool isWhole = service.front() == '_' || service.find('.') != std::string::npos;
  return isWhole ? service : fmt::format("_{}._tcp", service);
}

std::string serviceName(const Server& server) {
  if (server.service->empty())
    return splitService(*server.address).prefix.empty() ? std::string() : *server.address;
  return fmt::format("{}.{}", servicePrefix(server), *server.address);
}

std::string hostOf(const Server& server) {
  std::string host = *server.address;
  if (const auto parsed = parseHostPort(host))
    host = parsed.value().host;
  else if (server.service->empty())
    host = splitService(host).host;
  if (!host.empty() && host.back() == '.') host.pop_back();
  return host;
}

std::string canonicalServer(const Server& server) {
  const std::string service = serviceName(server);
  if (!service.empty()) return lowered(service);
  const auto parsed = parseHostPort(*server.address);
  if (!parsed) return *server.address;
  const HostPort& at = parsed.value();
  if (!at.path.empty()) return "unix:" + at.path;
  const bool isV6 = at.host.find(':') != std::string::npos;
  const std::string host = lowered(at.host);
  return fmt::format("{}:{}", isV6 ? '[' + host + ']' : host, at.port);
}

std::string addressError(const std::string& error) {
  constexpr size_t kMaxError = 300;
  return printable(error, kMaxError);
}

bool collide(const SocketAddress& a, const SocketAddress& b) {
  if (a.empty() || b.empty() || a.family() != b.family()) return false;
  if (a.isUnix()) return isSamePath(pathOf(a), pathOf(b));
  if (a.port() != b.port() || a.port() == 0) return false;  // port 0: the kernel finds a free one
  return a == b || isAny(a) || isAny(b);
}

}  // namespace oxbow::config
