#include "proxy/server/generation.h"

#include <utility>

#include "proxy/server/access_logs.h"
#include "proxy/session/redirect_handler.h"

namespace oxbow::server {

Generation::Generation(upstream::WorkerContext& context,
                       const std::shared_ptr<const Snapshot>& snapshot, event::Dispatcher& main)
    : context_(context), main_(main), snapshot_(snapshot) {}

Generation* Generation::make(upstream::WorkerContext& context, size_t worker, const Plan& plan,
                             const Generation* before, event::Dispatcher& main) {
  auto* generation = new Generation(context, plan.snapshot, main);
  generation->addUpstreams(worker, plan, before);
  generation->addListeners(worker);
  return generation;
}

Generation::~Generation() {
  views_.clear();
  handlers_.clear();
  upstreams_.clear();
  // Logs close with the last reference, which takes its time: not on a worker.
  main_.post([last = std::move(snapshot_)] {});
}

void Generation::addUpstreams(size_t worker, const Plan& plan, const Generation* before) {
  const std::vector<config::Upstream>& configs = snapshot_->config.upstreams;
  for (size_t i = 0; i < configs.size(); ++i) {
    const std::shared_ptr<const config::Upstream> config(snapshot_, &configs[i]);
    std::shared_ptr<upstream::Upstream> upstream =
        before != nullptr ? before->find(*config->name) : nullptr;
    if (upstream == nullptr)
      upstream =
          std::make_shared<upstream::Upstream>(context_, worker, config, plan.upstreams[i].shared);
    upstream->configure(config, snapshot_->tls.clients[i], {plan.upstreams[i].endpoints});
    targets_.push_back({upstream.get(), config.get()});
    upstreams_.push_back(std::move(upstream));
  }
}

void Generation::addListeners(size_t worker) {
  const std::vector<config::Listener>& configs = snapshot_->config.listeners;
  for (size_t i = 0; i < configs.size(); ++i) {
    addHandler(i);
    views_.push_back(std::make_unique<session::ListenerView>(configs[i], *handlers_.back(), *this,
                                                             snapshot_->routes[i]->editBytes()));
    setAccessLogs(configs[i], snapshot_->logs[i], worker, *views_.back());
    views_.back()->routes = snapshot_->routes[i].get();
    views_.back()->tls = snapshot_->tls.servers[i];
  }
}

void Generation::addHandler(size_t listener) {
  const config::Listener& config = snapshot_->config.listeners[listener];
  if (*config.httpsRedirect != 0)
    handlers_.push_back(std::make_unique<session::RedirectHandler>(*config.httpsRedirect));
  else
    handlers_.push_back(std::make_unique<session::ProxyHandler>(
        context_, config, *snapshot_->routes[listener], targets_));
}

size_t Generation::exchangeBytes() const {
  size_t sum = 0;
  for (const auto& handler : handlers_) sum += handler->memory();
  return sum;
}

std::shared_ptr<upstream::Upstream> Generation::find(const std::string& name) const {
  for (const auto& upstream : upstreams_)
    if (upstream->name() == name) return upstream;
  return nullptr;
}

void Generation::onUnpinned() {
  context_.dispatcher.deferDelete(std::unique_ptr<event::Deferred>(this));
}

}  // namespace oxbow::server
