#include "proxy/server/descriptors.h"

#include <sys/resource.h>

#include <algorithm>

#include "proxy/base/assert.h"

namespace oxbow::server {

namespace {

// The loop, the mailboxes, logs, the resolver and the admin pages.
constexpr uint64_t kOwn = 256;

uint64_t connectionsOf(const config::Upstream& upstream) {
  uint64_t sum = 0;
  for (const config::Server& server : upstream.servers) {
    const uint32_t cap = server.maxConns ? **server.maxConns : *upstream.maxConns;
    sum += cap != 0 ? cap : *upstream.keepalive;
  }
  const uint32_t total = *upstream.maxTotalConns;
  return total != 0 ? std::min<uint64_t>(total, sum) : sum;
}

}  // namespace

uint64_t descriptorsBeside(const config::Config& config) {
  uint64_t sum = kOwn + config.listeners.size();
  for (const config::Upstream& upstream : config.upstreams) sum += connectionsOf(upstream);
  return sum;
}

uint32_t clientsWithin(const config::Config& config, uint64_t limit) {
  const uint64_t beside = std::min(descriptorsBeside(config), limit / 2);
  const uint64_t left = std::max<uint64_t>(limit - beside, 1);
  const uint32_t wanted = *config.workerConnections;
  return static_cast<uint32_t>(
      std::min<uint64_t>(wanted != 0 ? wanted : config::kMaxClients, left));
}

uint32_t clientsAtOnce(const config::Config& config) {
  rlimit limit{};
  ASSERT(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  return clientsWithin(config, limit.rlim_cur);
}

}  // namespace oxbow::server
