#pragma once

#include <memory>
#include <vector>

#include "proxy/event/dispatcher.h"
#include "proxy/server/snapshot.h"
#include "proxy/session/listener_view.h"
#include "proxy/session/proxy_exchange.h"
#include "proxy/upstream/upstream.h"

namespace oxbow::server {

// What one worker needs to go by a snapshot of the configuration. Told to each worker.
struct Plan {
  struct UpstreamPlan {
    std::shared_ptr<upstream::SharedState> shared;
    upstream::EndpointSet endpoints;
  };
  std::shared_ptr<const Snapshot> snapshot;
  std::vector<UpstreamPlan> upstreams;  // by upstream of the snapshot
  std::vector<int> sockets;  // by listener: one that the worker accepts on from now on; -1: none
};

// One worker's use of a snapshot: routes, handlers and upstreams for the exchanges that began while
// it was the current one. Goes at the end of the turn in which the last of these ends.
class Generation final : public session::Pins, public event::Deferred {
 public:
  // `before` has the upstreams to go on with; may be null. `main` outlives the worker.
  static Generation* make(upstream::WorkerContext& context, size_t worker, const Plan& plan,
                          const Generation* before, event::Dispatcher& main);
  ~Generation() override;

  const std::shared_ptr<const Snapshot>& snapshot() const { return snapshot_; }
  const std::vector<std::shared_ptr<upstream::Upstream>>& upstreams() const { return upstreams_; }
  const session::ListenerView& view(size_t listener) const { return *views_[listener]; }

  // What its exchanges take, in progress and kept for the next.
  size_t exchangeBytes() const;

  // By name; null when this one has none of it.
  std::shared_ptr<upstream::Upstream> find(const std::string& name) const;

 private:
  Generation(upstream::WorkerContext& context, const std::shared_ptr<const Snapshot>& snapshot,
             event::Dispatcher& main);
  void addUpstreams(size_t worker, const Plan& plan, const Generation* before);
  void addListeners(size_t worker);
  void addHandler(size_t listener);
  void onUnpinned() override;

  upstream::WorkerContext& context_;
  event::Dispatcher& main_;
  std::shared_ptr<const Snapshot> snapshot_;
  std::vector<std::shared_ptr<upstream::Upstream>> upstreams_;
  std::vector<session::Target> targets_;
  std::vector<std::unique_ptr<session::ExchangeHandler>> handlers_;
  std::vector<std::unique_ptr<session::ListenerView>> views_;
};

}  // namespace oxbow::server
