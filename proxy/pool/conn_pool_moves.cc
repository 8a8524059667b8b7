// How an idle connection leaves one worker and arrives at another.

#include <utility>

#include "proxy/base/assert.h"
#include "proxy/pool/conn_pool.h"

namespace oxbow::pool {

std::unique_ptr<MovingConn> ConnPool::depart() {
  if (role_ != PoolRole::Serving) return nullptr;
  const TimePoint now = parts_.dispatcher.now();
  while (PooledConn* conn = policy_.fifo ? idle_.back() : idle_.front()) {
    CloseReason reason{};
    if (now < conn->deadline() || !overaged(*conn, reason)) return depart(*conn);
    close(*conn, reason);
  }
  return nullptr;
}

std::unique_ptr<MovingConn> ConnPool::depart(PooledConn& conn) {
  ASSERT(conn.state_ == ConnState::Idle);
  std::unique_ptr<MovingConn> moving = conn.depart();
  if (moving == nullptr) {
    end(conn, CloseReason::UnexpectedData);
    return nullptr;
  }
  parts_.stats.movedOut.add();
  parts_.dispatcher.remove(conn);
  moving->history = conn.history_;
  moving->slots = std::move(conn.slots_);
  moveTo(conn, ConnState::Closed);
  parts_.dispatcher.deferDelete(std::unique_ptr<event::Deferred>(&conn));
  return moving;
}

void ConnPool::arrive(std::unique_ptr<MovingConn> moving) {
  std::unique_ptr<PooledConn> arrived = parts_.connector.arrive(*moving);
  parts_.stats.movedIn.add();
  if (arrived == nullptr) return parts_.stats.closedFor(CloseReason::Removed).add();
  PooledConn& conn = *arrived.release();
  conn.pool_ = this;
  conn.history_ = moving->history;
  conn.slots_ = std::move(moving->slots);
  conn.state_ = ConnState::Idle;
  idle_.pushFront(conn);
  countIdleAndActive();
  note(conn, Lifecycle::Moved);
  if (role_ == PoolRole::Retired) return close(conn, CloseReason::Removed);
  // What came in the meantime has no event of its own ahead of the next exchange.
  CloseReason reason{};
  if (verify(conn)) settleIdle(conn, idleDeadline(conn, reason));
}

}  // namespace oxbow::pool
