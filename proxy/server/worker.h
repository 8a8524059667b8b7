#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "proxy/admin/server_view.h"
#include "proxy/config/config.h"
#include "proxy/log/access_log.h"
#include "proxy/route/route_table.h"
#include "proxy/server/http_listener.h"
#include "proxy/upstream/upstream.h"

namespace oxbow::server {

// A configuration with what was made of it once. Immutable; shared by all threads.
struct Snapshot {
  explicit Snapshot(config::Config loaded);
  config::Config config;
  std::vector<std::unique_ptr<route::RouteTable>> routes;  // one per listener
};

// One thread with its event loop, its listeners' sessions and its pools. Public functions are for
// the main thread.
class Worker {
 public:
  struct Parts {
    const Clock& clock;
    std::shared_ptr<const Snapshot> snapshot;
    std::vector<upstream::SharedState*> shared;     // by upstream
    std::vector<log::AccessLogWriter*> accessLogs;  // by listener; null: off
    std::vector<int> sockets;                       // listening, by listener; taken over
  };
  explicit Worker(Parts parts);
  // Stops the thread if it still runs.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Starts the thread; it serves as soon as it runs.
  void start();

  // The endpoints of the upstream with that index, when they are known.
  void publish(size_t upstream, std::vector<upstream::EndpointSpec> endpoints);

  // `done` runs on the worker's thread with what it counted.
  void collect(std::function<void(admin::ServerReport)> done);

  // Begins to drain; `done` runs on the worker's thread when the last client has left.
  void drain(std::function<void()> done);

  // Ends every session and the thread, and waits for it.
  void stop();

  // Tests drive the loop of a worker that was not started.
  event::Dispatcher& dispatcher() { return *dispatcher_; }

 private:
  void build();
  void teardown();
  admin::ServerReport report();

  Parts parts_;
  std::unique_ptr<event::Dispatcher> dispatcher_;
  std::unique_ptr<upstream::WorkerContext> context_;
  std::unique_ptr<SessionParts> sessionParts_;
  std::unique_ptr<ClientLimit> limit_;
  std::vector<std::unique_ptr<upstream::Upstream>> upstreams_;
  std::vector<upstream::Upstream*> upstreamPointers_;
  std::vector<std::unique_ptr<HttpListener>> listeners_;
  std::thread thread_;
};

}  // namespace oxbow::server
