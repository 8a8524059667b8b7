#include "proxy/upstream/shared_state.h"

#include <algorithm>
#include <utility>

namespace oxbow::upstream {

namespace {

SocketAddress localAddress(const config::Upstream& c) {
  if (c.proxyBind->empty()) return {};
  // The validator has seen it.
  return SocketAddress::parseIp(*c.proxyBind, 0).value();
}

}  // namespace

ConnKey keyOf(const EndpointSpec& spec, const config::Upstream& config,
              const tls::ClientContext* context) {
  ConnKey key{spec.address, localAddress(config), std::nullopt};
  if (context != nullptr) key.tls = context->identityFor(spec.server);
  return key;
}

SharedState::SharedState(const config::Upstream& config,
                         const std::vector<event::Dispatcher*>& workers)
    : workers_(workers.size()),
      queue_(std::make_shared<pool::SharedQueue>(*config.maxTotalConns, workers)),
      maxConnecting_(*config.maxConnecting) {}

void SharedState::configure(const config::Upstream& config) {
  queue_->total.setCap(*config.maxTotalConns);
  const std::lock_guard lock(mutex_);
  maxConnecting_ = *config.maxConnecting;
  for (auto& [address, state] : endpoints_) state->connecting.setCap(maxConnecting_);
}

std::shared_ptr<pool::EndpointState> SharedState::endpoint(const EndpointSpec& spec) {
  const std::lock_guard lock(mutex_);
  auto& state = endpoints_[spec.address];
  if (state == nullptr)
    state = std::make_shared<pool::EndpointState>(spec.maxConns, maxConnecting_, workers_);
  if (state->budget.cap() != spec.maxConns) state->budget.setCap(spec.maxConns);
  state->health.configure(spec.maxFails, spec.failTimeout);
  return state;
}

std::shared_ptr<tls::SessionCache> SharedState::sessions(const ConnKey& key) {
  const std::lock_guard lock(mutex_);
  const auto [first, last] = sessions_.equal_range(key.address);
  for (auto known = first; known != last; ++known)
    if (known->second.key == key) return known->second.cache;
  return sessions_.emplace(key.address, Sessions{key, std::make_shared<tls::SessionCache>()})
      ->second.cache;
}

bool SharedState::has(const Keys& keys, const ConnKey& key) {
  const auto [first, last] = keys.equal_range(key.address);
  return std::any_of(first, last, [&](const auto& entry) { return *entry.second == key; });
}

// Only this holds it: nobody can get another reference but through here, under the lock.
void SharedState::keepOnly(const std::vector<ConnKey>& keys) {
  Keys kept;
  for (const ConnKey& key : keys) kept.emplace(key.address, &key);
  const std::lock_guard lock(mutex_);
  std::erase_if(endpoints_, [&](const auto& entry) {
    return !kept.contains(entry.first) && entry.second.use_count() == 1;
  });
  std::erase_if(sessions_, [&](const auto& entry) {
    return !has(kept, entry.second.key) && entry.second.cache.use_count() == 1;
  });
}

size_t SharedState::endpointsKnown() const {
  const std::lock_guard lock(mutex_);
  return endpoints_.size();
}

}  // namespace oxbow::upstream
