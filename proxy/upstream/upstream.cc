#include "proxy/upstream/upstream.h"

#include <sys/socket.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace oxbow::upstream {

namespace {

// How soon endpoints that have left are looked at, and how seldom while a connection lives on.
constexpr Duration kFirstSweep = std::chrono::milliseconds(500);
constexpr Duration kSeldom = std::chrono::seconds(30);

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

std::unique_ptr<WeightedBalancer> makeBalancer(config::Balance kind) {
  if (kind == config::Balance::LeastConn) return std::make_unique<LeastConn>();
  return std::make_unique<RoundRobin>();
}

}  // namespace

Upstream::Upstream(WorkerContext& context, size_t worker,
                   std::shared_ptr<const config::Upstream> config,
                   std::shared_ptr<SharedState> shared)
    : context_(context),
      worker_(worker),
      config_(std::move(config)),
      name_(*config_->name),
      shared_(std::move(shared)),
      balance_(*config_->balance),
      balancer_(makeBalancer(balance_)),
      sweep_(context.dispatcher, [this] { sweep(); }),
      queue_(std::make_unique<pool::WaitQueue>(context.dispatcher, *balancer_,
                                               queuePolicy(*config_), stats_.queue,
                                               shared_->queue(), worker)) {
  queue_->setLifecycle(context_.lifecycle, placeOf({}));
}

// What events call an endpoint; empty: the upstream as a whole.
uint32_t Upstream::placeOf(const std::string& endpoint) const {
  return context_.places == nullptr ? 0 : context_.places->numberOf(name_, endpoint);
}

Upstream::~Upstream() {
  families_.reset();
  queue_->replacePools({}, {}, *balancer_);
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
                            worker_, &context_.lifecycle, placeOf(spec.address.text())},
      poolPolicy(*config_), 0);
  return endpoint;
}

// The endpoints that are not in a new list yet.
Upstream::Index Upstream::indexed() {
  Index index;
  for (auto* endpoints : {&endpoints_, &leaving_})
    for (Endpoint& endpoint : *endpoints)
      if (endpoint.pool != nullptr) index.emplace(endpoint.spec.address.hash(), &endpoint);
  return index;
}

// In the order of `specs`: the endpoints that stay or come back, moved out of their lists, and new
// ones. Where little has changed most are where they were.
std::vector<Upstream::Endpoint> Upstream::takeKept(const std::vector<EndpointSpec>& specs,
                                                   Rules rules) {
  std::vector<Endpoint> next;
  next.reserve(specs.size());
  std::optional<Index> known;
  for (size_t i = 0; i < specs.size(); ++i) {
    Endpoint* same = i < endpoints_.size() ? &endpoints_[i] : nullptr;
    if (rules == Rules::Same && same != nullptr && same->pool != nullptr &&
        same->spec == specs[i]) {
      next.push_back(std::move(*same));
      continue;
    }
    if (!known) known = indexed();
    next.push_back(takeFor(specs[i], *known, rules));
  }
  return next;
}

Upstream::Endpoint Upstream::takeFor(const EndpointSpec& spec, const Index& known, Rules rules) {
  const ConnKey key = keyOf(spec, *config_, tls_.get());
  Endpoint* found = nullptr;
  const auto [first, last] = known.equal_range(spec.address.hash());
  for (auto entry = first; entry != last; ++entry) {
    Endpoint& endpoint = *entry->second;
    if (endpoint.pool == nullptr || endpoint.connector->key() != key) continue;
    // One that serves goes before one that leaves.
    if (found == nullptr || found->pool->role() == pool::PoolRole::Retired) found = &endpoint;
  }
  const bool isBack = found != nullptr && found->pool->role() == pool::PoolRole::Retired;
  if (isBack) stats_.endpointsRevived.add();
  Endpoint endpoint = found != nullptr ? std::move(*found) : makeEndpoint(spec, key);
  endpoint.isChanged = rules == Rules::Changed || found == nullptr || isBack ||
                       endpoint.spec.maxConns != spec.maxConns ||
                       endpoint.spec.maxFails != spec.maxFails ||
                       endpoint.spec.failTimeout != spec.failTimeout;
  endpoint.isEmpty = false;
  endpoint.spec = spec;
  endpoint.pool->setGroup(spec.group);
  if (!endpoint.isChanged) return endpoint;
  (void)shared_->endpoint(spec);  // its cap
  endpoint.connector->configure(connPolicy(*config_), config_->socket);
  if (key.tls)
    endpoint.connector->speakTls(tls_,
                                 *config_->tls.sessionReuse ? shared_->sessions(key) : nullptr);
  return endpoint;
}

void Upstream::configure(std::shared_ptr<const config::Upstream> config,
                         std::shared_ptr<const tls::ClientContext> tls, EndpointSet set) {
  config_ = std::move(config);
  tls_ = std::move(tls);
  wakeLoneStandbys(set);
  queue_->setPolicy(queuePolicy(*config_));
  apply(std::move(set), Rules::Changed);
}

void Upstream::setEndpoints(EndpointSet set) {
  wakeLoneStandbys(set);
  if (set != set_) apply(std::move(set), Rules::Same);
}

// Exchanges are served last: what they do in answer finds everything in its place.
void Upstream::apply(EndpointSet set, Rules rules) {
  std::vector<Endpoint> next = takeKept(set.endpoints, rules);
  const std::vector<pool::ConnPool*> leaving = takeLeaving();
  endpoints_ = std::move(next);
  set_ = std::move(set);
  arrangeQueue();
  arrangeFamilies();
  for (Endpoint& endpoint : endpoints_) takeRole(endpoint);
  for (pool::ConnPool* pool : leaving)
    pool->retire(rules == Rules::Changed ? Duration(0) : spread());
  for (Endpoint& endpoint : endpoints_)
    if (endpoint.isChanged) applyRules(endpoint);
  if (!leaving.empty()) sweepSoon();
  queue_->setAbsence(set_.awaited, errorOfNone(set_.none));
  queue_->attend();
}

// What was not taken into the new list.
std::vector<pool::ConnPool*> Upstream::takeLeaving() {
  std::vector<pool::ConnPool*> pools;
  std::erase_if(leaving_, [](const Endpoint& e) { return e.pool == nullptr; });
  for (Endpoint& endpoint : endpoints_) {
    if (endpoint.pool == nullptr) continue;
    pools.push_back(endpoint.pool.get());
    leaving_.push_back(std::move(endpoint));
  }
  return pools;
}

// The queue chooses among those that do not stand by.
void Upstream::arrangeQueue() {
  std::vector<pool::ConnPool*> pools;
  std::vector<pool::ConnPool*> aside;
  std::vector<uint32_t> weights;
  std::vector<uint32_t> former;
  for (const Endpoint& endpoint : endpoints_) {
    if (endpoint.spec.standby) {
      aside.push_back(endpoint.pool.get());
      continue;
    }
    former.push_back(endpoint.pool->index());
    weights.push_back(endpoint.spec.weight);
    endpoint.pool->setIndex(static_cast<uint32_t>(pools.size()));
    pools.push_back(endpoint.pool.get());
  }
  for (const Endpoint& endpoint : leaving_) aside.push_back(endpoint.pool.get());
  for (pool::ConnPool* pool : aside) pool->setIndex(pool::ConnPool::kNoIndex);
  // The former one is the queue's until it is replaced.
  std::unique_ptr<WeightedBalancer> other;
  if (balance_ != *config_->balance) other = makeBalancer(*config_->balance);
  balance_ = *config_->balance;
  WeightedBalancer& balancer = other != nullptr ? *other : *balancer_;
  balancer.setWeights(std::move(weights), former);
  queue_->replacePools(std::move(pools), std::move(aside), balancer);
  if (other != nullptr) balancer_ = std::move(other);
}

void Upstream::arrangeFamilies() {
  std::vector<DualStack::Member> members;
  const auto standsBy = [](const Endpoint& e) { return e.spec.standby; };
  if (std::any_of(endpoints_.begin(), endpoints_.end(), standsBy))
    for (const Endpoint& e : endpoints_)
      if (!e.spec.name.empty())
        members.push_back({e.spec.server, e.spec.name, *e.pool, e.spec.standby});
  if (families_ != nullptr) families_->assign(members);
  if (members.empty()) return families_.reset();
  if (families_ != nullptr) return;
  DualStack::Owner& owner = *this;
  families_ = std::make_unique<DualStack>(context_.dispatcher, owner, stats_.racesBegun);
  families_->assign(members);
}

// Between the families of a name, and back from leaving.
void Upstream::takeRole(Endpoint& endpoint) {
  const auto role = endpoint.spec.standby ? pool::PoolRole::Standby : pool::PoolRole::Serving;
  if (endpoint.pool->role() == role) return;
  if (endpoint.spec.standby)
    endpoint.pool->standBy(spread());
  else
    endpoint.pool->revive();
}

void Upstream::applyRules(Endpoint& endpoint) {
  endpoint.isChanged = false;
  endpoint.pool->setPolicy(poolPolicy(*config_));
  endpoint.pool->obeyCaps();
  if (shuttingDown_) return endpoint.pool->shutdown();
  endpoint.pool->start();
}

// Where connections that leave take room from those of other workers, they go at once; here they
// make room (WaitQueue::reclaim).
Duration Upstream::spread() const {
  const pool::SharedQueue& all = *shared_->queue();
  return all.several() && all.total.cap() != 0 ? Duration(0) : kDrainSpread;
}

void Upstream::onFamilyWon(const std::string& server, const std::string& name) {
  int family = AF_UNSPEC;
  for (size_t i = 0; i < endpoints_.size(); ++i) {
    EndpointSpec& spec = endpoints_[i].spec;
    if (spec.server != server || spec.name != name) continue;
    spec.standby = !spec.standby;
    set_.endpoints[i].standby = spec.standby;
    if (!spec.standby) family = spec.address.family();
  }
  arrangeQueue();
  for (Endpoint& endpoint : endpoints_) takeRole(endpoint);
  stats_.racesWon.add();
  shared_->reportFamily(server, name, family);
}

void Upstream::sweepSoon() {
  sweepIn_ = kFirstSweep;
  sweep_.setIn(sweepIn_);
}

// Connections that have just closed are still to be destroyed, and one that another worker has sent
// may be on its way: an endpoint goes when it was empty twice.
void Upstream::sweep() {
  const size_t before = leaving_.size();
  std::erase_if(leaving_, [](Endpoint& e) {
    const bool wasEmpty = std::exchange(e.isEmpty, e.pool->total() == 0);
    return wasEmpty && e.isEmpty;
  });
  stats_.endpointsDrained.add(before - leaving_.size());
  if (before != leaving_.size()) arrangeQueue();
  if (leaving_.empty()) return;
  sweepIn_ = std::min(sweepIn_ * 2, kSeldom);
  sweep_.setIn(sweepIn_);
}

bool Upstream::noteRecent(TimePoint now) {
  bool any = false;
  for (stats::RecentTimes* times : {&recent_.total, &recent_.wait, &recent_.firstByte})
    any |= times->note(now);
  for (auto* endpoints : {&endpoints_, &leaving_})
    for (Endpoint& endpoint : *endpoints) any |= endpoint.stats->recentConnects.note(now);
  return any;
}

size_t Upstream::connectionBytes() const {
  size_t sum = 0;
  for (const auto* endpoints : {&endpoints_, &leaving_})
    for (const Endpoint& endpoint : *endpoints)
      sum += endpoint.pool->total() * endpoint.connector->bytesEach();
  return sum;
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
  shuttingDown_ = true;
  for (auto* endpoints : {&endpoints_, &leaving_})
    for (Endpoint& endpoint : *endpoints) endpoint.pool->shutdown();
}

}  // namespace oxbow::upstream
