// The main thread's part of names: what they resolve to is told to the workers.

#include <utility>

#include "proxy/server/server.h"

namespace oxbow::server {

std::shared_ptr<upstream::SharedState> Server::makeSharedState(
    const config::Upstream& config, const std::vector<event::Dispatcher*>& workers) {
  auto shared = std::make_shared<upstream::SharedState>(config, workers);
  // Called on workers.
  shared->setFamilyListener(
      [this, upstream = *config.name](const std::string&, const std::string& name, int family) {
        dispatcher_.post(
            [this, upstream, name, family] { names_.rememberFamily(upstream, name, family); });
      });
  return shared;
}

// The workers are told this of that upstream of the snapshot.
void Server::noteEndpoints(size_t index, const upstream::EndpointSet& set) {
  const config::Upstream& config = snapshot_->config.upstreams[index];
  std::vector<upstream::ConnKey> keys;
  for (const upstream::EndpointSpec& spec : set.endpoints)
    keys.push_back(upstream::keyOf(spec, config, snapshot_->tls.clients[index].get()));
  shared_.at(*config.name)->keepOnly(keys);
  published_[*config.name] = set;
}

// Names have changed: the upstreams that this concerns get their endpoints, and nothing else is
// touched.
void Server::publishEndpoints() {
  if (!serving_ || stopped_) return;
  const std::vector<config::Upstream>& upstreams = snapshot_->config.upstreams;
  for (size_t i = 0; i < upstreams.size(); ++i) {
    const std::string& name = *upstreams[i].name;
    const upstream::EndpointSet set = names_.endpointsOf(upstreams[i]);
    if (set == published_.at(name)) continue;
    noteEndpoints(i, set);
    for (const auto& worker : workers_) worker->setEndpoints(name, set);
  }
}

}  // namespace oxbow::server
