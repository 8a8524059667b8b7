// Among which pools a wait queue chooses, and what may be chosen for whom.

#include <algorithm>
#include <bit>
#include <utility>

#include "proxy/pool/wait_queue.h"

namespace oxbow::pool {

namespace {

constexpr uint32_t kEveryGroup = UINT32_MAX;

bool isTried(const ConnPool& pool, uint64_t tried) { return (tried & bitOfPool(pool)) != 0; }

class IdleOrOpenable final : public Balancer::Usable {
 public:
  bool operator()(const ConnPool& pool) const override {
    return pool.hasIdle() || pool.hasIdleElsewhere() || pool.attemptable();
  }
};

class OpenableUntried final : public Balancer::Usable {
 public:
  explicit OpenableUntried(uint64_t tried) : tried_(tried) {}
  bool operator()(const ConnPool& pool) const override {
    return !isTried(pool, tried_) && pool.attemptable();
  }

 private:
  uint64_t tried_;
};

bool opensIn(uint32_t group, const ConnPool& pool) {
  return group == kEveryGroup || pool.rank() == group;
}

// The same of one group; what is idle in a better one is welcome, too.
class IdleOrOpenableIn final : public Balancer::Usable {
 public:
  explicit IdleOrOpenableIn(uint32_t group) : group_(group) {}
  bool operator()(const ConnPool& pool) const override {
    if (opensIn(group_, pool)) return IdleOrOpenable()(pool);
    return pool.rank() < group_ && (pool.hasIdle() || pool.hasIdleElsewhere());
  }

 private:
  uint32_t group_;
};

class OpenableUntriedIn final : public Balancer::Usable {
 public:
  OpenableUntriedIn(uint32_t group, uint64_t tried) : group_(group), untried_(tried) {}
  bool operator()(const ConnPool& pool) const override {
    return opensIn(group_, pool) && untried_(pool);
  }

 private:
  uint32_t group_;
  OpenableUntried untried_;
};

template <typename Predicate>
bool anyOf(const std::vector<ConnPool*>& pools, Predicate predicate) {
  return std::any_of(pools.begin(), pools.end(), predicate);
}

}  // namespace

void WaitQueue::setPools(std::vector<ConnPool*> pools) {
  replacePools(std::move(pools), {}, *balancer_);
  attend();
}

void WaitQueue::replacePools(std::vector<ConnPool*> pools, std::vector<ConnPool*> aside,
                             Balancer& balancer) {
  const std::vector<ConnPool*> former = std::exchange(pools_, std::move(pools));
  aside_ = std::move(aside);
  balancer_ = &balancer;
  for (ConnPool* pool : pools_) pool->setSingle(pools_.size() == 1);
  grouped_ = anyOf(pools_, [this](ConnPool* p) { return p->group() != pools_[0]->group(); });
  if (waiters_.empty()) return;
  remapTried(former);
  awaitBackoff();
}

// The bits of what they tried stand for other pools now.
void WaitQueue::remapTried(const std::vector<ConnPool*>& former) {
  uint64_t bits[64] = {};
  for (size_t i = 0; i < former.size() && i < 64; ++i)
    if (std::find(pools_.begin(), pools_.end(), former[i]) != pools_.end())
      bits[i] = bitOfPool(*former[i]);
  for (Waiter* w = waiters_.front(); w != nullptr; w = waiters_.next(*w)) {
    uint64_t before = std::exchange(w->triedEndpoints_, 0);
    for (; before != 0; before &= before - 1) w->triedEndpoints_ |= bits[std::countr_zero(before)];
  }
}

void WaitQueue::setAbsence(bool awaited, const Error& error) {
  awaited_ = awaited;
  absent_ = error;
}

void WaitQueue::attend() {
  if (pools_.empty() && !awaited_) refuseAll();
  serving_ = true;
  serveIdle(false);
  serveStranded();
  serving_ = false;
  settleSoon();
}

void WaitQueue::refuseAll() {
  stats_.refusedNoEndpoint.add(waiters_.size());
  failAll(absent_);
}

ConnPool* WaitQueue::pickFor() {
  // With one endpoint there is nothing to balance.
  if (pools_.size() == 1 && pools_[0]->hasIdle()) return pools_[0];
  if (!ranked()) return balancer_->pick(pools_, IdleOrOpenable());
  return balancer_->pick(pools_, IdleOrOpenableIn(usableGroup(0)));
}

ConnPool* WaitQueue::pickOpenable(uint64_t tried) {
  if (!ranked()) return balancer_->pick(pools_, OpenableUntried(tried));
  return balancer_->pick(pools_, OpenableUntriedIn(usableGroup(tried), tried));
}

PooledConn* WaitQueue::takeAnyIdle(const Waiter& waiter) {
  for (ConnPool* pool : pools_) {
    if (ranked() && !mayUseIdle(*pool, waiter.triedEndpoints_)) continue;
    if (PooledConn* conn = pool->takeIdle(waiter.need_, false)) return conn;
  }
  return nullptr;
}

// Over all workers.
uint32_t WaitQueue::connecting() const {
  uint32_t sum = 0;
  for (const ConnPool* pool : pools_) sum += pool->state().connecting.used();
  for (const ConnPool* pool : aside_) sum += pool->connecting();
  return sum;
}

bool WaitQueue::anyCanOpen() const {
  return anyOf(pools_, [](const ConnPool* p) { return p->canOpen(); });
}

bool WaitQueue::anyOpenable(uint64_t tried) const {
  if (ranked()) {
    const OpenableUntriedIn usable(usableGroup(tried), tried);
    return anyOf(pools_, [&](const ConnPool* p) { return usable(*p); });
  }
  const OpenableUntried usable(tried);
  return anyOf(pools_, [&](const ConnPool* p) { return usable(*p); });
}

// May be opened before long: when a back-off ends, or an attempt.
bool WaitQueue::anyReturns(uint64_t tried) const {
  return anyOf(pools_, [tried](const ConnPool* p) {
    const bool isLeft = (bitOfPool(*p) & ~tried) != 0;
    return isLeft && (p->backingOff() || !p->state().connecting.hasRoom());
  });
}

bool WaitQueue::anyIdle() const {
  return anyOf(pools_, [](const ConnPool* p) { return p->hasIdle(); });
}

// On any worker: it may be given back to us.
bool WaitQueue::anyAlive() const {
  return isRacing() ||
         anyOf(pools_, [](const ConnPool* p) { return p->state().budget.used() > 0; });
}

// To another address family: what opens there will serve.
bool WaitQueue::isRacing() const {
  return anyOf(aside_, [](const ConnPool* p) {
    return p->role() == PoolRole::Standby && p->connecting() > 0;
  });
}

// Whether it has failed here, and may not be tried again.
bool WaitQueue::isSpent(const Waiter& waiter) const {
  const bool late = dispatcher_.now() - waiter.need_.firstTry >= policy_.triesTimeout;
  return waiter.tries_ > waiter.need_.tries && (late || waiter.tries_ >= policy_.tries);
}

// They were spared for the sake of another address family, which has failed as well.
void WaitQueue::failSpent(const Error& error) {
  for (Waiter* w = waiters_.front(); w != nullptr;) {
    if (w->attempt_ != nullptr || !isSpent(*w)) {
      w = waiters_.next(*w);
      continue;
    }
    fail(*w, error);
    w = waiters_.front();  // the others may have changed
  }
}

// Making room -----------------------------------------------------------------------------------

// A cap that idle connections fill must not keep a replay waiting: the oldest of them goes.
void WaitQueue::makeRoomFor(const Waiter& waiter) {
  if (!waiter.need_.fresh) return;
  const uint32_t group = ranked() ? usableGroup(waiter.triedEndpoints_) : kEveryGroup;
  const auto counts = [group](const ConnPool* p) { return opensIn(group, *p); };
  if (anyOf(pools_, [&](const ConnPool* p) { return counts(p) && p->canOpen(); })) return;
  ConnPool* fullest = nullptr;
  for (ConnPool* pool : pools_) {
    if (!counts(pool) || !pool->hasIdle() || pool->backingOff()) continue;
    if (fullest == nullptr || pool->idle() > fullest->idle()) fullest = pool;
  }
  if (fullest != nullptr) return fullest->closeOldestIdle(CloseReason::MakeRoom);
  for (ConnPool* pool : pools_)
    if (counts(pool) && !pool->backingOff() && makeRoomElsewhere(*pool)) return;
}

bool WaitQueue::makeRoomElsewhere(ConnPool& pool) {
  if (!pool.hasIdleElsewhere()) return false;
  const std::shared_ptr<EndpointState> endpoint = pool.sharedState();
  const size_t other = endpoint->richest(worker_);
  if (other == shared_->workers()) return false;
  shared_->tell(other, [endpoint](WaitQueue* queue) {
    if (queue != nullptr) queue->onMakeRoom(*endpoint);
  });
  return true;
}

// Whether max_total_conns is in the way, and is filled by some that nobody here may be given.
bool WaitQueue::canReclaim() const {
  return (ranked() || !aside_.empty()) && !shared_->total.hasRoom();
}

// Closes one of these, or lets another worker do so. True when there is room now.
bool WaitQueue::reclaim() {
  if (!canReclaim()) return false;
  for (ConnPool* pool : aside_)
    if (pool->hasIdle()) {
      pool->closeOldestIdle(CloseReason::MakeRoom);
      return true;
    }
  const uint32_t group = ranked() ? usableGroup(0) : kEveryGroup;
  for (ConnPool* pool : pools_)
    if (pool->rank() > group && pool->hasIdle()) {
      pool->closeOldestIdle(CloseReason::MakeRoom);
      return true;
    }
  for (ConnPool* pool : pools_)
    if (pool->rank() > group && makeRoomElsewhere(*pool)) break;
  return false;
}

// Groups ----------------------------------------------------------------------------------------

// The group to open in, for who has failed at `tried`: the lowest that has an endpoint which can be
// reached, though it be busy. One that failed last is tried by a probe (probeBetter), not by an
// exchange, as long as there is another; then it is better than nothing.
uint32_t WaitQueue::usableGroup(uint64_t tried) const {
  uint32_t works = kEveryGroup;
  uint32_t mayWork = kEveryGroup;
  for (const ConnPool* pool : pools_) {
    if (isTried(*pool, tried) || pool->backingOff()) continue;
    mayWork = std::min(mayWork, pool->rank());
    if (pool->state().backoff.failures() == 0) works = std::min(works, pool->rank());
  }
  return works != kEveryGroup ? works : mayWork;
}

bool WaitQueue::mayUseIdle(const ConnPool& pool, uint64_t tried) const {
  return pool.state().health.trialOpen() || pool.rank() <= usableGroup(tried);
}

bool WaitQueue::keepsWarm(const ConnPool& pool) const {
  return !ranked() || pool.rank() <= usableGroup(0);
}

// One attempt, for nobody, to each endpoint of a better group that may work again. An exchange
// would wait for a server that may well hang, beside one that works.
void WaitQueue::probeBetter() {
  const uint32_t group = usableGroup(0);
  for (ConnPool* pool : pools_) {
    const EndpointState& state = pool->state();
    if (pool->rank() >= group || state.backoff.failures() == 0) continue;
    if (pool->backingOff() || state.connecting.used() > 0) continue;
    if (!pool->canOpen()) reclaim();
    if (pool->canOpen()) pool->open(nullptr);
  }
}

}  // namespace oxbow::pool
