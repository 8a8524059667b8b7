#pragma once

#include <array>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "proxy/config/config.h"
#include "proxy/event/function_timer.h"
#include "proxy/pool/conn_pool.h"
#include "proxy/pool/wait_queue.h"
#include "proxy/stats/counter.h"
#include "proxy/stats/histogram.h"
#include "proxy/stats/recent_times.h"
#include "proxy/stats/size_histogram.h"
#include "proxy/tls/client_context.h"
#include "proxy/upstream/balancers.h"
#include "proxy/upstream/dual_stack.h"
#include "proxy/upstream/endpoint_set.h"
#include "proxy/upstream/http1_connector.h"
#include "proxy/upstream/shared_state.h"
#include "proxy/upstream/worker_context.h"

namespace oxbow::upstream {

struct UpstreamStats {
  pool::QueueStats queue;
  std::array<stats::Counter, 6> byClass;  // [0]: no answer was sent; 1..5: 1xx..5xx
  stats::Histogram totalTime;
  stats::Histogram firstByteTime;
  stats::Counter replays;
  stats::Counter replaysRefused;      // a stale connection met what cannot be replayed
  stats::SizeHistogram requestSizes;  // of bodies
  stats::SizeHistogram responseSizes;
  stats::Counter endpointsDrained;  // that left and have no connection any more
  stats::Counter endpointsRevived;  // that came back before
  stats::Counter racesBegun;        // attempts to the address family that stands by
  stats::Counter racesWon;          // of these, the ones that changed the family in use
};

// The last minute of these, and of connects. Worker's thread only.
struct RecentStats {
  static constexpr size_t kExpected = 256;  // buckets in all slots, for usual traffic

  explicit RecentStats(const UpstreamStats& stats)
      : total(stats.totalTime, kExpected),
        wait(stats.queue.waitTime, kExpected),
        firstByte(stats.firstByteTime, kExpected) {}

  stats::RecentTimes total;
  stats::RecentTimes wait;
  stats::RecentTimes firstByte;
};

// A named block of servers on one worker: its endpoints' pools and the queue in front of them.
// Stays when the configuration or the DNS changes. Worker's thread only.
class Upstream final : private DualStack::Owner {
 public:
  // In which idle connections to an address that has left the DNS close.
  static constexpr Duration kDrainSpread = std::chrono::seconds(5);

  struct Endpoint {
    EndpointSpec spec;                       // `standby`: as it is on this worker
    std::shared_ptr<pool::PoolStats> stats;  // also of former connections of another identity
    std::unique_ptr<Http1Connector> connector;
    std::unique_ptr<pool::ConnPool> pool;
    bool isChanged = true;  // since rules were applied to it last
    bool isEmpty = false;   // of those that leave: was so at the last sweep
  };

  // `worker` is the number of this one.
  Upstream(WorkerContext& context, size_t worker, std::shared_ptr<const config::Upstream> config,
           std::shared_ptr<SharedState> shared);
  ~Upstream();

  // The endpoints to use from now on, by the rules of `config`, with the context of its `tls` if
  // it has one. Pools of endpoints that stay are kept with all their connections, also when they
  // come back before their last connection has closed; those of others give out nothing more, and
  // what is idle in them closes.
  void configure(std::shared_ptr<const config::Upstream> config,
                 std::shared_ptr<const tls::ClientContext> tls, EndpointSet set);
  // The same by the rules as they are, when names have come to mean something else: what is idle
  // of an endpoint that has left closes within kDrainSpread. A set that says what is so already
  // changes nothing.
  void setEndpoints(EndpointSet set);

  // Gets a connection that speaks HTTP; see WaitQueue::acquire.
  void acquire(pool::Waiter& waiter, const pool::Need& need) { queue_->acquire(waiter, need); }

  // Whether the connection is to one of this upstream's endpoints.
  bool owns(const pool::PooledConn& conn) const;
  // What acquire() is for a connection that its borrower kept: see ConnPool::lendAgain. REQUIRES:
  // owned.
  [[nodiscard]] bool acquireAgain(pool::PooledConn& conn);

  // Idle connections close now, the others when they come back.
  void shutdown();

  const std::string& name() const { return name_; }
  // As it is now; an exchange keeps the pointer that it began with.
  const std::shared_ptr<const config::Upstream>& config() const { return config_; }
  UpstreamStats& stats() { return stats_; }
  const RecentStats& recent() const { return recent_; }
  // Ends a slot of the times of the last minute: see RecentTimes::note. False when there are none.
  bool noteRecent(TimePoint now);
  // In the order of the set, also those that stand by.
  const std::vector<Endpoint>& endpoints() const { return endpoints_; }
  // Those that have left, with connections that have not closed yet.
  const std::vector<Endpoint>& leaving() const { return leaving_; }
  size_t waiting() const { return queue_->waiting(); }
  // What its connections take, without their buffers and what OpenSSL has of them.
  size_t connectionBytes() const;

 private:
  enum class Rules : uint8_t { Same, Changed };
  using Index = std::unordered_multimap<size_t, Endpoint*>;  // by the hash of the address

  void apply(EndpointSet set, Rules rules);
  std::vector<Endpoint> takeKept(const std::vector<EndpointSpec>& specs, Rules rules);
  Index indexed();
  Endpoint takeFor(const EndpointSpec& spec, const Index& known, Rules rules);
  Endpoint makeEndpoint(const EndpointSpec& spec, const ConnKey& key);
  std::vector<pool::ConnPool*> takeLeaving();
  void arrangeQueue();
  void arrangeFamilies();
  void applyRules(Endpoint& endpoint);
  uint32_t placeOf(const std::string& endpoint) const;
  void takeRole(Endpoint& endpoint);
  Duration spread() const;
  void onFamilyWon(const std::string& server, const std::string& name) override;
  void sweep();
  void sweepSoon();

  WorkerContext& context_;
  const size_t worker_;
  std::shared_ptr<const config::Upstream> config_;
  std::shared_ptr<const tls::ClientContext> tls_;
  const std::string name_;
  const std::shared_ptr<SharedState> shared_;
  UpstreamStats stats_;
  RecentStats recent_{stats_};
  config::Balance balance_;
  std::unique_ptr<WeightedBalancer> balancer_;
  EndpointSet set_;  // as it is on this worker
  std::vector<Endpoint> endpoints_;
  std::vector<Endpoint> leaving_;  // retired, with connections in use
  event::FunctionTimer sweep_;     // ends those
  Duration sweepIn_{};
  std::unique_ptr<pool::WaitQueue> queue_;
  std::unique_ptr<DualStack> families_;  // null: no name has two
  bool shuttingDown_ = false;
};

}  // namespace oxbow::upstream
