#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "proxy/event/dispatcher.h"
#include "proxy/pool/conn_pool.h"
#include "proxy/pool/waiter.h"
#include "proxy/stats/counter.h"
#include "proxy/stats/histogram.h"

namespace oxbow::pool {

struct QueuePolicy {
  uint32_t size = 1024;  // waiters beyond those for whom a connection is being opened
  Duration timeout = std::chrono::seconds(5);
  uint32_t tries = 3;  // of one exchange: connections used, and attempts to open that failed
  Duration triesTimeout = std::chrono::seconds(10);
};

struct QueueStats {
  stats::Counter refusedFull;
  stats::Counter refusedLate;
  stats::Counter refusedNoEndpoint;
  stats::Counter served;
  stats::Counter retried;  // waiters that go on behind an attempt that failed
  // Connections that another worker sent here and that no endpoint was there for any more; they
  // closed (`removed`), and no pool has counted that.
  stats::Counter strayed;
  stats::Gauge waiting;
  stats::Histogram waitTime;  // of every exchange, 0 for those that did not wait
};

// Chooses among the pools of one upstream.
class Balancer {
 public:
  // Which pools may be chosen for one waiter.
  class Usable {
   public:
    virtual bool operator()(const ConnPool& pool) const = 0;

   protected:
    ~Usable() = default;
  };
  virtual ~Balancer() = default;
  // Null when no pool is usable.
  virtual ConnPool* pick(const std::vector<ConnPool*>& pools, const Usable& usable) = 0;
};

// The exchanges of one upstream that want a connection, on one worker. Takes an idle connection,
// else asks another worker for one of its own, else opens one within the caps, and lets the
// exchange wait for whichever is ready first: that one or one given back. FIFO, over all workers to
// within SharedQueue::kHeadStart; bounded, every wait with a deadline. A waiter holds on to an
// attempt to open a connection past its deadline, and one whose attempt came to nothing takes
// whatever is idle. Not thread-safe; what workers tell each other goes through SharedQueue.
class WaitQueue final : public PoolOwner, private event::Timer, private event::Task {
 public:
  // The worker that was asked for a connection and is busy has so long to answer; then the waiter
  // goes on as if there were none.
  static constexpr Duration kAnswerTime = std::chrono::milliseconds(5);

  // `worker` is the one that this queue is on, of those that `shared` knows.
  WaitQueue(event::Dispatcher& dispatcher, Balancer& balancer, const QueuePolicy& policy,
            QueueStats& stats, std::shared_ptr<SharedQueue> shared, size_t worker);
  // Fails every waiter.
  ~WaitQueue() override;

  // The pools to choose from; they report to this queue. May be called again when endpoints change.
  void setPools(std::vector<ConnPool*> pools);
  // The same, with who chooses among them from now on, and with those that report but are not to
  // be chosen: of the other address family, or leaving. REQUIRES: their indices are set. Nobody is
  // served before attend().
  void replacePools(std::vector<ConnPool*> pools, std::vector<ConnPool*> aside, Balancer& balancer);
  // When there are no pools, exchanges wait for some if they are `awaited`; else they fail with
  // `error`.
  void setAbsence(bool awaited, const Error& error);
  // Behind a change of the pools: whoever can be served or can only fail is, or does.
  void attend();
  void setPolicy(const QueuePolicy& policy) { policy_ = policy; }
  // Who is told of exchanges that get no connection, and under which name.
  void setLifecycle(LifecycleRing& ring, uint32_t place) {
    lifecycle_ = &ring;
    place_ = place;
  }

  // Gets a connection for `waiter`: its onLease or onNoLease runs inside this call or later.
  // REQUIRES: not waiting.
  void acquire(Waiter& waiter, const Need& need);

  // Ends every wait with `error`.
  void failAll(const Error& error);

  size_t waiting() const { return waiters_.size(); }

  void onFree(ConnPool& pool, PooledConn& conn) override;
  void onOpenFailed(ConnPool& pool, Waiter* account, const Error& error) override;
  void onSlotFree(ConnPool& pool) override;
  void onAttemptOver(Waiter& waiter) override;
  bool keepsWarm(const ConnPool& pool) const override;

 private:
  friend class Waiter;

  void onTimer() override;
  void runTask() override;
  bool serveNow(Waiter& waiter);
  ConnPool* pickFor();
  bool openFor(Waiter& waiter);
  bool openOn(ConnPool& pool, Waiter& waiter);
  void openForWaiters(bool ahead = false);
  void offer(ConnPool& pool, PooledConn& conn);
  void serveStranded();
  void serveIdle(bool alsoWithAttempt);
  PooledConn* takeAnyIdle(const Waiter& waiter);
  void serve(Waiter& waiter, ConnPool& pool, PooledConn& conn);
  void fail(Waiter& waiter, const Error& error);
  void leave(Waiter& waiter);
  void failHopeless(const ConnPool& pool, const Error& error);
  void failLate();
  TimePoint firstLate();
  void wakeAt(TimePoint time);
  void warmNext();
  bool enter(const Waiter& waiter);
  [[gnu::cold]] void tellRefused(Refusal reason);
  bool anyIdle() const;
  bool anyAlive() const;
  bool anyCanOpen() const;
  bool anyOpenable(uint64_t tried) const;
  bool anyReturns(uint64_t tried) const;
  uint32_t connecting() const;
  void awaitBackoff();
  void remapTried(const std::vector<ConnPool*>& former);
  void refuseAll();
  bool isSpent(const Waiter& waiter) const;
  void failSpent(const Error& error);
  bool isRacing() const;
  ConnPool* pickOpenable(uint64_t tried);
  bool makeRoomElsewhere(ConnPool& pool);
  bool canReclaim() const;
  bool reclaim();

  // With several groups, or while an endpoint is avoided:
  bool ranked() const {
    return grouped_ || (pools_.size() > 1 && shared_->ranks(dispatcher_.now()));
  }
  uint32_t usableGroup(uint64_t tried) const;
  bool mayUseIdle(const ConnPool& pool, uint64_t tried) const;
  void probeBetter();
  void makeRoomFor(const Waiter& waiter);

  // With the other workers:
  void settleSoon();
  bool othersFirst(const Waiter& waiter) const;
  bool sendAway(ConnPool& pool, PooledConn& conn);
  void askOthers();
  bool askFor(Waiter& waiter);
  bool askOther(ConnPool& pool, Waiter& waiter);
  void countOn(Waiter& waiter);
  void stopCounting(Waiter& waiter);
  void stopCountingLate();
  TimePoint firstAnswerDue();
  void publish();
  void passRoomOn(size_t hops);
  void onAsked(size_t from, const std::shared_ptr<EndpointState>& endpoint);
  void onAnswered(const EndpointState& endpoint, std::unique_ptr<MovingConn> moving);
  void onSent(const EndpointState& endpoint, std::unique_ptr<MovingConn> moving);
  void onNudged(size_t hops);
  void onMakeRoom(const EndpointState& endpoint);
  void takeIn(ConnPool* pool, std::unique_ptr<MovingConn> moving);
  ConnPool* poolOf(const EndpointState& endpoint) const;

  event::Dispatcher& dispatcher_;
  Balancer* balancer_;
  QueuePolicy policy_;
  QueueStats& stats_;
  const std::shared_ptr<SharedQueue> shared_;
  const size_t worker_;
  const bool several_;            // workers
  std::vector<ConnPool*> pools_;  // each at its index
  std::vector<ConnPool*> aside_;  // not to be chosen
  bool grouped_ = false;          // pools_ are of several groups
  bool awaited_ = false;          // when pools_ is empty: some will come
  Error absent_;                  // else what exchanges are told
  LifecycleRing* lifecycle_ = &LifecycleRing::none();
  uint32_t place_ = 0;
  IntrusiveList<Waiter, WaiterTag> waiters_;
  size_t attended_ = 0;  // of the waiters, those with an attempt
  size_t counting_ = 0;  // and those that count on another worker's answer
  bool opening_ = false;
  bool serving_ = false;
  bool freedMeanwhile_ = false;  // a connection, while serving_
};

}  // namespace oxbow::pool
