#include "proxy/server/worker.h"

#include <pthread.h>

#include <memory>
#include <utility>

#include "proxy/base/random.h"
#include "proxy/session/proxy_exchange.h"

namespace oxbow::server {

Snapshot::Snapshot(config::Config loaded) : config(std::move(loaded)) {
  for (const config::Listener& listener : config.listeners)
    routes.push_back(std::make_unique<route::RouteTable>(listener, config));
}

Worker::Worker(Parts parts)
    : parts_(std::move(parts)), dispatcher_(std::make_unique<event::Dispatcher>(parts_.clock)) {
  const config::Config& config = parts_.snapshot->config;
  context_ = std::make_unique<upstream::WorkerContext>(*dispatcher_, randomSeed());
  context_->bufferLimit = *config.responseBufferBudget;
  sessionParts_ = std::make_unique<SessionParts>(*context_);
  limit_ = std::make_unique<ClientLimit>(*config.workerConnections);
}

Worker::~Worker() { stop(); }

void Worker::start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "worker-0");
    build();
    dispatcher_->run();
    teardown();
  });
}

void Worker::build() {
  const config::Config& config = parts_.snapshot->config;
  for (size_t i = 0; i < config.upstreams.size(); ++i) {
    upstreams_.push_back(
        std::make_unique<upstream::Upstream>(*context_, config.upstreams[i], *parts_.shared[i]));
    upstreamPointers_.push_back(upstreams_.back().get());
  }
  for (size_t i = 0; i < config.listeners.size(); ++i) {
    const route::RouteTable& routes = *parts_.snapshot->routes[i];
    auto handler = std::make_unique<session::ProxyHandler>(*context_, config.listeners[i], routes,
                                                           upstreamPointers_);
    listeners_.push_back(std::make_unique<HttpListener>(
        *sessionParts_, *limit_, config.listeners[i], parts_.sockets[i], std::move(handler),
        routes.editBytes(), parts_.accessLogs[i]));
  }
}

void Worker::teardown() {
  for (auto& listener : listeners_) listener->shutdown();
  for (auto& upstream : upstreams_) upstream->shutdown();
  // What shutdown() left to the end of the turn goes before what it refers to.
  dispatcher_->turn(false);
  listeners_.clear();
  upstreams_.clear();
  dispatcher_->turn(false);
}

void Worker::publish(size_t upstream, std::vector<upstream::EndpointSpec> endpoints) {
  dispatcher_->post([this, upstream, specs = std::move(endpoints)] {
    upstreams_[upstream]->setEndpoints(specs);
  });
}

void Worker::collect(std::function<void(admin::ServerReport)> done) {
  dispatcher_->post([this, done = std::move(done)] { done(report()); });
}

void Worker::drain(std::function<void()> done) {
  dispatcher_->post([this, done = std::move(done)] {
    // Counted by a shared integer: listeners may finish inside drain() or long after.
    auto left = std::make_shared<size_t>(listeners_.size());
    for (auto& listener : listeners_)
      listener->drain([left, done] {
        if (--*left == 0) done();
      });
    if (listeners_.empty()) done();
  });
}

void Worker::stop() {
  if (!thread_.joinable()) return;
  dispatcher_->post([this] { dispatcher_->stop(); });
  thread_.join();
}

}  // namespace oxbow::server
