// How a pool stops serving, and how it takes up again what it still has.

#include <algorithm>

#include "proxy/base/assert.h"
#include "proxy/pool/conn_pool.h"

namespace oxbow::pool {

CloseReason ConnPool::reasonToLeave() const {
  return role_ == PoolRole::Standby ? CloseReason::RaceLost : CloseReason::Removed;
}

void ConnPool::retire(Duration spread) {
  leave(PoolRole::Retired, spread);
  parts_.owner.onSlotFree(*this);
}

void ConnPool::standBy(Duration spread) { leave(PoolRole::Standby, spread); }

void ConnPool::leave(PoolRole role, Duration spread) {
  const bool wasServing = role_ == PoolRole::Serving;
  role_ = role;
  spread_ = spread;
  parts_.dispatcher.cancel(*this);
  while (PooledConn* conn = connecting_.front()) end(*conn, reasonToLeave());
  // Those that leave already have their moment.
  if (wasServing || spread == Duration(0))
    for (PooledConn* conn = idle_.front(); conn != nullptr;) {
      PooledConn* next = idle_.next(*conn);
      leaveWithin(*conn, spread);
      conn = next;
    }
  countIdleAndActive();
}

// At a random moment: all at once would be a burst of closes, here and at the server, and a burst
// of opens elsewhere when the address comes back.
void ConnPool::leaveWithin(PooledConn& conn, Duration spread) {
  if (spread == Duration(0)) return end(conn, reasonToLeave());
  const uint64_t jitter = parts_.random.below(static_cast<uint64_t>(spread.count()));
  const TimePoint moment = parts_.dispatcher.now() + Duration(static_cast<int64_t>(jitter));
  CloseReason ignored{};
  parts_.dispatcher.setDeadline(conn, std::min(moment, idleDeadline(conn, ignored)));
}

void ConnPool::onLeavingDeadline(PooledConn& conn) {
  CloseReason reason{};
  if (parts_.dispatcher.now() < idleDeadline(conn, reason)) reason = reasonToLeave();
  close(conn, reason);
}

void ConnPool::revive() {
  if (role_ == PoolRole::Serving) return;
  role_ = PoolRole::Serving;
  lookAtDeadlines();
  countIdleAndActive();
  upkeep();
}

// They were set by other rules.
void ConnPool::lookAtDeadlines() {
  for (PooledConn* conn = idle_.front(); conn != nullptr;) {
    PooledConn* next = idle_.next(*conn);
    onIdleDeadline(*conn);
    conn = next;
  }
}

bool ConnPool::closeOpening(CloseReason reason) {
  const bool any = !connecting_.empty();
  while (PooledConn* conn = connecting_.front()) end(*conn, reason);
  return any;
}

TimePoint ConnPool::firstUnansweredSince(TimePoint time) {
  for (PooledConn* conn = connecting_.back(); conn != nullptr; conn = connecting_.prev(*conn))
    if (conn->history_.openedAt > time && !conn->answered()) return conn->history_.openedAt;
  return TimePoint::max();
}

}  // namespace oxbow::pool
