#include "proxy/server/server.h"

#include <unistd.h>
#include <csignal>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "proxy/log/log.h"
#include "proxy/net/socket.h"
#include "proxy/server/admin_site.h"
#include "proxy/server/admin_token.h"
#include "proxy/server/cpu_count.h"
#include "proxy/server/descriptors.h"
#include "proxy/server/process.h"

namespace oxbow::server {

Server::Server(config::Config config)
    : first_(std::move(config)),
      dispatcher_(clock_),
      startedAt_(clock_.now()),
      bornAt_(clock_.wall()),
      names_(dispatcher_, [this] { publishEndpoints(); }),
      drainTimer_(dispatcher_, [this] { stopAccepting(); }),
      shutdownTimer_(dispatcher_, [this] {
        LOG_WARN("shutdown_timeout has passed, closing what is left");
        stopNow();
      }) {}

Server::~Server() {
  for (auto& worker : workers_) worker->stop();
  for (auto& worker : workers_) worker->join();
  events_.stop();
  watchdog_.reset();
  serviceManager_.disconnect();
  for (auto& [key, socket] : sockets_)
    if (socket.fd >= 0) ::close(socket.fd);
  sockets_.clear();
  workers_.clear();
  admin_.reset();
  leavingAdmins_.clear();
  dispatcher_.turn(false);
}

std::optional<std::string> Server::start() {
  TlsContexts contexts;
  if (auto error = loadTls(first_, contexts)) return error;
  auto snapshot = std::make_shared<Snapshot>(std::move(first_), std::move(contexts));
  const config::Config& config = snapshot->config;
  logLevel_ = *config.logLevel;
  std::string token;
  if (auto error = loadToken(config, token)) return error;
  makeWorkers(config);
  if (auto error = openAccessLogs(*snapshot)) return error;
  snapshot_ = snapshot;
  if (auto error = names_.setResolver(config)) return error;
  if (auto error = listen(*snapshot_, sockets_)) return error;
  if (auto error = openAdmin(config.admin, token, admin_)) return error;
  names_.prepare(config, [] {});
  names_.usePrepared();
  // Names that are not known yet hold up their own exchanges only.
  beginServing();
  return std::nullopt;
}

void Server::makeWorkers(const config::Config& config) {
  memory_.setLimit(*config.memoryLimit);
  const uint32_t count = *config.workers == 0 ? availableCpus() : *config.workers;
  for (size_t i = 0; i < count; ++i)
    workers_.push_back(
        std::make_unique<Worker>(Worker::Parts{i, count, clock_, dispatcher_, memory_, places_}));
  for (const auto& worker : workers_) events_.add(worker->lifecycle());
  // One worker accepts itself.
  event::Dispatcher& accepting = count > 1 ? dispatcher_ : workers_[0]->dispatcher();
  limit_ = std::make_unique<ClientLimit>(clientsAtOnce(config), accepting);
}

// Opens what `snapshot` has and sockets_ has not. An error leaves nothing open.
std::optional<std::string> Server::listen(const Snapshot& snapshot, Sockets& opened) {
  const std::vector<config::Listener>& listeners = snapshot.config.listeners;
  Sockets made;
  for (size_t i = 0; i < listeners.size(); ++i) {
    if (sockets_.count(snapshot.keys[i]) > 0) continue;
    auto fd = net::listenOn(listeners[i].address, static_cast<int>(*listeners[i].backlog),
                            listeners[i].socket);
    if (!fd.ok()) {
      for (const auto& [key, socket] : made) ::close(socket.fd);
      return fd.error();
    }
    made[snapshot.keys[i]] = {net::localAddress(fd.value()), fd.value(), nullptr};
  }
  opened = std::move(made);
  return std::nullopt;
}

std::optional<std::string> Server::openAdmin(const config::Admin& admin, const std::string& token,
                                             std::unique_ptr<AdminSite>& opened) {
  if (!admin.enabled) return std::nullopt;
  auto fd = net::listenOn(admin.address, 128, {});
  if (!fd.ok()) return fd.error();
  admin::ServerView& view = *this;
  opened = std::make_unique<AdminSite>(dispatcher_, admin, fd.value(), view);
  opened->setAccess(accessOf(admin, token));
  return std::nullopt;
}

SocketAddress Server::adminAddress() const {
  return admin_ != nullptr ? admin_->address() : SocketAddress();
}

std::vector<SocketAddress> Server::addresses() const {
  std::vector<SocketAddress> addresses;
  for (const std::string& key : snapshot_->keys) addresses.push_back(sockets_.at(key).address);
  return addresses;
}

// Serving ---------------------------------------------------------------------------------------

// What the workers need of that snapshot; with one worker, the sockets that it is to accept on.
Plan Server::planFor(const std::shared_ptr<const Snapshot>& snapshot) {
  Plan plan;
  plan.snapshot = snapshot;
  std::vector<event::Dispatcher*> dispatchers;
  for (const auto& worker : workers_) dispatchers.push_back(&worker->dispatcher());
  for (const config::Upstream& upstream : snapshot->config.upstreams) {
    std::shared_ptr<upstream::SharedState>& shared = shared_[*upstream.name];
    if (shared == nullptr)
      shared = makeSharedState(upstream, dispatchers);
    else
      shared->configure(upstream);
    plan.upstreams.push_back({shared, names_.endpointsOf(upstream)});
    noteEndpoints(plan.upstreams.size() - 1, plan.upstreams.back().endpoints);
  }
  for (const std::string& key : snapshot->keys)
    plan.sockets.push_back(severalWorkers() ? -1 : std::exchange(sockets_.at(key).fd, -1));
  return plan;
}

void Server::acceptForWorkers() {
  if (!severalWorkers()) return;
  for (size_t i = 0; i < snapshot_->keys.size(); ++i) {
    const std::string& key = snapshot_->keys[i];
    Socket& socket = sockets_.at(key);
    if (socket.fd < 0) continue;
    socket.intake =
        std::make_unique<Intake>(dispatcher_, *limit_, workers_, key,
                                 snapshot_->config.listeners[i], std::exchange(socket.fd, -1));
  }
}

void Server::watchLoops() {
  std::vector<Watchdog::Loop> loops = {{"main", &dispatcher_.activity()}};
  for (size_t i = 0; i < workers_.size(); ++i)
    loops.push_back({fmt::format("worker {}", i), &workers_[i]->dispatcher().activity()});
  watchdog_ = std::make_unique<Watchdog>(clock_, std::move(loops));
}

void Server::beginServing() {
  serving_ = true;
  const Plan plan = planFor(snapshot_);
  for (auto& worker : workers_) worker->start(plan, *limit_);
  acceptForWorkers();
  watchLoops();
  watchFile();
  watchTlsFiles();
  for (const SocketAddress& address : addresses()) LOG_INFO("listening on {}", address.text());
  if (admin_ != nullptr) LOG_INFO("admin on {}", admin_->address().text());
  serviceManager_.ready(watchdog_->activities());
  if (ready_) ready_();
}

// Admin -----------------------------------------------------------------------------------------

// The first of the loops is the main thread's.
void Server::reportLoops(admin::ServerReport& report) {
  const auto add = [&report](event::Dispatcher& loop) {
    const event::LoopStats& stats = loop.stats();
    report.loops.push_back(
        {loop.turns(), stats.messages.value(), stats.turnTime.snapshot(), stats.lag.snapshot()});
  };
  add(dispatcher_);
  for (const auto& worker : workers_) add(worker->dispatcher());
  for (const auto& worker : workers_) report.workerClients.push_back(worker->clients());
  for (size_t i = 0; watchdog_ != nullptr && i <= workers_.size(); ++i)
    report.longTurns.push_back(watchdog_->longTurns(i));
}

// What the main thread knows.
void Server::complete(admin::ServerReport& report) {
  for (const auto& [key, log] : logs_)
    if (const auto open = log.lock()) {
      report.accessLogDropped += open->log->dropped();
      report.memoryFor(admin::MemoryKind::AccessLogs) += open->log->memory();
    }
  for (const auto& [key, socket] : sockets_)
    if (socket.intake != nullptr) report.acceptErrors += socket.intake->acceptErrors();
  report.configGeneration = configGeneration_;
  report.memoryLimit = memory_.limit();
  report.memoryUsed = memory_.used();
  report.eventSubscribers = events_.subscribers();
  report.eventsDropped = events_.dropped();
  report.reloadsApplied = reloadsApplied_;
  report.reloadsRefused = reloadsRefused_;
  reportLoops(report);
  report.logDropped = log::droppedLines();
  report.logSuppressed = log::suppressedLines();
  reportTls(report);
  names_.report(snapshot_->config, report.dns);
  reportProcess(report.process);
  report.process.startTime = std::chrono::duration<double>(bornAt_.time_since_epoch()).count();
  report.uptimeSeconds = std::chrono::duration<double>(clock_.now() - startedAt_).count();
}

void Server::collect(Done done) {
  const auto finish = [this, done = std::move(done)](admin::ServerReport report) {
    complete(report);
    done(report);
  };
  if (!serving_ || stopped_) {
    dispatcher_.post([finish] { finish({}); });
    return;
  }
  struct Sum {
    admin::ServerReport report;
    size_t left;
  };
  const auto sum = std::make_shared<Sum>(Sum{{}, workers_.size()});
  for (const auto& worker : workers_)
    worker->collect([this, finish, sum](admin::ServerReport report) {
      dispatcher_.post([this, finish, sum, report = std::move(report), sent = clock_.now()] {
        dispatcher_.stats().lag.record(clock_.now() - sent);
        sum->report.merge(report);
        if (--sum->left == 0) finish(std::move(sum->report));
      });
    });
}

// The end ---------------------------------------------------------------------------------------

void Server::handleSignals() {
  // A client or log reader that leaves must not end the process.
  std::signal(SIGPIPE, SIG_IGN);
  const auto on = [this](int number, std::function<void()> callback) {
    // What holds again once the event is gone: a signal during the end must not cut it short.
    std::signal(number, SIG_IGN);
    signals_.push_back(
        std::make_unique<event::SignalEvent>(dispatcher_, number, std::move(callback)));
  };
  on(SIGTERM, [this] { onSignal(); });
  on(SIGINT, [this] { onSignal(); });
  on(SIGQUIT, [this] { stopNow(); });
  on(SIGHUP, [this] {
    LOG_INFO("SIGHUP: loading {} anew", snapshot_->config.file);
    reload();
  });
  on(SIGUSR1, [this] { reopenLogs(); });
}

void Server::onSignal() {
  if (draining_) return stopNow();
  drain();
}

void Server::reopenLogs() {
  for (const auto& [key, log] : logs_)
    if (const auto open = log.lock()) open->log->reopen();
}

void Server::drain() {
  if (draining_ || stopped_) return;
  draining_ = true;
  serviceManager_.stopping();
  if (!serving_) return stopNow();
  const Duration delay = *snapshot_->config.drainDelay;
  if (delay == Duration(0)) return stopAccepting();
  LOG_INFO("not ready any more; accepting for drain_delay");
  drainTimer_.setIn(delay);
}

void Server::stopAccepting() {
  LOG_INFO("draining: no new clients, waiting for those in progress");
  const Duration timeout = *snapshot_->config.shutdownTimeout;
  const Duration window = std::min(*snapshot_->config.drainSpread, timeout / 10 * 9);
  shutdownTimer_.setIn(timeout);
  for (auto& [key, socket] : sockets_) socket.intake.reset();
  const auto left = std::make_shared<size_t>(workers_.size());
  for (const auto& worker : workers_)
    worker->drain(window, [this, left] {
      dispatcher_.post([this, left] {
        if (--*left == 0) stopNow();
      });
    });
}

void Server::stopNow() {
  if (stopped_) return;
  stopped_ = true;
  draining_ = true;
  serviceManager_.stopping();
  for (auto& [key, socket] : sockets_) socket.intake.reset();
  for (auto& worker : workers_) worker->stop();
  for (auto& worker : workers_) worker->join();
  events_.stop();
  LOG_INFO("stopped");
  dispatcher_.stop();
}

}  // namespace oxbow::server
