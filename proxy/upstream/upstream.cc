#include "proxy/upstream/upstream.h"

#include <algorithm>
#include <utility>

#include "proxy/base/assert.h"
#include "proxy/upstream/balancers.h"

namespace oxbow::upstream {

namespace {

// How often endpoints that have left are looked at, while there are any.
constexpr Duration kSweep = std::chrono::milliseconds(500);

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
  auto& state = endpoints_[spec.address.text()];
  if (state == nullptr)
    state = std::make_shared<pool::EndpointState>(spec.maxConns, maxConnecting_, workers_);
  if (state->budget.cap() != spec.maxConns) state->budget.setCap(spec.maxConns);
  return state;
}

std::shared_ptr<tls::SessionCache> SharedState::sessions(const ConnKey& key) {
  const std::lock_guard lock(mutex_);
  for (const Sessions& known : sessions_)
    if (known.key == key) return known.cache;
  sessions_.push_back({key, std::make_shared<tls::SessionCache>()});
  return sessions_.back().cache;
}

void SharedState::keepOnly(const std::vector<ConnKey>& keys) {
  const std::lock_guard lock(mutex_);
  std::erase_if(endpoints_, [&](const auto& entry) {
    return std::none_of(keys.begin(), keys.end(),
                        [&](const ConnKey& key) { return key.address.text() == entry.first; });
  });
  std::erase_if(sessions_, [&](const Sessions& known) {
    return std::find(keys.begin(), keys.end(), known.key) == keys.end();
  });
}

Upstream::Upstream(WorkerContext& context, size_t worker,
                   std::shared_ptr<const config::Upstream> config,
                   std::shared_ptr<SharedState> shared)
    : context_(context),
      worker_(worker),
      config_(std::move(config)),
      name_(*config_->name),
      shared_(std::move(shared)),
      balancer_(makeBalancer(*config_->balance, {})),
      sweep_(context.dispatcher, [this] { sweep(); }),
      queue_(std::make_unique<pool::WaitQueue>(context.dispatcher, *balancer_,
                                               queuePolicy(*config_), stats_.queue,
                                               shared_->queue(), worker)) {}

Upstream::~Upstream() {
  queue_->setPools({});
  queue_->failAll({ErrorCode::DestinationUnavailable, Side::Proxy, Retry::Never, 0, "stopping"});
  endpoints_.clear();
  leaving_.clear();
}

Upstream::Endpoint Upstream::makeEndpoint(const EndpointSpec& spec, const ConnKey& key) {
  Endpoint endpoint;
  endpoint.spec = spec;
  // What is counted of an address goes on when connections to it must be others.
  const auto former = std::find_if(endpoints_.begin(), endpoints_.end(), [&](const Endpoint& e) {
    return e.stats != nullptr && e.spec.address == spec.address;
  });
  const bool isKnown = former != endpoints_.end();
  endpoint.stats = isKnown ? former->stats : std::make_shared<pool::PoolStats>();
  endpoint.connector = std::make_unique<Http1Connector>(
      context_, key, connPolicy(*config_), config_->socket,
      isKnown ? former->connector->sharedHandshakes() : std::make_shared<HandshakeStats>());
  endpoint.pool = std::make_unique<pool::ConnPool>(
      pool::ConnPool::Parts{context_.dispatcher, context_.random, *endpoint.connector,
                            shared_->endpoint(spec), shared_->queue(), *endpoint.stats, *queue_,
                            worker_},
      poolPolicy(*config_), 0);
  return endpoint;
}

// In the order of `specs`: the endpoints that stay, moved out of endpoints_, and new ones.
std::vector<Upstream::Endpoint> Upstream::takeKept(const std::vector<EndpointSpec>& specs) {
  std::vector<Endpoint> next;
  for (const EndpointSpec& spec : specs) {
    const ConnKey key = keyOf(spec, *config_, tls_.get());
    const auto kept = std::find_if(endpoints_.begin(), endpoints_.end(), [&key](const Endpoint& e) {
      return e.pool != nullptr && e.connector->key() == key;
    });
    if (kept == endpoints_.end()) {
      next.push_back(makeEndpoint(spec, key));
    } else {
      kept->spec = spec;
      kept->connector->configure(connPolicy(*config_), config_->socket);
      (void)shared_->endpoint(spec);  // its cap
      next.push_back(std::move(*kept));
    }
    if (key.tls)
      next.back().connector->speakTls(
          tls_, *config_->tls.sessionReuse ? shared_->sessions(key) : nullptr);
    next.back().pool->setIndex(static_cast<uint32_t>(next.size() - 1));
  }
  return next;
}

void Upstream::configure(std::shared_ptr<const config::Upstream> config,
                         std::shared_ptr<const tls::ClientContext> tls,
                         const std::vector<EndpointSpec>& specs) {
  config_ = std::move(config);
  tls_ = std::move(tls);
  std::vector<Endpoint> next = takeKept(specs);
  std::erase_if(endpoints_, [](const Endpoint& e) { return e.pool == nullptr; });
  for (Endpoint& gone : endpoints_) leaving_.push_back(std::move(gone));
  endpoints_ = std::move(next);

  auto balancer = makeBalancer(*config_->balance, specs);
  std::vector<pool::ConnPool*> pools;
  for (const Endpoint& endpoint : endpoints_) pools.push_back(endpoint.pool.get());
  queue_->setPolicy(queuePolicy(*config_));
  queue_->setPools(std::move(pools), *balancer);
  balancer_ = std::move(balancer);

  for (Endpoint& gone : leaving_)
    if (!gone.pool->retired()) gone.pool->retire();
  sweep();
  for (Endpoint& endpoint : endpoints_) {
    endpoint.pool->setPolicy(poolPolicy(*config_));
    endpoint.pool->obeyCaps();
    endpoint.pool->start();
  }
}

void Upstream::sweep() {
  std::erase_if(leaving_, [](const Endpoint& e) { return e.pool->total() == 0; });
  if (!leaving_.empty()) sweep_.setIn(kSweep);
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
