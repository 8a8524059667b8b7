#include "proxy/pool/conn_pool.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "proxy/base/assert.h"
#include "proxy/log/log.h"

namespace oxbow::pool {

namespace {

// A replayable exchange trusts a connection that has been idle for less.
constexpr Duration kTrustedIdleness = std::chrono::seconds(1);

bool isAllowed(ConnState from, ConnState to) {
  switch (from) {
    case ConnState::Connecting:
      return to == ConnState::Idle || to == ConnState::Closed;
    case ConnState::Idle:
      return to == ConnState::Active || to == ConnState::Closed;
    case ConnState::Active:
      return to == ConnState::Idle || to == ConnState::Closed;
    case ConnState::Closed:
      return false;
  }
  return false;
}

// Of all workers: opening one costs much more than this.
uint64_t nextId() {
  static std::atomic<uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

// The server closes at its timeout by its own clock, and a request needs time to arrive: a second
// ahead of it, or a fifth of a short one.
Duration withMargin(Duration promised) {
  if (promised == Duration::max()) return promised;
  return promised - std::min<Duration>(std::chrono::seconds(1), promised / 5);
}

}  // namespace

void PooledConn::onTimer() {
  if (state_ == ConnState::Idle)
    pool_->onIdleDeadline(*this);
  else if (state_ != ConnState::Closed)
    onDeadline();
}

void Lease::release() {
  if (conn_ == nullptr) return;
  PooledConn* conn = std::exchange(conn_, nullptr);
  conn->pool().giveBack(*conn);
}

ConnPool::ConnPool(const Parts& parts, const PoolPolicy& policy, uint32_t index)
    : parts_(parts),
      policy_(policy),
      index_(index),
      lastAcquire_(parts.dispatcher.now()),
      several_(parts.shared->several()) {}

ConnPool::~ConnPool() {
  while (PooledConn* conn = idle_.front()) end(*conn, CloseReason::Shutdown);
  while (PooledConn* conn = connecting_.front()) end(*conn, CloseReason::Shutdown);
  while (PooledConn* conn = active_.front()) {
    ASSERT(!conn->lent_);
    end(*conn, CloseReason::Shutdown);
  }
}

void ConnPool::start() { upkeep(); }

void ConnPool::shutdown() {
  shuttingDown_ = true;
  parts_.dispatcher.cancel(*this);
  while (PooledConn* conn = idle_.front()) close(*conn, CloseReason::Shutdown);
}

void ConnPool::setPolicy(const PoolPolicy& policy) {
  if (policy == policy_) return;
  policy_ = policy;
  while (hasIdle() && (keepsTooMany() || policy_.keepalive == 0))
    closeOldestIdle(CloseReason::KeepaliveFull);
  if (role_ != PoolRole::Serving) return;
  lookAtDeadlines();
  upkeep();
}

// Several workers may see at once that there is one too many: only one of them closes it.
bool ConnPool::closeIfOver(PooledConn& conn) {
  Budget* over = nullptr;
  for (Budget* budget : {&parts_.state->budget, &parts_.shared->total})
    if (over == nullptr && budget->claimExcess()) over = budget;
  if (over == nullptr) return false;
  close(conn, CloseReason::CapLowered);
  over->excessClosed();
  return true;
}

void ConnPool::obeyCaps() {
  while (hasIdle() && closeIfOver(*idle_.back())) {
  }
  overCap_ = parts_.state->budget.isOver() || parts_.shared->total.isOver();
}

bool ConnPool::canOpen() const {
  return role_ != PoolRole::Retired && parts_.state->connecting.hasRoom() && !backingOff() &&
         parts_.state->budget.hasRoom() && parts_.shared->total.hasRoom();
}

uint64_t ConnPool::load() const {
  if (!several_) return uint64_t{active()} + connecting();
  return uint64_t{parts_.state->activeInAll()} + parts_.state->connecting.used();
}

bool ConnPool::hasIdleElsewhere() const {
  return several_ && parts_.state->idleElsewhere(parts_.worker) > asked_;
}

bool ConnPool::open(Waiter* account) {
  if (!parts_.state->connecting.tryTake()) return false;
  Slots slots = Slots::take(parts_.state, parts_.shared);
  if (!slots) {
    parts_.state->connecting.giveBack();
    return false;
  }
  parts_.stats.opened.add();
  // Owned by its list from here on; close() hands it to the dispatcher.
  PooledConn& conn = *parts_.connector.connect().release();
  conn.slots_ = std::move(slots);
  conn.pool_ = this;
  conn.history_.openedAt = parts_.dispatcher.now();
  conn.history_.id = nextId();
  connecting_.pushFront(conn);
  if (account != nullptr) attach(conn, *account);
  countConnecting();
  if (rival_ != nullptr) rival_->onOpening(*this);
  return true;
}

bool ConnPool::adopt(Waiter& waiter) {
  if (!hasSpare()) return false;
  PooledConn* conn = connecting_.back();  // the one that began first
  while (conn->openedFor_ != nullptr) conn = connecting_.prev(*conn);
  attach(*conn, waiter);
  return true;
}

void ConnPool::attach(PooledConn& conn, Waiter& waiter) {
  conn.openedFor_ = &waiter;
  waiter.attempt_ = &conn;
  ++accounted_;
}

void ConnPool::detach(PooledConn& conn) {
  std::exchange(conn.openedFor_, nullptr)->attempt_ = nullptr;
  --accounted_;
}

void ConnPool::onConnected(PooledConn& conn) {
  parts_.state->backoff.succeeded();
  conn.history_.connectTime = parts_.dispatcher.preciseNow() - conn.history_.openedAt;
  parts_.stats.connected.add();
  parts_.stats.connectTime.record(conn.history_.connectTime);
  note(conn, Lifecycle::Created);
  if (rival_ == nullptr) return becomeIdle(conn);
  rival_->onOpen(*this);
  becomeIdle(conn);
  // Whoever held on to an attempt that has lost needs another.
  parts_.owner.onSlotFree(*this);
}

void ConnPool::onConnectFailed(PooledConn& conn, const Error& error, CloseReason reason) {
  parts_.state->backoff.failed(conn.history_.openedAt, parts_.dispatcher.now(), parts_.random);
  parts_.stats.connectFailed.add();
  noteFailure(conn);
  LOG_WARN("cannot connect to {}: {}", conn.endpointText(), error.detail);
  Waiter* account = conn.openedFor_;
  if (account != nullptr) account->triedEndpoint_.assign(conn.endpointText());
  // The owner hears of the failure first: it counts it before it opens another.
  end(conn, reason);
  parts_.owner.onOpenFailed(*this, account, error);
  if (!armed() || floorWanted()) upkeep();
}

void ConnPool::noteFailure(const PooledConn& conn) {
  if (single_) return;
  Health& health = parts_.state->health;
  if (health.failed(parts_.dispatcher.now())) {
    parts_.stats.avoided.add();
    LOG_WARN("{} has failed too often, it is avoided for its fail_timeout", conn.endpointText());
  }
  parts_.shared->rankUntil(health.avoidedUntil());
}

void ConnPool::beginTrial() {
  Health& health = parts_.state->health;
  if (health.beginTrial(parts_.dispatcher.now())) parts_.shared->rankUntil(health.avoidedUntil());
}

IdleAge& ConnPool::ageOf(const PooledConn& conn) const {
  return conn.history_.exchanges == 0 ? parts_.state->unusedAge : parts_.state->usedAge;
}

TimePoint ConnPool::idleDeadline(const PooledConn& conn, CloseReason& reason) const {
  const TimePoint now = parts_.dispatcher.now();
  Duration idleness = policy_.keepaliveTimeout;
  reason = CloseReason::KeepaliveTimeout;
  if (const Duration hint = withMargin(conn.serverKeepAlive()); hint < idleness) {
    idleness = hint;
    reason = CloseReason::ServerKeepAlive;
  }
  if (const Duration learned = ageOf(conn).retireAfter(now); learned < idleness) {
    idleness = learned;
    reason = CloseReason::LearnedAge;
  }
  const TimePoint byIdleness = conn.history_.idleSince + idleness;
  const TimePoint byAge = conn.history_.openedAt + policy_.keepaliveTime;
  if (byAge < byIdleness) reason = CloseReason::KeepaliveTime;
  return std::min(byIdleness, byAge);
}

bool ConnPool::overaged(const PooledConn& conn, CloseReason& reason) const {
  // Its own deadline holds unless an age has been learned since it was set.
  const TimePoint now = parts_.dispatcher.now();
  if (now < conn.deadline() && !ageOf(conn).learned(now)) return false;
  return now >= idleDeadline(conn, reason);
}

bool ConnPool::pastHalfLearnedAge(const PooledConn& conn) const {
  const TimePoint now = parts_.dispatcher.now();
  const auto learned = ageOf(conn).learned(now);
  return learned && (now - conn.history_.idleSince) * 2 > *learned;
}

PooledConn* ConnPool::takeIdle(const Need& need, bool mayOpen) {
  const TimePoint now = parts_.dispatcher.now();
  while (PooledConn* conn = policy_.fifo ? idle_.back() : idle_.front()) {
    CloseReason reason{};
    if (overaged(*conn, reason)) {
      close(*conn, reason);
      continue;
    }
    if (!need.replayable && mayOpen && pastHalfLearnedAge(*conn)) return nullptr;
    const bool trusted = need.replayable && now - conn->history_.idleSince < kTrustedIdleness;
    if (trusted || verify(*conn)) return conn;
  }
  return nullptr;
}

bool ConnPool::verify(PooledConn& conn) {
  parts_.stats.peeks.add();
  const Probe probe = conn.probe();
  if (probe == Probe::Alive) return true;
  parts_.stats.deadPeeks.add();
  if (probe == Probe::Dead) {
    const TimePoint now = parts_.dispatcher.now();
    ageOf(conn).serverClosed(now - conn.history_.idleSince, now - conn.history_.openedAt,
                             conn.history_.exchanges, now);
  }
  close(conn, probe == Probe::Dead ? CloseReason::DeadOnPeek : CloseReason::UnexpectedData);
  return false;
}

Lease ConnPool::lend(PooledConn& conn) {
  const TimePoint now = parts_.dispatcher.now();
  conn.history_.idleBefore = now - conn.history_.idleSince;
  parts_.stats.acquired.add();
  if (conn.history_.exchanges++ > 0) parts_.stats.reused.add();
  parts_.dispatcher.cancel(conn);
  conn.lent_ = true;
  note(conn, Lifecycle::Acquired);
  moveTo(conn, ConnState::Active);
  demand_.changed(active(), now);
  if (several_ && active() > parts_.state->publishedPeak(parts_.worker))
    parts_.state->publishPeak(parts_.worker, active(), now);
  const bool wasQuiet = now - lastAcquire_ > kFloorMemory;
  lastAcquire_ = now;
  if (wasQuiet) upkeep();
  return Lease(conn);
}

bool ConnPool::lendAgain(PooledConn& conn) {
  ASSERT(conn.lent_);
  if (role_ != PoolRole::Serving) return false;
  if (conn.history_.exchanges >= policy_.keepaliveRequests) return false;
  if (parts_.dispatcher.now() - conn.history_.openedAt >= policy_.keepaliveTime) return false;
  ++conn.history_.exchanges;
  parts_.stats.acquired.add();
  parts_.stats.reused.add();
  note(conn, Lifecycle::Acquired);
  return true;
}

void ConnPool::giveBack(PooledConn& conn) {
  conn.lent_ = false;
  if (!conn.reusable() && conn.drain()) return;  // settled later, through onDrained
  settle(conn);
}

void ConnPool::settle(PooledConn& conn) {
  demand_.changed(active() - 1, parts_.dispatcher.now());
  if (!conn.reusable()) return close(conn, conn.closeReason());
  if (role_ != PoolRole::Serving) return close(conn, reasonToLeave());
  if (overCap_) {
    obeyCaps();
    if (closeIfOver(conn)) return;
  }
  // Before its first exchange it had been idle as one that was never used.
  IdleAge& age = conn.history_.exchanges == 1 ? parts_.state->unusedAge : parts_.state->usedAge;
  age.survived(conn.history_.idleBefore);
  if (conn.history_.exchanges >= policy_.keepaliveRequests)
    return close(conn, CloseReason::KeepaliveRequests);
  if (policy_.keepalive == 0) return close(conn, CloseReason::KeepaliveFull);
  becomeIdle(conn);
}

void ConnPool::becomeIdle(PooledConn& conn) {
  const TimePoint now = parts_.dispatcher.now();
  conn.history_.idleSince = now;
  CloseReason reason{};
  const TimePoint deadline = idleDeadline(conn, reason);
  if (conn.history_.exchanges > 0 && now >= deadline) return close(conn, reason);
  if (conn.history_.exchanges > 0) note(conn, Lifecycle::Released);
  moveTo(conn, ConnState::Idle);
  settleIdle(conn, deadline);
}

// Offers an idle connection to who waits; what nobody takes stays, within the rules.
void ConnPool::settleIdle(PooledConn& conn, TimePoint deadline) {
  parts_.owner.onFree(*this, conn);
  if (conn.state_ != ConnState::Idle) return;
  if (shuttingDown_) return close(conn, CloseReason::Shutdown);
  if (role_ != PoolRole::Serving) {
    if (spread_ == Duration(0)) return close(conn, reasonToLeave());
    return leaveWithin(conn, spread_);
  }
  parts_.dispatcher.setDeadline(conn, deadline);
  if (keepsTooMany()) return closeOldestIdle(CloseReason::KeepaliveFull);
  if (!armed()) upkeep();
}

// `keepalive` counts over all workers. Here what the others have matters only beyond this one's
// share; the sweep counts them all.
bool ConnPool::keepsTooMany() const {
  const uint64_t most = std::max(policy_.keepalive, policy_.keepaliveMin);
  if (!several_) return idle_.size() > most;
  return idle_.size() * parts_.state->workers() > most && parts_.state->idleInAll() > most;
}

void ConnPool::closeOldestIdle(CloseReason reason) {
  ASSERT(!idle_.empty());
  close(*idle_.back(), reason);
}

void ConnPool::onIdleDeadline(PooledConn& conn) {
  if (role_ != PoolRole::Serving) return onLeavingDeadline(conn);
  // The deadline was set by what was known then: since, the age may have been forgotten.
  CloseReason reason{};
  const TimePoint deadline = idleDeadline(conn, reason);
  if (parts_.dispatcher.now() < deadline) return parts_.dispatcher.setDeadline(conn, deadline);
  close(conn, reason);
}

void ConnPool::onIdleEnded(PooledConn& conn, CloseReason reason) {
  const TimePoint now = parts_.dispatcher.now();
  if (reason != CloseReason::UnexpectedData)
    ageOf(conn).serverClosed(now - conn.history_.idleSince, now - conn.history_.openedAt,
                             conn.history_.exchanges, now);
  close(conn, reason);
}

ConnPool::List& ConnPool::listOf(ConnState state) {
  switch (state) {
    case ConnState::Connecting:
      return connecting_;
    case ConnState::Idle:
      return idle_;
    default:
      return active_;
  }
}

void ConnPool::moveTo(PooledConn& conn, ConnState next) {
  ASSERT(isAllowed(conn.state_, next));
  listOf(conn.state_).remove(conn);
  const ConnState before = std::exchange(conn.state_, next);
  if (next != ConnState::Closed) listOf(next).pushFront(conn);
  if (before == ConnState::Connecting) {
    parts_.state->connecting.giveBack();
    countConnecting();
    if (Waiter* waiter = conn.openedFor_) {
      detach(conn);
      parts_.owner.onAttemptOver(*waiter);
    }
  }
  countIdleAndActive();
}

void ConnPool::tell(const PooledConn& conn, Lifecycle kind, uint8_t reason) {
  LifecycleEvent event;
  event.conn = conn.history_.id;
  event.time = parts_.dispatcher.now();
  event.place = parts_.place;
  event.kind = kind;
  event.reason = reason;
  parts_.lifecycle->tell(event);
}

void ConnPool::countConnecting() {
  parts_.stats.connecting.set(static_cast<int64_t>(connecting_.size()));
}

void ConnPool::countIdleAndActive() {
  parts_.stats.idle.set(static_cast<int64_t>(idle_.size()));
  parts_.stats.active.set(static_cast<int64_t>(active_.size()));
  if (!several_) return;
  // What leaves is nobody's to ask for.
  parts_.state->publishIdle(parts_.worker, role_ == PoolRole::Serving ? idle() : 0);
  parts_.state->publishActive(parts_.worker, active());
}

void ConnPool::end(PooledConn& conn, CloseReason reason) {
  LOG_DEBUG("connection to {} closed: {}, after {} exchanges", conn.endpointText(), textOf(reason),
            conn.history_.exchanges);
  parts_.stats.closedFor(reason).add();
  if (parts_.lifecycle->on()) [[unlikely]]
    tell(conn, Lifecycle::Retired, static_cast<uint8_t>(reason));
  parts_.dispatcher.remove(conn);
  conn.closeSocket();
  moveTo(conn, ConnState::Closed);
  conn.slots_.giveBack();
  parts_.dispatcher.deferDelete(std::unique_ptr<event::Deferred>(&conn));
}

void ConnPool::close(PooledConn& conn, CloseReason reason) {
  end(conn, reason);
  parts_.owner.onSlotFree(*this);
  if (!armed() || floorWanted()) upkeep();
}

}  // namespace oxbow::pool
