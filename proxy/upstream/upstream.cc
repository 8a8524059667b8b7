#include "proxy/upstream/upstream.h"

#include <utility>

#include "proxy/base/assert.h"
#include "proxy/upstream/balancers.h"

namespace oxbow::upstream {

namespace {

pool::QueuePolicy queuePolicy(const config::Upstream& c) {
  return {*c.queue.size, *c.queue.timeout, *c.nextUpstreamTries, *c.nextUpstreamTimeout};
}

pool::PoolPolicy poolPolicy(const config::Upstream& c) {
  pool::PoolPolicy policy;
  policy.keepalive = *c.keepalive;
  policy.keepaliveMin = *c.keepaliveMin;
  policy.keepaliveRequests = *c.keepaliveRequests;
  policy.keepaliveTime = *c.keepaliveTime;
  policy.keepaliveTimeout = *c.keepaliveTimeout;
  policy.fifo = *c.scheduling == config::Scheduling::Fifo;
  policy.maxConnecting = *c.maxConnecting;
  return policy;
}

ConnPolicy connPolicy(const config::Upstream& c) {
  ConnPolicy policy;
  policy.connectTimeout = *c.connectTimeout;
  policy.readTimeout = *c.readTimeout;
  policy.sendTimeout = *c.sendTimeout;
  policy.readAhead = static_cast<int64_t>(*c.proxyBuffers);
  policy.lastExchange = *c.keepaliveRequests;
  policy.keepalive = *c.keepalive > 0;
  return policy;
}

SocketAddress localAddress(const config::Upstream& c) {
  if (c.proxyBind->empty()) return {};
  // The validator has seen it.
  return SocketAddress::parseIp(*c.proxyBind, 0).value();
}

std::unique_ptr<pool::Balancer> makeBalancer(config::Balance kind,
                                             const std::vector<EndpointSpec>& specs) {
  std::vector<uint32_t> weights;
  for (const EndpointSpec& spec : specs) weights.push_back(spec.weight);
  if (kind == config::Balance::LeastConn) return std::make_unique<LeastConn>(std::move(weights));
  return std::make_unique<RoundRobin>(std::move(weights));
}

}  // namespace

pool::EndpointState& SharedState::endpoint(const EndpointSpec& spec) {
  const std::lock_guard lock(mutex_);
  auto& state = endpoints_[spec.address.text()];
  if (state == nullptr) state = std::make_unique<pool::EndpointState>(spec.maxConns);
  return *state;
}

Upstream::Upstream(WorkerContext& worker, const config::Upstream& config, SharedState& shared)
    : worker_(worker),
      config_(config),
      shared_(shared),
      balancer_(makeBalancer(*config.balance, {})) {
  queue_ = std::make_unique<pool::WaitQueue>(worker_.dispatcher, *balancer_, queuePolicy(config_),
                                             stats_.queue);
}

Upstream::~Upstream() {
  queue_->setPools({});
  queue_->failAll({ErrorCode::DestinationUnavailable, Side::Proxy, Retry::Never, 0, "stopping"});
  endpoints_.clear();
}

void Upstream::setEndpoints(const std::vector<EndpointSpec>& specs) {
  ASSERT(endpoints_.empty());
  auto balancer = makeBalancer(*config_.balance, specs);
  queue_ = std::make_unique<pool::WaitQueue>(worker_.dispatcher, *balancer, queuePolicy(config_),
                                             stats_.queue);
  balancer_ = std::move(balancer);
  std::vector<pool::ConnPool*> pools;
  for (const EndpointSpec& spec : specs) {
    Endpoint endpoint;
    endpoint.spec = spec;
    endpoint.stats = std::make_unique<pool::PoolStats>();
    endpoint.connector = std::make_unique<Http1Connector>(
        worker_, connPolicy(config_), spec.address, localAddress(config_), config_.socket);
    endpoint.pool = std::make_unique<pool::ConnPool>(
        pool::ConnPool::Parts{worker_.dispatcher, worker_.random, *endpoint.connector,
                              shared_.endpoint(spec), shared_.total, *endpoint.stats, *queue_},
        poolPolicy(config_), static_cast<uint32_t>(pools.size()));
    pools.push_back(endpoint.pool.get());
    endpoints_.push_back(std::move(endpoint));
  }
  queue_->setPools(std::move(pools));
  for (Endpoint& endpoint : endpoints_) endpoint.pool->start();
}

bool Upstream::owns(const pool::PooledConn& conn) const {
  for (const Endpoint& endpoint : endpoints_)
    if (endpoint.pool.get() == &conn.pool()) return true;
  return false;
}

bool Upstream::acquireAgain(pool::PooledConn& conn) {
  if (!conn.pool().lendAgain(conn)) return false;
  stats_.queue.served.add();
  stats_.queue.waitTime.record(Duration(0));
  return true;
}

void Upstream::shutdown() {
  for (Endpoint& endpoint : endpoints_) endpoint.pool->shutdown();
}

}  // namespace oxbow::upstream
