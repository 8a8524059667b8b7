#pragma once

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "proxy/config/config.h"
#include "proxy/event/function_timer.h"
#include "proxy/pool/conn_pool.h"
#include "proxy/pool/wait_queue.h"
#include "proxy/stats/counter.h"
#include "proxy/stats/histogram.h"
#include "proxy/tls/client_context.h"
#include "proxy/upstream/http1_connector.h"
#include "proxy/upstream/worker_context.h"

namespace oxbow::upstream {

// One resolved address of one server of an upstream.
struct EndpointSpec {
  SocketAddress address;
  std::string server;  // as written in the configuration
  std::string name;  // whose addresses stand by for each other: "host:port" of the server, or of a
                     // target of its SRV records; empty when it is not resolved
  uint32_t weight = 1;
  uint32_t maxConns = 0;  // 0: no cap
  uint32_t group = 0;     // the lowest that has an endpoint that can be reached is used (RFC 2782)
  bool standby = false;   // of the address family that is not in use for `name` (RFC 8305)
  bool operator==(const EndpointSpec&) const = default;
};

// What an upstream has to go by until the next one is published.
struct EndpointSet {
  std::vector<EndpointSpec> endpoints;
  // Names are being looked up for the first time: with no endpoint, exchanges wait for that.
  bool awaited = false;
  // Why there is none, for whom has to be told: DnsTimeout, DnsError or DestinationUnavailable.
  ErrorCode none = ErrorCode::DestinationUnavailable;
  bool operator==(const EndpointSet&) const = default;
};

// What a connection to that endpoint has to be. `context` is the upstream's; null: no TLS.
ConnKey keyOf(const EndpointSpec& spec, const config::Upstream& config,
              const tls::ClientContext* context);

// What the workers share of one upstream, for as long as the configuration has one of its name:
// exact accounts, who waits, and what was learned. Main thread, unless said otherwise.
class SharedState {
 public:
  // One dispatcher a worker.
  SharedState(const config::Upstream& config, const std::vector<event::Dispatcher*>& workers);

  // Other caps, for all endpoints. Thread-safe.
  void configure(const config::Upstream& config);
  // The state of that endpoint, made when it is new, with the cap that it has now. Thread-safe.
  std::shared_ptr<pool::EndpointState> endpoint(const EndpointSpec& spec);
  // The sessions that connections of that key may resume. REQUIRES: it has a TLS identity.
  // Thread-safe.
  std::shared_ptr<tls::SessionCache> sessions(const ConnKey& key);
  // Forgets the endpoints, and the sessions, that are not of these.
  void keepOnly(const std::vector<ConnKey>& keys);

  const std::shared_ptr<pool::SharedQueue>& queue() const { return queue_; }

 private:
  const size_t workers_;
  const std::shared_ptr<pool::SharedQueue> queue_;
  std::mutex mutex_;
  uint32_t maxConnecting_;
  std::map<std::string, std::shared_ptr<pool::EndpointState>> endpoints_;
  struct Sessions {
    ConnKey key;
    std::shared_ptr<tls::SessionCache> cache;
  };
  std::vector<Sessions> sessions_;
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
// Stays when the configuration changes. Worker's thread only.
class Upstream {
 public:
  struct Endpoint {
    EndpointSpec spec;
    std::shared_ptr<pool::PoolStats> stats;  // also of former connections of another identity
    std::unique_ptr<Http1Connector> connector;
    std::unique_ptr<pool::ConnPool> pool;
  };

  // `worker` is the number of this one.
  Upstream(WorkerContext& context, size_t worker, std::shared_ptr<const config::Upstream> config,
           std::shared_ptr<SharedState> shared);
  ~Upstream();

  // The endpoints to use from now on, by the rules of `config`, with the context of its `tls` if
  // it has one; an empty set answers 503. Pools of
  // endpoints that stay are kept with all their connections; those of others give out nothing more
  // and end with their last exchange.
  void configure(std::shared_ptr<const config::Upstream> config,
                 std::shared_ptr<const tls::ClientContext> tls,
                 const std::vector<EndpointSpec>& specs);

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
  const std::vector<Endpoint>& endpoints() const { return endpoints_; }
  size_t waiting() const { return queue_->waiting(); }

 private:
  Endpoint makeEndpoint(const EndpointSpec& spec, const ConnKey& key);
  std::vector<Endpoint> takeKept(const std::vector<EndpointSpec>& specs);
  void sweep();

  WorkerContext& context_;
  const size_t worker_;
  std::shared_ptr<const config::Upstream> config_;
  std::shared_ptr<const tls::ClientContext> tls_;
  const std::string name_;
  const std::shared_ptr<SharedState> shared_;
  UpstreamStats stats_;
  std::unique_ptr<pool::Balancer> balancer_;
  std::vector<Endpoint> endpoints_;
  std::vector<Endpoint> leaving_;  // retired, with connections in use
  event::FunctionTimer sweep_;     // ends those
  std::unique_ptr<pool::WaitQueue> queue_;
};

}  // namespace oxbow::upstream
