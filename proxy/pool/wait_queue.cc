#include "proxy/pool/wait_queue.h"

#include <algorithm>
#include <utility>

#include "proxy/base/assert.h"

namespace oxbow::pool {

namespace {

constexpr Error kQueueFull{ErrorCode::ConnectionLimitReached, Side::Proxy, Retry::Safe, 0,
                           "the queue for a connection is full"};
constexpr Error kQueueLate{ErrorCode::ConnectionLimitReached, Side::Proxy, Retry::Safe, 0,
                           "no connection became free in time"};
constexpr Error kNoEndpoint{ErrorCode::DestinationUnavailable, Side::Proxy, Retry::Safe, 0,
                            "the upstream has no endpoint"};
constexpr Error kStillAwaited{ErrorCode::DnsTimeout, Side::Proxy, Retry::Safe, 503,
                              "the upstream's names were not resolved in time"};
constexpr Error kPoolClosed{ErrorCode::DestinationUnavailable, Side::Proxy, Retry::Safe, 0,
                            "the upstream is closing"};

}  // namespace

void Waiter::cancelWait() {
  if (waiting()) queue_->leave(*this);
}

WaitQueue::WaitQueue(event::Dispatcher& dispatcher, Balancer& balancer, const QueuePolicy& policy,
                     QueueStats& stats, std::shared_ptr<SharedQueue> shared, size_t worker)
    : dispatcher_(dispatcher),
      balancer_(&balancer),
      policy_(policy),
      stats_(stats),
      shared_(std::move(shared)),
      worker_(worker),
      several_(shared_->several()),
      absent_(kNoEndpoint) {
  shared_->setQueue(worker_, this);
}

WaitQueue::~WaitQueue() {
  failAll(kPoolClosed);
  shared_->publish(worker_, 0, TimePoint::max());
  shared_->setQueue(worker_, nullptr);
}

void WaitQueue::acquire(Waiter& waiter, const Need& need) {
  ASSERT(!waiter.waiting());
  waiter.need_ = need;
  waiter.queue_ = this;
  waiter.since_ = dispatcher_.now();
  waiter.tries_ = need.tries;
  if (need.tries == 0) waiter.need_.firstTry = waiter.since_;
  waiter.triedEndpoints_ = 0;
  waiter.askedUntil_ = TimePoint::min();
  if (pools_.empty() && !awaited_) {
    stats_.refusedNoEndpoint.add();
    tellRefused(Refusal::NoEndpoint);
    return waiter.onNoLease(absent_);
  }
  if (grouped_) probeBetter();
  // Who waits already comes first. What is idle now they do without: they have attempts of their
  // own, or are replays.
  openForWaiters();
  if (serveNow(waiter)) return;
  if (!enter(waiter)) {
    stats_.refusedFull.add();
    tellRefused(Refusal::Full);
    return waiter.onNoLease(kQueueFull);
  }
  if (need.fresh)
    waiters_.pushFront(waiter);
  else
    waiters_.pushBack(waiter);
  stats_.waiting.set(static_cast<int64_t>(waiters_.size()));
  if (waiter.attempt_ == nullptr) wakeAt(waiter.since_ + policy_.timeout);
  if (canReclaim()) openForWaiters();
  awaitBackoff();
  settleSoon();
}

// True when the waiter got a lease. When it did not, a connection may be opening for it.
bool WaitQueue::serveNow(Waiter& waiter) {
  const Need& need = waiter.need_;
  if (need.fresh) {
    makeRoomFor(waiter);
    openFor(waiter);
    return false;
  }
  // Each round that ends neither way has emptied a pool of dead connections.
  while (ConnPool* pool = pickFor()) {
    if (PooledConn* conn = pool->takeIdle(need, !need.replayable && pool->attemptable())) {
      stats_.served.add();
      stats_.waitTime.record(Duration(0));
      if (pools_.size() > 1) pool->noteLent();
      waiter.onLease(pool->lend(*conn));
      return true;
    }
    // Who has waited longer elsewhere has the first claim to what is free.
    if (several_ && (othersFirst(waiter) || askOther(*pool, waiter))) return false;
    if (openOn(*pool, waiter)) return false;
  }
  return false;
}

bool WaitQueue::openFor(Waiter& waiter) {
  // Its last try goes on while the other address family is being tried.
  if (!aside_.empty() && isSpent(waiter) && isRacing()) return false;
  ConnPool* pool = pickOpenable(waiter.triedEndpoints_);
  // With nothing open that could be given back to it, and none that backs off and may be well
  // again, one that failed before is better than none.
  if (pool == nullptr && (waiter.need_.fresh || !anyAlive()) && !anyReturns(waiter.triedEndpoints_))
    pool = pickOpenable(0);
  return pool != nullptr && openOn(*pool, waiter);
}

// One that is being opened for nobody any more will do.
bool WaitQueue::openOn(ConnPool& pool, Waiter& waiter) {
  const bool begun = pool.adopt(waiter) || (pool.canOpen() && pool.open(&waiter));
  if (!begun) return false;
  ++attended_;
  if (pools_.size() > 1) pool.noteOpened();
  return true;
}

// An attempt for each waiter, the oldest first. `ahead`: also of those who have waited longer
// elsewhere, since they had no use for the room.
void WaitQueue::openForWaiters(bool ahead) {
  if (opening_ || waiters_.empty()) return;
  if (!ranked() && !anyOpenable(0) && !canReclaim()) return;
  opening_ = true;
  const bool isRanked = ranked();
  bool isStuck = false;  // then: whoever has not failed anywhere
  for (Waiter* w = waiters_.front(); w != nullptr; w = waiters_.next(*w)) {
    const bool isNew = w->triedEndpoints_ == 0;
    if (w->attended() || (isStuck && isNew)) continue;
    if (several_ && !ahead && !w->need_.fresh && othersFirst(*w)) continue;
    if (openFor(*w) || (reclaim() && openFor(*w))) continue;
    if (!isRanked && !anyOpenable(0)) break;
    isStuck = isStuck || (isRanked && isNew);
  }
  opening_ = false;
}

// Counts the waiter in, unless the queue is full: over all workers.
bool WaitQueue::enter(const Waiter& waiter) {
  const uint64_t limit = connecting() + uint64_t{policy_.size};
  if (!several_) return waiter.attempt_ != nullptr || waiters_.size() < limit;
  if (waiter.attempt_ == nullptr) return shared_->tryEnter(limit);
  shared_->enter();
  return true;
}

void WaitQueue::tellRefused(Refusal reason) {
  if (!lifecycle_->on()) return;
  LifecycleEvent event;
  event.time = dispatcher_.now();
  event.place = place_;
  event.kind = Lifecycle::Refused;
  event.reason = static_cast<uint8_t>(reason);
  lifecycle_->tell(event);
}

void WaitQueue::onFree(ConnPool& pool, PooledConn& conn) {
  if (several_ && sendAway(pool, conn)) return;
  if (waiters_.empty()) return;
  if (serving_) {
    // A waiter gave it back at once: whoever served that one goes on, or each would nest in the
    // last.
    freedMeanwhile_ = true;
    return;
  }
  serving_ = true;
  offer(pool, conn);
  serveStranded();
  serving_ = false;
  settleSoon();
}

// Behind a change: max_connecting may have room again, an attempt may have served another waiter
// than its own, and what was given back while a waiter was called is idle.
void WaitQueue::serveStranded() {
  do {
    if (std::exchange(freedMeanwhile_, false)) serveIdle(true);
    openForWaiters();
    serveIdle(false);
  } while (freedMeanwhile_);
}

// To the oldest waiter that can use it; replays wait for a new one.
void WaitQueue::offer(ConnPool& pool, PooledConn& conn) {
  const bool unused = conn.exchanges() == 0;
  const bool isRanked = ranked();
  Waiter* starved = nullptr;
  for (Waiter* w = waiters_.front(); w != nullptr; w = waiters_.next(*w)) {
    if (isRanked && !mayUseIdle(pool, w->triedEndpoints_)) continue;
    if (w->need_.fresh && !unused) {
      if (starved == nullptr && w->attempt_ == nullptr) starved = w;
      continue;
    }
    if (!w->need_.replayable && !unused && !pool.verify(conn)) return;
    return serve(*w, pool, conn);
  }
  if (starved != nullptr) makeRoomFor(*starved);
}

// Waiters that have no attempt, or all, take what is idle, the oldest first.
void WaitQueue::serveIdle(bool alsoWithAttempt) {
  const bool isRanked = ranked();
  bool isStuck = false;  // then: whoever has not failed anywhere
  for (Waiter* w = waiters_.front(); w != nullptr && anyIdle();) {
    const bool isNew = w->triedEndpoints_ == 0;
    const bool wants = !w->need_.fresh && (alsoWithAttempt || w->attempt_ == nullptr);
    PooledConn* conn = wants && !(isStuck && isNew) ? takeAnyIdle(*w) : nullptr;
    if (conn == nullptr) {
      isStuck = isStuck || (isRanked && wants && isNew);
      w = waiters_.next(*w);
    } else {
      serve(*w, conn->pool(), *conn);
      w = waiters_.front();  // the others may have changed
      isStuck = false;
    }
  }
}

void WaitQueue::serve(Waiter& waiter, ConnPool& pool, PooledConn& conn) {
  if (pools_.size() > 1) pool.noteLent();
  stats_.served.add();
  stats_.waitTime.record(dispatcher_.now() - waiter.since_);
  leave(waiter);
  warmNext();
  waiter.onLease(pool.lend(conn));
}

// With many waiting, what the next one needs has left the cache since it came. Looked ahead in two
// steps, because the object itself must be there before it can name what else it needs.
void WaitQueue::warmNext() {
  Waiter* next = waiters_.front();
  if (next == nullptr) return;
  next->warm();
  constexpr size_t kLine = 64, kLines = 8;
  if (const Waiter* behind = waiters_.next(*next))
    for (size_t i = 0; i < kLines; ++i)
      __builtin_prefetch(reinterpret_cast<const char*>(behind) + i * kLine);
}

void WaitQueue::leave(Waiter& waiter) {
  waiters_.remove(waiter);
  stats_.waiting.set(static_cast<int64_t>(waiters_.size()));
  if (waiter.attempt_ != nullptr) {
    waiter.attempt_->pool().detach(*waiter.attempt_);
    --attended_;
  }
  if (!several_) return;
  if (waiter.counting()) stopCounting(waiter);
  shared_->leave();
  settleSoon();
}

void WaitQueue::fail(Waiter& waiter, const Error& error) {
  leave(waiter);
  waiter.onNoLease(error);
}

void WaitQueue::failAll(const Error& error) {
  // Only those that wait now: what their owners do in answer may wait anew.
  for (size_t left = waiters_.size(); left > 0 && !waiters_.empty(); --left)
    fail(*waiters_.front(), error);
}

// With nothing open and nothing that may be opened, what failed at `pool` fails for all: they would
// wait for the same. Who has another endpoint left, one that backs off, waits for the end of that.
void WaitQueue::failHopeless(const ConnPool& pool, const Error& error) {
  const uint64_t failed = bitOfPool(pool);
  if (failed == 0) return failAll(error);
  for (Waiter* w = waiters_.front(); w != nullptr; w = waiters_.next(*w))
    w->triedEndpoints_ |= failed;
  for (Waiter* w = waiters_.front(); w != nullptr;) {
    // Those that come meanwhile have not failed anywhere.
    if ((w->triedEndpoints_ & failed) == 0 || anyReturns(w->triedEndpoints_)) {
      w = waiters_.next(*w);
      continue;
    }
    fail(*w, error);
    w = waiters_.front();  // the others may have changed
  }
}

void WaitQueue::failLate() {
  const TimePoint begun = dispatcher_.now() - policy_.timeout;
  // Replays stand in front, and came last: only they are out of order.
  for (Waiter* w = waiters_.front(); w != nullptr && (w->need_.fresh || w->since_ <= begun);) {
    // An attempt that is under way ends by its own deadline, and that decides.
    if (w->since_ > begun || w->attempt_ != nullptr) {
      w = waiters_.next(*w);
      continue;
    }
    stats_.refusedLate.add();
    tellRefused(Refusal::Late);
    fail(*w, pools_.empty() ? kStillAwaited : kQueueLate);
    w = waiters_.front();  // the others may have changed
  }
}

// When the first wait of those without an attempt ends.
TimePoint WaitQueue::firstLate() {
  TimePoint first = TimePoint::max();
  for (Waiter* w = waiters_.front(); w != nullptr; w = waiters_.next(*w)) {
    if (w->attempt_ == nullptr) first = std::min(first, w->since_ + policy_.timeout);
    if (!w->need_.fresh && first != TimePoint::max()) break;
  }
  return first;
}

void WaitQueue::onOpenFailed(ConnPool& pool, Waiter* account, const Error& error) {
  ConnPool* racer = pool.rival() != nullptr ? pool.rival()->onFailed(pool) : nullptr;
  if (account != nullptr && account->waiting()) {
    ++account->tries_;
    account->triedEndpoints_ |= bitOfPool(pool);
    // The other address family of the server is a part of this try.
    if (racer != nullptr && racer->adopt(*account)) ++attended_;
    const bool alone = !anyAlive() && !anyOpenable(account->triedEndpoints_) &&
                       !anyReturns(account->triedEndpoints_);
    if (racer == nullptr && (isSpent(*account) || alone))
      fail(*account, error);
    else if (anyAlive() || anyCanOpen() || anyReturns(account->triedEndpoints_))
      stats_.retried.add();
  }
  if (racer == nullptr && pool.role() == PoolRole::Standby) failSpent(error);
  if (!anyAlive() && !anyCanOpen()) failHopeless(pool, error);
  serving_ = true;
  serveStranded();
  serving_ = false;
  awaitBackoff();
  settleSoon();
}

void WaitQueue::onSlotFree(ConnPool&) {
  openForWaiters();
  settleSoon();
}

// Its deadline may have passed while it held on to the attempt: it is late unless it is served now.
void WaitQueue::onAttemptOver(Waiter& waiter) {
  --attended_;
  wakeAt(waiter.since_ + policy_.timeout);
  settleSoon();
}

// While waiters depend on an endpoint that backs off or is avoided, the end of that is an event.
void WaitQueue::awaitBackoff() {
  if (waiters_.empty()) return;
  TimePoint first = TimePoint::max();
  for (const ConnPool* pool : pools_) {
    if (pool->backingOff()) first = std::min(first, pool->backoffEnd());
    if (pool->avoided()) first = std::min(first, pool->state().health.avoidedUntil());
  }
  if (first != TimePoint::max()) wakeAt(first);
}

void WaitQueue::wakeAt(TimePoint time) {
  if (!armed() || time < deadline()) dispatcher_.setDeadline(*this, time);
}

void WaitQueue::onTimer() {
  if (counting_ > 0) stopCountingLate();
  failLate();
  if (grouped_ && !waiters_.empty()) probeBetter();
  openForWaiters();
  settleSoon();
  awaitBackoff();
  const TimePoint late = std::min(firstLate(), firstAnswerDue());
  if (late != TimePoint::max()) wakeAt(late);
}

}  // namespace oxbow::pool
