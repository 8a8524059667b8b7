#include "proxy/server/names.h"

#include <algorithm>
#include <utility>

#include "proxy/dns/cares_resolver.h"
#include "proxy/log/log.h"

namespace oxbow::server {

namespace {
constexpr Duration kAgain = std::chrono::seconds(5);
}  // namespace

Names::Names(event::Dispatcher& dispatcher, std::function<void()> found)
    : dispatcher_(dispatcher),
      found_(std::move(found)),
      again_(dispatcher, [this] { askAgain(); }) {}

std::optional<std::string> Names::setResolver(const config::ResolverConfig& config) {
  if (resolver_ != nullptr && config == resolverConfig_) return std::nullopt;
  dns::CaresResolver::Options options;
  for (const auto& address : config.addresses) options.servers.push_back(*address);
  options.timeout = *config.timeout;
  auto resolver = dns::CaresResolver::create(dispatcher_, options);
  if (!resolver.ok()) return resolver.error();
  resolver_ = std::move(resolver.value());
  resolverConfig_ = config;
  // What the former one was asked for gets no answer any more.
  for (const std::string& server : std::exchange(pending_, {})) ask(server, wanted_[server]);
  return std::nullopt;
}

void Names::lookUp(const config::Config& config, std::function<void()> done) {
  wanted_.clear();
  for (const config::Upstream& upstream : config.upstreams)
    for (const config::Server& server : upstream.servers)
      wanted_.emplace(*server.address, *upstream.name);
  std::erase_if(known_, [this](const auto& entry) { return wanted_.count(entry.first) == 0; });
  waiting_.push_back(std::move(done));
  for (const auto& [server, upstream] : wanted_) ask(server, upstream);
  finish();
}

void Names::ask(const std::string& server, const std::string& upstream) {
  if (known_.count(server) > 0) return;
  const HostPort target = parseHostPort(server).value();
  if (!target.path.empty()) {
    known_[server] = {SocketAddress::parse(server).value()};
    return;
  }
  if (!pending_.insert(server).second) return;
  resolver_->resolve(target.host, target.port, [this, server, upstream](const dns::Answer& answer) {
    onAnswer(server, upstream, answer);
  });
}

void Names::onAnswer(const std::string& server, const std::string& upstream,
                     const dns::Answer& answer) {
  pending_.erase(server);
  if (!answer.ok || answer.addresses.empty()) {
    LOG_WARN("upstream {}: cannot resolve {}: {}", upstream, server, answer.error);
    again_.setIn(kAgain);
  } else if (wanted_.count(server) > 0) {
    known_[server] = answer.addresses;
    if (waiting_.empty()) found_();
  }
  finish();
}

void Names::finish() {
  if (!pending_.empty()) return;
  for (const auto& done : std::exchange(waiting_, {})) done();
}

void Names::askAgain() {
  for (const auto& [server, upstream] : wanted_) ask(server, upstream);
}

std::vector<upstream::EndpointSpec> Names::endpointsOf(const config::Upstream& upstream) const {
  std::vector<upstream::EndpointSpec> endpoints;
  for (const config::Server& server : upstream.servers) {
    const auto found = known_.find(*server.address);
    if (found == known_.end()) continue;
    const uint32_t cap = server.maxConns ? **server.maxConns : *upstream.maxConns;
    for (const SocketAddress& address : found->second) {
      const bool twice = std::any_of(endpoints.begin(), endpoints.end(),
                                     [&](const auto& e) { return e.address == address; });
      if (!twice)
        endpoints.push_back({.address = address,
                             .server = *server.address,
                             .weight = *server.weight,
                             .maxConns = cap});
    }
  }
  return endpoints;
}

}  // namespace oxbow::server
