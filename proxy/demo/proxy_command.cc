#include "proxy/demo/proxy_command.h"

#include <fmt/format.h>

#include <cstdio>
#include <utility>

#include "proxy/base/address.h"
#include "proxy/codec/http/field.h"
#include "proxy/config/loader.h"
#include "proxy/demo/print.h"
#include "proxy/demo/run_server.h"

namespace oxbow::demo {

namespace {

constexpr int kUsageError = 2;

// In single quotes only the quote itself is special.
std::string yamlQuoted(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) quoted.append(c == '\'' ? 2 : 1, c);
  return quoted += "'";
}

bool takePrefix(std::string_view& text, std::string_view prefix) {
  if (!http::equalsIgnoreCase(text.substr(0, prefix.size()), prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// Of "host", "1.2.3.4" and "[::1]".
bool hasPort(std::string_view authority) {
  const size_t colon = authority.rfind(':');
  const size_t bracket = authority.rfind(']');
  return colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
}

int complain(std::string_view option, std::string_view value, std::string_view error) {
  constexpr size_t kLongestError = 300;
  print(stderr, fmt::format("{} {}: {}\n", option, config::printable(value),
                            config::printable(error, kLongestError)));
  return kUsageError;
}

}  // namespace

Result<ServerText> parseTarget(std::string_view to) {
  std::string_view rest = to;
  const bool isTls = takePrefix(rest, "https://");
  const bool isUrl = isTls || takePrefix(rest, "http://");
  if (!isUrl && rest.find("://") != std::string_view::npos)
    return std::string("only http:// and https:// are supported");
  if (isUrl && !rest.empty() && rest.back() == '/') rest.remove_suffix(1);
  if (isUrl && rest.find_first_of("/?#@") != std::string_view::npos)
    return std::string(
        "only http://HOST:PORT and https://HOST:PORT: paths, queries and user names need a file");
  std::string server(rest);
  if (isUrl && !hasPort(rest)) server += isTls ? ":443" : ":80";
  const auto parsed = parseHostPort(server);
  if (!parsed.ok()) return parsed.error();
  return ServerText{std::move(server), isTls};
}

std::string proxyConfig(std::string_view from, const ServerText& to, bool insecure) {
  std::string_view tls;
  if (to.tls) tls = insecure ? "    tls: { verify: off }\n" : "    tls: on\n";
  return fmt::format(
      "drain_spread: 0s\n"  // whoever presses Ctrl-C does not want to wait for idle browsers
      "upstreams:\n"
      "  app:\n"
      "    servers: [ {} ]\n"
      "{}"
      "listeners:\n"
      "  - listen: {}\n"
      "    access_log: {{ path: stdout, format: text }}\n"
      "    routes: [ {{ proxy_pass: app }} ]\n",
      yamlQuoted(to.text), tls, yamlQuoted(from));
}

int proxyCommand(const std::string& from, const std::string& to, bool insecure) {
  if (const auto address = SocketAddress::parse(from); !address.ok())
    return complain("--from", from, address.error());
  const auto target = parseTarget(to);
  if (!target.ok()) return complain("--to", to, target.error());
  auto loaded = config::loadText(proxyConfig(from, target.value(), insecure), "oxbow proxy");
  for (const config::Problem& problem : loaded.problems)
    print(stderr, config::format(problem, "oxbow proxy") + '\n');
  if (!loaded.config) return kUsageError;
  return runServer(std::move(*loaded.config));
}

}  // namespace oxbow::demo
