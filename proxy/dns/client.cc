#include "proxy/dns/client.h"

#include <cstdlib>
#include <utility>

#include "proxy/dns/cares_resolver.h"
#include "proxy/log/log.h"

namespace oxbow::dns {

namespace {

SystemConfig systemOf(const ClientOptions& options) {
  if (options.servers.empty())
    return SystemConfig::read(options.resolvConf,
                              {std::getenv("LOCALDOMAIN"), std::getenv("RES_OPTIONS")});
  // With servers of one's own there are no search domains: names are asked for as they are.
  SystemConfig system;
  system.servers = options.servers;
  return system;
}

}  // namespace

Client::Client(event::Dispatcher& dispatcher, std::function<void()> changed)
    : dispatcher_(dispatcher),
      random_(randomSeed()),
      questions_(dispatcher, stats_),
      names_(dispatcher, random_, questions_, stats_, std::move(changed)) {}

std::optional<std::string> Client::configure(const ClientOptions& options) {
  if (options_ == options) return std::nullopt;
  if (auto error = resolveBy(systemOf(options), options)) return error;
  options_ = options;
  watchFiles();
  return std::nullopt;
}

std::optional<std::string> Client::resolveBy(const SystemConfig& system,
                                             const ClientOptions& options) {
  if (system.servers != system_.servers || !options_ || options_->timeout != options.timeout) {
    CaresResolver::Options wanted;
    wanted.servers = system.servers;
    wanted.timeout = options.timeout;
    auto resolver = CaresResolver::create(dispatcher_, wanted);
    if (!resolver.ok()) return resolver.error();
    questions_.setResolver(std::move(resolver.value()));
  }
  system_ = system;
  names_.setSystem({options.hosts.empty() ? HostsFile() : HostsFile::read(options.hosts),
                    system.search, system.ndots});
  return std::nullopt;
}

void Client::watchFiles() {
  watch_.reset();
  std::vector<std::string> files;
  if (options_->servers.empty()) files.push_back(options_->resolvConf);
  if (!options_->hosts.empty()) files.push_back(options_->hosts);
  if (files.empty()) return;
  auto watch = event::FileWatch::open(dispatcher_, files, [this] {
    // Not inside the callback of a watch that this may end.
    dispatcher_.post([this, alive = std::weak_ptr<bool>(alive_)] {
      if (!alive.expired()) readFiles();
    });
  });
  if (watch.ok())
    watch_ = std::move(watch.value());
  else
    LOG_ERROR("{}; changes of it are not followed", watch.error());
}

void Client::readFiles() {
  LOG_INFO("the system's files about names have changed: reading them anew");
  if (const auto error = resolveBy(systemOf(*options_), *options_)) LOG_ERROR("{}", *error);
}

}  // namespace oxbow::dns
