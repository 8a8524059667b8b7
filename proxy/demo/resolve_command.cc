#include "proxy/demo/resolve_command.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "proxy/config/addresses.h"
#include "proxy/demo/check_command.h"
#include "proxy/demo/print.h"
#include "proxy/log/log.h"
#include "proxy/server/names.h"

namespace oxbow::demo {

namespace {

// Behind the resolver's own timeout, for a name and then the targets of its services.
constexpr Duration kMargin = std::chrono::seconds(1);

bool isMeant(const config::Server& server, const std::string& name) {
  return *server.address == name || config::hostOf(server) == name ||
         config::serviceName(server) == name;
}

// The upstreams that `name` speaks of, with the servers that it speaks of.
std::vector<config::Upstream> meantUpstreams(const config::Config& config,
                                             const std::string& name) {
  std::vector<config::Upstream> meant;
  for (config::Upstream upstream : config.upstreams) {
    if (*upstream.name != name)
      std::erase_if(upstream.servers,
                    [&](const config::Server& server) { return !isMeant(server, name); });
    if (!upstream.servers.empty()) meant.push_back(std::move(upstream));
  }
  return meant;
}

// A name of which the configuration does not speak is followed by the rules that hold without any.
std::optional<config::Upstream> byDefaultRules(const std::string& name) {
  config::Server server;
  server.address = {name, {}};
  if (config::serviceName(server).empty() && !parseHostPort(name).ok())
    server.address = {name + ":80", {}};
  if (config::serviceName(server).empty() && !parseHostPort(*server.address).ok())
    return std::nullopt;
  config::Upstream upstream;
  upstream.servers.push_back(std::move(server));
  return upstream;
}

std::string secondsText(double seconds) { return fmt::format("{:.3g} s", seconds); }

std::string describe(const admin::NameReport& name, const admin::DnsReport& dns) {
  std::string text = fmt::format("{}\n", name.name);
  if (name.source == dns::Source::Hosts) {
    text += "  found in:  the hosts file\n";
  } else {
    text += fmt::format("  asked:     {}\n", fmt::join(dns.servers, ", "));
    if (!dns.search.empty())
      text += fmt::format("  completed: by {}; ndots {}\n", fmt::join(dns.search, ", "), dns.ndots);
    if (!name.foundAs.empty()) text += fmt::format("  found as:  {}\n", name.foundAs);
  }
  for (const dns::Service& service : name.services)
    text += fmt::format("  service:   {}:{}, priority {}, weight {}\n", service.target,
                        service.port, service.priority, service.weight);
  if (name.ageSeconds >= 0)
    text += fmt::format("  TTL:       {} within ttl_min and ttl_max, looked up again in {}\n",
                        secondsText(name.ttlSeconds), secondsText(name.nextRefreshSeconds));
  if (!name.lastError.empty()) text += fmt::format("  failed:    {}\n", name.lastError);
  return text;
}

std::string describe(const upstream::EndpointSpec& endpoint, const config::Upstream& config) {
  std::string text = endpoint.standby ? "  stands by: " : "  used:      ";
  text += fmt::format("{} of {}", endpoint.address.text(), endpoint.server);
  if (endpoint.weight != 1) text += fmt::format(", weight {}", endpoint.weight);
  if (endpoint.backup) text += ", backup";
  if (const uint32_t group = endpoint.group % upstream::kBackupGroup; group > 0)
    text += fmt::format(", group {}: when those before it cannot be reached", group);
  if (endpoint.standby)
    text +=
        *config.resolve.prefer == config::Prefer::Ipv6 ? ", prefer is ipv6" : ", prefer is ipv4";
  return text + '\n';
}

// Turns the loop until every first lookup has ended.
void await(event::Dispatcher& dispatcher, server::Names& names, const config::Config& config) {
  bool isKnown = false, isLate = false;
  event::FunctionTimer limit(dispatcher, [&isLate] { isLate = true; });
  limit.setIn(*config.resolver.timeout * 2 + kMargin);
  names.prepare(config, [&isKnown] { isKnown = true; });
  while (!isKnown && !isLate) dispatcher.turn(true);
  names.usePrepared();
}

}  // namespace

int resolveCommand(const std::string& file, const std::string& name, std::FILE* result,
                   std::FILE* problems) {
  auto config = loadOrComplain(file, problems);
  if (!config) return 1;
  config->upstreams = meantUpstreams(*config, name);
  if (config->upstreams.empty()) {
    auto upstream = byDefaultRules(name);
    if (!upstream) {
      print(problems, fmt::format("\"{}\" is no name of a host or an upstream\n", name));
      return 1;
    }
    config->upstreams.push_back(std::move(*upstream));
  }
  log::setLevel(log::Level::Error);  // what it would log is printed
  const SystemClock clock;
  event::Dispatcher dispatcher(clock);
  server::Names names(dispatcher, [] {});
  if (const auto error = names.setResolver(*config)) {
    print(problems, *error + '\n');
    return 1;
  }
  await(dispatcher, names, *config);

  admin::DnsReport dns;
  names.report(*config, dns);
  std::string text;
  for (const admin::NameReport& each : dns.names) text += describe(each, dns);
  bool hasAny = false;
  for (const config::Upstream& upstream : config->upstreams) {
    text += upstream.name->empty() ? "by the default rules:\n"
                                   : fmt::format("upstream {}:\n", *upstream.name);
    const upstream::EndpointSet set = names.endpointsOf(upstream);
    for (const upstream::EndpointSpec& endpoint : set.endpoints)
      text += describe(endpoint, upstream);
    if (set.endpoints.empty()) text += "  no address to use: requests get 503\n";
    hasAny = hasAny || !set.endpoints.empty();
  }
  const int printed = printResult(result, text, problems);
  return hasAny ? printed : 1;
}

}  // namespace oxbow::demo
