#pragma once

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "proxy/config/config.h"
#include "proxy/pool/conn_pool.h"
#include "proxy/pool/wait_queue.h"
#include "proxy/stats/counter.h"
#include "proxy/stats/histogram.h"
#include "proxy/upstream/http1_connector.h"
#include "proxy/upstream/worker_context.h"

namespace oxbow::upstream {

// One resolved address of one server of an upstream.
struct EndpointSpec {
  SocketAddress address;
  std::string server;  // as written in the configuration
  uint32_t weight = 1;
  uint32_t maxConns = 0;  // 0: no cap
  bool operator==(const EndpointSpec&) const = default;
};

// What the workers share of one upstream: exact accounts and what was learned. Thread-safe.
class SharedState {
 public:
  explicit SharedState(uint32_t maxTotalConns) : total(maxTotalConns) {}

  // The state of that endpoint, made when it is new. Lives as long as this.
  pool::EndpointState& endpoint(const EndpointSpec& spec);

  pool::Budget total;

 private:
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<pool::EndpointState>> endpoints_;
};

struct UpstreamStats {
  pool::QueueStats queue;
  std::array<stats::Counter, 6> byClass;  // [0]: no answer was sent; 1..5: 1xx..5xx
  stats::Histogram totalTime;
  stats::Histogram firstByteTime;
  stats::Counter replays;
  stats::Counter replaysRefused;  // a stale connection met what cannot be replayed
  stats::Counter requestBytes;
  stats::Counter responseBytes;
};

// A named block of servers on one worker: its endpoints' pools and the queue in front of them.
// Worker's thread only.
class Upstream {
 public:
  struct Endpoint {
    EndpointSpec spec;
    std::unique_ptr<pool::PoolStats> stats;
    std::unique_ptr<Http1Connector> connector;
    std::unique_ptr<pool::ConnPool> pool;
  };

  // `config` and `shared` outlive the upstream.
  Upstream(WorkerContext& worker, const config::Upstream& config, SharedState& shared);
  ~Upstream();

  // The endpoints to use. May be called once; an empty set answers 503.
  void setEndpoints(const std::vector<EndpointSpec>& specs);

  // Gets a connection that speaks HTTP; see WaitQueue::acquire.
  void acquire(pool::Waiter& waiter, const pool::Need& need) { queue_->acquire(waiter, need); }

  // Whether the connection is to one of this upstream's endpoints.
  bool owns(const pool::PooledConn& conn) const;
  // What acquire() is for a connection that its borrower kept: see ConnPool::lendAgain. REQUIRES:
  // owned.
  [[nodiscard]] bool acquireAgain(pool::PooledConn& conn);

  // Idle connections close now, the others when they come back.
  void shutdown();

  const std::string& name() const { return *config_.name; }
  const config::Upstream& config() const { return config_; }
  UpstreamStats& stats() { return stats_; }
  const std::vector<Endpoint>& endpoints() const { return endpoints_; }
  size_t waiting() const { return queue_->waiting(); }

 private:
  WorkerContext& worker_;
  const config::Upstream& config_;
  SharedState& shared_;
  UpstreamStats stats_;
  std::unique_ptr<pool::Balancer> balancer_;
  std::vector<Endpoint> endpoints_;
  std::unique_ptr<pool::WaitQueue> queue_;
};

}  // namespace oxbow::upstream
