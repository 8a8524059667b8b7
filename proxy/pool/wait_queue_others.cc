// What the wait queues of one upstream do for each other across workers. Nothing in here runs with
// one worker.
//
// Two rules keep every waiter from waiting in vain. Whoever has something (an idle connection, room
// for a new one) publishes it first and then looks who wants; whoever wants publishes that first
// and then looks what there is. And whoever gets a message looks again behind it.

#include <algorithm>
#include <utility>

#include "proxy/log/log.h"
#include "proxy/pool/wait_queue.h"

namespace oxbow::pool {

namespace {

class IdleElsewhere final : public Balancer::Usable {
 public:
  explicit IdleElsewhere(uint32_t lastGroup) : lastGroup_(lastGroup) {}
  bool operator()(const ConnPool& pool) const override {
    return pool.group() <= lastGroup_ && pool.hasIdleElsewhere();
  }

 private:
  uint32_t lastGroup_;
};

}  // namespace

// At the end of the turn: what this turn changed is published once.
void WaitQueue::settleSoon() {
  if (several_) dispatcher_.soon(*this);
}

void WaitQueue::runTask() {
  publish();
  passRoomOn(0);
}

void WaitQueue::countOn(Waiter& waiter) {
  waiter.askedUntil_ = dispatcher_.now() + kAnswerTime;
  ++counting_;
  wakeAt(waiter.askedUntil_);
}

void WaitQueue::stopCounting(Waiter& waiter) {
  waiter.askedUntil_ = TimePoint::min();
  --counting_;
}

// Who was asked is busy.
void WaitQueue::stopCountingLate() {
  const TimePoint now = dispatcher_.now();
  for (Waiter* w = waiters_.front(); w != nullptr && counting_ > 0; w = waiters_.next(*w))
    if (w->counting() && w->askedUntil_ <= now) stopCounting(*w);
}

TimePoint WaitQueue::firstAnswerDue() {
  TimePoint first = TimePoint::max();
  size_t left = counting_;
  for (Waiter* w = waiters_.front(); w != nullptr && left > 0; w = waiters_.next(*w)) {
    if (!w->counting()) continue;
    first = std::min(first, w->askedUntil_);
    --left;
  }
  return first;
}

bool WaitQueue::othersFirst(const Waiter& waiter) const {
  return shared_->olderElsewhere(worker_, waiter.since_ - SharedQueue::kHeadStart);
}

void WaitQueue::publish() {
  // Where nothing is known yet, what others have would be of no use.
  const size_t unattended = waiters_.size() - attended_ - counting_;
  const auto wanting = pools_.empty() ? 0 : static_cast<uint32_t>(unattended);
  Waiter* first = wanting > 0 ? waiters_.front() : nullptr;
  while (first != nullptr && first->attended()) first = waiters_.next(*first);
  const TimePoint head = first != nullptr ? first->since_ : TimePoint::max();
  if (shared_->publish(worker_, wanting, head)) askOthers();
}

// To those who wait elsewhere, for longer than anybody here. True when the connection is on its way
// there.
bool WaitQueue::sendAway(ConnPool& pool, PooledConn& conn) {
  if (!shared_->othersWant(worker_)) return false;
  // Whoever waits for a better group has no use for it.
  if (ranked() && !mayUseIdle(pool, 0)) return false;
  // Replays stand in front, and came last.
  TimePoint head = TimePoint::max();
  for (Waiter* w = waiters_.front(); w != nullptr; w = waiters_.next(*w)) {
    head = std::min(head, w->since_);
    if (!w->need_.fresh) break;
  }
  const size_t taker = shared_->claimTaker(worker_, head);
  if (taker == shared_->workers()) return false;
  const std::shared_ptr<EndpointState> endpoint = pool.sharedState();
  shared_->tell(taker, [endpoint, moving = pool.depart(conn)](WaitQueue* queue) mutable {
    if (queue != nullptr) queue->onSent(*endpoint, std::move(moving));
  });
  return true;
}

// For each waiter that nothing is under way for, what others have idle; and what room there is, or
// can be made.
void WaitQueue::askOthers() {
  openForWaiters();
  for (Waiter* w = waiters_.front(); w != nullptr; w = waiters_.next(*w)) {
    if (w->attended()) continue;
    if (w->need_.fresh)
      makeRoomFor(*w);
    else if (!askFor(*w))
      return;
  }
}

bool WaitQueue::askFor(Waiter& waiter) {
  const uint32_t lastGroup = ranked() ? usableGroup(waiter.triedEndpoints_) : UINT32_MAX;
  ConnPool* pool = balancer_->pick(pools_, IdleElsewhere(lastGroup));
  return pool != nullptr && askOther(*pool, waiter);
}

bool WaitQueue::askOther(ConnPool& pool, Waiter& waiter) {
  if (!pool.hasIdleElsewhere()) return false;
  const std::shared_ptr<EndpointState> endpoint = pool.sharedState();
  const size_t other = endpoint->richest(worker_);
  if (other == shared_->workers()) return false;
  pool.noteAsked();
  countOn(waiter);
  shared_->tell(other, [shared = shared_, from = worker_, endpoint](WaitQueue* queue) {
    if (queue != nullptr) return queue->onAsked(from, endpoint);
    shared->tell(from, [endpoint](WaitQueue* asker) {
      if (asker != nullptr) asker->onAnswered(*endpoint, nullptr);
    });
  });
  return true;
}

void WaitQueue::onAsked(size_t from, const std::shared_ptr<EndpointState>& endpoint) {
  ConnPool* pool = poolOf(*endpoint);
  std::unique_ptr<MovingConn> moving = pool != nullptr ? pool->depart() : nullptr;
  shared_->tell(from, [endpoint, moving = std::move(moving)](WaitQueue* queue) mutable {
    if (queue != nullptr) queue->onAnswered(*endpoint, std::move(moving));
  });
}

// Whichever waiter it was asked for: the oldest that counts on an answer gets on.
void WaitQueue::onAnswered(const EndpointState& endpoint, std::unique_ptr<MovingConn> moving) {
  Waiter* waiter = waiters_.front();
  while (waiter != nullptr && !waiter->counting()) waiter = waiters_.next(*waiter);
  if (waiter != nullptr) stopCounting(*waiter);
  ConnPool* pool = poolOf(endpoint);
  if (pool != nullptr) pool->noteAnswered();
  takeIn(pool, std::move(moving));
  askOthers();
  settleSoon();
}

void WaitQueue::onSent(const EndpointState& endpoint, std::unique_ptr<MovingConn> moving) {
  shared_->arrived(worker_);
  takeIn(poolOf(endpoint), std::move(moving));
  askOthers();
  settleSoon();
}

// Closes it, with its slots, where its endpoint has left: before anybody looks for room.
void WaitQueue::takeIn(ConnPool* pool, std::unique_ptr<MovingConn> moving) {
  if (moving == nullptr) return;
  if (pool != nullptr) return pool->arrive(std::move(moving));
  LOG_DEBUG("connection closed: {}, after {} exchanges", textOf(CloseReason::Removed),
            moving->history.exchanges);
  stats_.strayed.add();
}

// There is room that others may use: the one that has waited longest looks first, and passes on
// what it has no use for.
void WaitQueue::passRoomOn(size_t hops) {
  if (hops >= shared_->workers() || !shared_->othersWant(worker_) || !anyCanOpen()) return;
  const size_t next = shared_->claimNudge(worker_);
  if (next == shared_->workers()) return;
  shared_->tell(next, [shared = shared_, next, hops](WaitQueue* queue) {
    shared->nudged(next);
    if (queue != nullptr) queue->onNudged(hops + 1);
  });
}

void WaitQueue::onNudged(size_t hops) {
  openForWaiters(true);
  // A group that was of no use may be the best by now.
  if (ranked()) attend();
  publish();
  passRoomOn(hops);
}

void WaitQueue::onMakeRoom(const EndpointState& endpoint) {
  ConnPool* pool = poolOf(endpoint);
  if (pool != nullptr && pool->hasIdle()) pool->closeOldestIdle(CloseReason::MakeRoom);
}

ConnPool* WaitQueue::poolOf(const EndpointState& endpoint) const {
  for (const auto* pools : {&pools_, &aside_})
    for (ConnPool* pool : *pools)
      if (&pool->state() == &endpoint) return pool;
  return nullptr;
}

}  // namespace oxbow::pool
