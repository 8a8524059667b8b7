#include "proxy/server/snapshot.h"

#include <fmt/format.h>

#include <map>
#include <utility>

namespace oxbow::server {

Snapshot::Snapshot(config::Config loaded, TlsContexts contexts)
    : config(std::move(loaded)),
      keys(listenerKeys(config)),
      logs(config.listeners.size()),
      tls(std::move(contexts)) {
  for (const config::Listener& listener : config.listeners)
    routes.push_back(std::make_unique<route::RouteTable>(listener, config));
}

std::vector<std::string> listenerKeys(const config::Config& config) {
  std::vector<std::string> keys;
  std::map<std::string, size_t> seen;
  for (const config::Listener& listener : config.listeners) {
    std::string address = listener.address.text();
    const size_t nth = seen[address]++;
    keys.push_back(nth == 0 ? std::move(address) : fmt::format("{}#{}", address, nth));
  }
  return keys;
}

}  // namespace oxbow::server
