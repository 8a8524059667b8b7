#pragma once

#include <cstdint>
#include <memory>

#include "proxy/base/random.h"
#include "proxy/event/dispatcher.h"
#include "proxy/pool/demand.h"
#include "proxy/pool/endpoint_state.h"
#include "proxy/pool/lease.h"
#include "proxy/pool/lifecycle.h"
#include "proxy/pool/pool_stats.h"
#include "proxy/pool/pooled_conn.h"
#include "proxy/pool/shared_queue.h"
#include "proxy/pool/waiter.h"

namespace oxbow::pool {

// The keys of the configuration that a pool obeys; counts are per endpoint over all workers.
struct PoolPolicy {
  uint32_t keepalive = 32;
  uint32_t keepaliveMin = 0;
  uint64_t keepaliveRequests = 1000;
  Duration keepaliveTime = std::chrono::hours(1);
  Duration keepaliveTimeout = std::chrono::seconds(60);
  bool fifo = false;
  bool operator==(const PoolPolicy&) const = default;
};

// What a pool is for at the moment.
enum class PoolRole : uint8_t {
  Serving,
  Standby,  // of an address family that is not in use: opens in a race, lends nothing by itself
  Retired,  // its server or its address has left: nothing new is opened or lent
};

class ConnPool;

// Opens to the other address family of a name when one makes no progress (RFC 8305).
class Rival {
 public:
  // An attempt has begun.
  virtual void onOpening(ConnPool& pool) = 0;
  // One is open, and was not offered to anybody yet.
  virtual void onOpen(ConnPool& pool) = 0;
  // One has failed. The pool in which one of the other family is under way now; null: none is.
  virtual ConnPool* onFailed(ConnPool& pool) = 0;

 protected:
  ~Rival() = default;
};

// The queue that a pool serves.
class PoolOwner {
 public:
  // `conn` is idle and may be taken with ConnPool::lend.
  virtual void onFree(ConnPool& pool, PooledConn& conn) = 0;
  // An attempt to open failed; its slot is free again. `account` is the waiter that it was for,
  // null when that one has left.
  virtual void onOpenFailed(ConnPool& pool, Waiter* account, const Error& error) = 0;
  // A connection closed.
  virtual void onSlotFree(ConnPool& pool) = 0;
  // The attempt that `waiter` held on to has ended, one way or the other; it still waits.
  virtual void onAttemptOver(Waiter& waiter) = 0;
  // Whether that pool is to have its floor now.
  virtual bool keepsWarm(const ConnPool& pool) const = 0;

 protected:
  ~PoolOwner() = default;
};

// All connections of one upstream to one ConnKey on one worker. Not thread-safe. The owner, the
// connector, the state and the stats outlive it; leases must have been given back before it dies.
// The dispatcher destroys its connections at the end of the turn in which they close.
class ConnPool final : private event::Timer {
 public:
  struct Parts {
    event::Dispatcher& dispatcher;
    Random& random;
    Connector& connector;
    std::shared_ptr<EndpointState> state;
    std::shared_ptr<SharedQueue> shared;
    PoolStats& stats;
    PoolOwner& owner;
    size_t worker = 0;  // whose pool this is, of those that `shared` knows
    LifecycleRing* lifecycle = &LifecycleRing::none();
    uint32_t place = 0;  // of this pool, as the events have it
  };
  ConnPool(const Parts& parts, const PoolPolicy& policy, uint32_t index);
  ~ConnPool() override;

  // Opens the warm floor, one connection each 100 ms.
  void start();

  // Its place among the pools of its upstream.
  uint32_t index() const { return index_; }
  void setIndex(uint32_t index) { index_ = index; }
  static constexpr uint32_t kNoIndex = UINT32_MAX;  // it is not one of those to choose from
  // Of the groups with an endpoint that can be reached the lowest is used.
  uint32_t group() const { return group_; }
  void setGroup(uint32_t group) { group_ = group; }
  // Of the lowest rank is chosen: that of its group, behind every group while it is avoided.
  uint32_t rank() const { return avoided() ? kAvoidedRank + group_ : group_; }
  bool avoided() const { return !single_ && parts_.state->health.avoided(parts_.dispatcher.now()); }
  // With no other to choose, failures are not counted.
  void setSingle(bool single) { single_ = single; }
  // An exchange, or an attempt to open, failed by the endpoint's fault.
  void noteFailure(const PooledConn& conn);
  void noteSuccess() { parts_.state->health.succeeded(); }
  // What is opened for an exchange is its trial if it awaits one; what is lent to one, too.
  void noteOpened() {
    if (parts_.state->health.awaitsTrial(parts_.dispatcher.now())) beginTrial();
  }
  void noteLent() {
    noteOpened();
    parts_.state->health.takeTrial();
  }
  // Null: its name has no other address family.
  Rival* rival() const { return rival_; }
  void setRival(Rival* rival) { rival_ = rival; }
  // Other rules from now on; idle connections that they do not allow close.
  void setPolicy(const PoolPolicy& policy);
  bool hasIdle() const { return !idle_.empty(); }
  // Whether caps, max_connecting and back-off let one more be opened now.
  bool canOpen() const;
  // When back-off ends; only when that alone is in the way.
  bool backingOff() const { return !parts_.state->backoff.allows(parts_.dispatcher.now()); }
  TimePoint backoffEnd() const { return parts_.state->backoff.until(); }
  // Idle connections of other workers that were not asked for yet.
  bool hasIdleElsewhere() const;

  uint32_t idle() const { return static_cast<uint32_t>(idle_.size()); }
  uint32_t active() const { return static_cast<uint32_t>(active_.size()); }
  uint32_t connecting() const { return static_cast<uint32_t>(connecting_.size()); }
  uint32_t total() const { return idle() + active() + connecting(); }
  // Active and connecting ones of all workers, for balancing.
  uint64_t load() const;

  // Calls `look` with each connection. REQUIRES: that changes nothing.
  template <typename Look>
  void forEach(Look look) {
    for (List* list : {&connecting_, &idle_, &active_})
      for (PooledConn* conn = list->front(); conn != nullptr; conn = list->next(*conn)) look(*conn);
  }

  const PoolStats& stats() const { return parts_.stats; }
  const EndpointState& state() const { return *parts_.state; }
  const std::shared_ptr<EndpointState>& sharedState() const { return parts_.state; }

  // The idle connection to use next, verified as `need` asks; null when there is none. Dead and
  // overaged ones that it meets are closed. `mayOpen`: a new one could be had instead of an old
  // one.
  PooledConn* takeIdle(const Need& need, bool mayOpen);
  // Whether an idle connection still lives, by looking at its socket; closes it when not.
  bool verify(PooledConn& conn);
  // Idle to active. REQUIRES: idle.
  Lease lend(PooledConn& conn);
  // For whoever kept a connection behind its exchange: counts another one on it, unless it is too
  // old for that or carried too many. REQUIRES: lent.
  [[nodiscard]] bool lendAgain(PooledConn& conn);

  // Begins to open one. False when a cap refuses. `account` may be null.
  bool open(Waiter* account);
  // Whether one is being opened on nobody's account: for the floor, or for a waiter that left.
  bool hasSpare() const { return connecting_.size() > accounted_; }
  // Whether a waiter can be given an attempt here.
  bool attemptable() const { return hasSpare() || canOpen(); }
  // Puts that one on the account of `waiter`; false when there is none.
  bool adopt(Waiter& waiter);
  // Ends the account of a connection that is being opened; the attempt goes on.
  void detach(PooledConn& conn);

  // Takes the idle connection that was used last out of this worker; null when none is fit.
  std::unique_ptr<MovingConn> depart();
  // The same of that one; null when it cannot leave, then it is closed and its slot free. REQUIRES:
  // idle.
  std::unique_ptr<MovingConn> depart(PooledConn& conn);
  // One that another worker sent: idle here, unless it has died on its way.
  void arrive(std::unique_ptr<MovingConn> moving);
  // A worker was asked for an idle one, or has answered; the pool that asked may be another that
  // had this endpoint.
  void noteAsked() { ++asked_; }
  void noteAnswered() {
    if (asked_ > 0) --asked_;
  }

  // Closes the connection that has been idle longest. REQUIRES: hasIdle().
  void closeOldestIdle(CloseReason reason);
  // Closes idle connections while a cap that was lowered asks for it; active ones close when they
  // come back.
  void obeyCaps();
  PoolRole role() const { return role_; }
  // It gives out nothing any more, but in a race.
  bool retired() const { return role_ != PoolRole::Serving; }
  // The server has left: nothing new is lent or opened, what is opening closes, what is active
  // closes when it comes back, and what is idle at random moments within `spread`; 0: now.
  void retire(Duration spread = Duration(0));
  // The same in favour of the other address family, but for races: see open(). Whoever calls it
  // sees to the waiters, who may have lost their attempts.
  void standBy(Duration spread);
  // Serves again, with all that it still has.
  void revive();
  // Attempts that are not needed any more close, silently. False when there were none.
  bool closeOpening(CloseReason reason);
  // When the first attempt began, of those that began behind `time` and that the other end has not
  // answered; TimePoint::max(): there is none.
  TimePoint firstUnansweredSince(TimePoint time);
  // Closes what is idle and gives up the floor; what is active or opening serves who waits, and
  // closes when nobody does.
  void shutdown();

  // From a connection:
  void onConnected(PooledConn& conn);
  void onConnectFailed(PooledConn& conn, const Error& error, CloseReason reason);
  // FIN, RST or bytes on an idle connection.
  void onIdleEnded(PooledConn& conn, CloseReason reason);
  // What a client left behind has been read, or cannot be.
  void onDrained(PooledConn& conn) { settle(conn); }

 private:
  friend class Lease;
  friend class PooledConn;
  using List = IntrusiveList<PooledConn, ConnTag>;
  // Without an exchange for this long the floor is not refilled.
  static constexpr Duration kFloorMemory = std::chrono::seconds(60);

  static constexpr uint32_t kAvoidedRank = 1U << 30;

  void beginTrial();
  void onTimer() override;
  void giveBack(PooledConn& conn);
  void settle(PooledConn& conn);
  void onIdleDeadline(PooledConn& conn);
  void onLeavingDeadline(PooledConn& conn);
  void lookAtDeadlines();
  void leave(PoolRole role, Duration spread);
  void leaveWithin(PooledConn& conn, Duration spread);
  CloseReason reasonToLeave() const;

  List& listOf(ConnState state);
  void moveTo(PooledConn& conn, ConnState next);
  void attach(PooledConn& conn, Waiter& waiter);
  void end(PooledConn& conn, CloseReason reason);    // closes it, tells nobody
  void close(PooledConn& conn, CloseReason reason);  // closes it; its slot is free
  void becomeIdle(PooledConn& conn);
  void settleIdle(PooledConn& conn, TimePoint deadline);
  bool closeIfOver(PooledConn& conn);
  bool keepsTooMany() const;
  bool overaged(const PooledConn& conn, CloseReason& reason) const;
  TimePoint idleDeadline(const PooledConn& conn, CloseReason& reason) const;
  bool pastHalfLearnedAge(const PooledConn& conn) const;
  IdleAge& ageOf(const PooledConn& conn) const;

  void note(const PooledConn& conn, Lifecycle kind) {
    if (parts_.lifecycle->on()) [[unlikely]]
      tell(conn, kind, 0);
  }
  [[gnu::cold]] void tell(const PooledConn& conn, Lifecycle kind, uint8_t reason);

  void countConnecting();
  void countIdleAndActive();
  bool floorWanted() const;
  uint32_t floor() const;
  void upkeep();
  void shrinkToDemand();

  Parts parts_;
  PoolPolicy policy_;
  uint32_t index_;
  Demand demand_;
  TimePoint lastAcquire_;
  TimePoint nextSweep_{};
  TimePoint nextFloor_{};
  const bool several_;  // workers
  bool shuttingDown_ = false;
  bool single_ = true;  // the only one of its upstream
  PoolRole role_ = PoolRole::Serving;
  Duration spread_{};  // in which what is idle leaves, when it does not serve
  uint32_t group_ = 0;
  Rival* rival_ = nullptr;
  bool overCap_ = false;  // a cap was lowered below what is open
  uint32_t asked_ = 0;    // other workers, for an idle connection
  size_t accounted_ = 0;  // of connecting_, those with a waiter
  List connecting_;
  List idle_;  // front: given back last
  List active_;
};

// For a set of pools of one upstream: of the first 64 each has its own.
inline uint64_t bitOfPool(const ConnPool& pool) {
  return pool.index() < 64 ? uint64_t{1} << pool.index() : 0;
}

}  // namespace oxbow::pool
