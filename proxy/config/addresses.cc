#include "proxy/config/addresses.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "proxy/config/field_rules.h"

namespace oxbow::config {

namespace {

// "8080", ":8080", "localhost:8080": the nearest thing that can be listened on.
std::string meantListen(std::string_view text) {
  const size_t colon = text.rfind(':');
  const std::string_view port = colon == std::string_view::npos ? text : text.substr(colon + 1);
  const std::string_view host =
      colon == std::string_view::npos ? std::string_view() : text.substr(0, colon);
  std::string guess;
  if (colon == std::string_view::npos || host == "localhost")
    guess = fmt::format("127.0.0.1:{}", port);
  else if (host.empty())
    guess = fmt::format("*:{}", port);
  else if (host.find(':') != std::string_view::npos && host.front() != '[')
    guess = fmt::format("[{}]:{}", host, port);
  return !guess.empty() && SocketAddress::parse(guess).ok() ? guess : std::string();
}

bool isAny(const SocketAddress& address) {
  const std::string text = address.text();
  return text.rfind("0.0.0.0:", 0) == 0 || text.rfind("*:", 0) == 0 || text.rfind("[::]:", 0) == 0;
}

}  // namespace

void readListenAddress(BlockReader& in, Located<std::string>& text, SocketAddress& address) {
  in.read("listen", text);
  if (text.isDefault()) return;
  const auto parsed = SocketAddress::parse(*text);
  if (parsed) {
    address = parsed.value();
  } else {
    in.fail("listen", addressError(parsed.error()), meantListen(*text));
  }
}

std::optional<SocketAddress> parseNameServer(const std::string& text) {
  constexpr uint16_t kDnsPort = 53;
  if (const auto bare = SocketAddress::parseIp(text, kDnsPort)) return bare.value();
  const auto full = SocketAddress::parse(text);
  if (!full || full.value().isUnix() || full.value().port() == 0 || isAny(full.value()))
    return std::nullopt;
  return full.value();
}

std::string canonicalServer(const HostPort& server) {
  if (!server.path.empty()) return "unix:" + server.path;
  const bool isV6 = server.host.find(':') != std::string::npos;
  const std::string host = lowered(server.host);
  return fmt::format("{}:{}", isV6 ? '[' + host + ']' : host, server.port);
}

std::string addressError(const std::string& error) {
  constexpr size_t kMaxError = 300;
  return printable(error, kMaxError);
}

bool collide(const SocketAddress& a, const SocketAddress& b) {
  if (a.empty() || b.empty() || a.family() != b.family()) return false;
  if (a.isUnix()) return a == b;
  if (a.port() != b.port() || a.port() == 0) return false;  // port 0: the kernel finds a free one
  return a == b || isAny(a) || isAny(b);
}

}  // namespace oxbow::config
