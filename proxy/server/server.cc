#include "proxy/server/server.h"

#include <unistd.h>
#include <csignal>

#include <algorithm>
#include <map>
#include <utility>

#include "proxy/admin/admin_handler.h"
#include "proxy/base/random.h"
#include "proxy/dns/cares_resolver.h"
#include "proxy/log/log.h"
#include "proxy/net/socket.h"

namespace oxbow::server {

namespace {

constexpr Duration kRetryLookups = std::chrono::seconds(5);
constexpr uint32_t kAdminClients = 256;

log::AccessFormat formatOf(config::LogFormat format) {
  return format == config::LogFormat::Json ? log::AccessFormat::Json : log::AccessFormat::Text;
}

config::Listener adminListener(const config::Admin& admin) {
  config::Listener listener;
  listener.listen = admin.listen;
  listener.address = admin.address;
  listener.clientMaxBodySize = config::Located<uint64_t>(64 << 10);
  return listener;
}

}  // namespace

// The admin pages run on the main thread, through the same sessions as everything else.
struct Server::Admin {
  Admin(event::Dispatcher& dispatcher, const config::Admin& admin, int fd, admin::ServerView& view)
      : config(adminListener(admin)),
        worker(dispatcher, randomSeed()),
        parts(worker),
        limit(kAdminClients),
        listener(parts, limit, config, fd, std::make_unique<admin::AdminHandler>(view), 0,
                 nullptr) {}

  const config::Listener config;
  upstream::WorkerContext worker;
  SessionParts parts;
  ClientLimit limit;
  HttpListener listener;
};

Server::Server(config::Config config)
    : dispatcher_(clock_),
      snapshot_(std::make_shared<const Snapshot>(std::move(config))),
      startedAt_(clock_.now()),
      retryLookups_(dispatcher_, [this] { lookUp(); }),
      shutdownTimer_(dispatcher_, [this] {
        LOG_WARN("shutdown_timeout has passed, closing what is left");
        stopNow();
      }) {}

Server::~Server() {
  worker_.reset();
  admin_.reset();
  dispatcher_.turn(false);
  closeSockets();
}

void Server::closeSockets() {
  for (const int fd : sockets_) ::close(fd);
  sockets_.clear();
}

std::optional<std::string> Server::start() {
  const config::Config& config = snapshot_->config;
  if (auto error = openAccessLogs()) return error;
  dns::CaresResolver::Options options;
  for (const auto& address : config.resolver.addresses) options.servers.push_back(*address);
  options.timeout = *config.resolver.timeout;
  auto resolver = dns::CaresResolver::create(dispatcher_, options);
  if (!resolver.ok()) return resolver.error();
  resolver_ = std::move(resolver.value());
  if (auto error = listen()) return error;
  if (auto error = startAdmin()) {
    closeSockets();
    return error;
  }
  for (const config::Upstream& upstream : config.upstreams) {
    shared_.push_back(std::make_unique<upstream::SharedState>(*upstream.maxTotalConns));
    lookups_.emplace_back().servers.resize(upstream.servers.size());
  }
  lookUp();
  if (pendingLookups_ == 0) beginServing();
  return std::nullopt;
}

std::optional<std::string> Server::listen() {
  for (const config::Listener& listener : snapshot_->config.listeners) {
    auto fd = net::listenOn(listener.address, static_cast<int>(*listener.backlog), listener.socket);
    if (!fd.ok()) {
      closeSockets();
      return fd.error();
    }
    sockets_.push_back(fd.value());
    addresses_.push_back(net::localAddress(fd.value()));
  }
  return std::nullopt;
}

std::optional<std::string> Server::openAccessLogs() {
  std::map<std::string, log::AccessLog*> byPath;
  for (const config::Listener& listener : snapshot_->config.listeners) {
    const config::AccessLog& wanted = listener.accessLog;
    if (!*wanted.enabled) {
      logByListener_.push_back(nullptr);
      continue;
    }
    // Listeners that share a file share its writer, unless their formats differ.
    const std::string key =
        *wanted.path + (*wanted.format == config::LogFormat::Json ? "\nj" : "\nt");
    log::AccessLog*& log = byPath[key];
    if (log == nullptr) {
      log::AccessLog::Options options;
      options.path = *wanted.path;
      options.format = formatOf(*wanted.format);
      auto opened = log::AccessLog::open(options);
      if (!opened.ok()) return opened.error();
      log = opened.value().get();
      logs_.push_back(std::move(opened.value()));
    }
    logByListener_.push_back(&log->addWriter());
  }
  return std::nullopt;
}

std::optional<std::string> Server::startAdmin() {
  const config::Admin& admin = snapshot_->config.admin;
  if (!admin.enabled) return std::nullopt;
  auto fd = net::listenOn(admin.address, 128, {});
  if (!fd.ok()) return fd.error();
  adminAddress_ = net::localAddress(fd.value());
  admin::ServerView& view = *this;
  admin_ = std::make_unique<Admin>(dispatcher_, admin, fd.value(), view);
  return std::nullopt;
}

// Names -----------------------------------------------------------------------------------------

void Server::lookUp() {
  const config::Config& config = snapshot_->config;
  for (size_t u = 0; u < config.upstreams.size(); ++u) {
    const auto& servers = config.upstreams[u].servers;
    for (size_t s = 0; s < servers.size() && !lookups_[u].published; ++s) {
      if (!lookups_[u].servers[s].empty()) continue;
      const HostPort target = parseHostPort(*servers[s].address).value();
      ++pendingLookups_;
      if (!target.path.empty()) {
        dns::Answer answer;
        answer.ok = true;
        answer.addresses = {SocketAddress::parse(*servers[s].address).value()};
        // Later, as the resolver answers: serving may begin inside.
        dispatcher_.post([this, u, s, answer] { onResolved(u, s, answer); });
        continue;
      }
      resolver_->resolve(target.host, target.port,
                         [this, u, s](const dns::Answer& answer) { onResolved(u, s, answer); });
    }
  }
}

void Server::onResolved(size_t upstream, size_t server, const dns::Answer& answer) {
  const config::Upstream& config = snapshot_->config.upstreams[upstream];
  const config::Server& from = config.servers[server];
  --pendingLookups_;
  if (!answer.ok)
    LOG_WARN("upstream {}: cannot resolve {}: {}", *config.name, *from.address, answer.error);
  for (const SocketAddress& address : answer.addresses) {
    const uint32_t cap = from.maxConns ? **from.maxConns : *config.maxConns;
    lookups_[upstream].servers[server].push_back({address, *from.address, *from.weight, cap});
  }
  if (serving_ && answer.ok) publish(upstream);
  if (pendingLookups_ > 0) return;
  if (!serving_) return beginServing();
  const bool missing = std::any_of(lookups_.begin(), lookups_.end(),
                                   [](const Lookup& lookup) { return !lookup.published; });
  if (missing) retryLookups_.setIn(kRetryLookups);
}

// An upstream gets its endpoints once: when all of its names are known, or, at the start, when some
// are. Names that do not resolve then are asked for again as long as nothing is known.
void Server::publish(size_t upstream) {
  Lookup& lookup = lookups_[upstream];
  if (lookup.published) return;
  std::vector<upstream::EndpointSpec> endpoints;
  for (const auto& server : lookup.servers)
    for (const upstream::EndpointSpec& spec : server) {
      const bool known = std::any_of(endpoints.begin(), endpoints.end(),
                                     [&spec](const auto& e) { return e.address == spec.address; });
      if (!known) endpoints.push_back(spec);
    }
  if (endpoints.empty()) return;
  lookup.published = true;
  worker_->publish(upstream, std::move(endpoints));
}

void Server::beginServing() {
  serving_ = true;
  Worker::Parts parts{clock_, snapshot_, {}, logByListener_, std::exchange(sockets_, {})};
  for (auto& shared : shared_) parts.shared.push_back(shared.get());
  worker_ = std::make_unique<Worker>(std::move(parts));
  worker_->start();
  bool unresolved = false;
  for (size_t i = 0; i < lookups_.size(); ++i) {
    publish(i);
    unresolved |= !lookups_[i].published;
  }
  if (unresolved) retryLookups_.setIn(kRetryLookups);
  for (const SocketAddress& address : addresses_) LOG_INFO("listening on {}", address.text());
  if (admin_ != nullptr) LOG_INFO("admin on {}", adminAddress_.text());
  if (ready_) ready_();
}

// Admin -----------------------------------------------------------------------------------------

void Server::collect(Done done) {
  const auto finish = [this, done = std::move(done)](admin::ServerReport report) {
    for (const auto& log : logs_) report.accessLogDropped += log->dropped();
    report.logDropped = log::droppedLines();
    report.uptimeSeconds = std::chrono::duration<double>(clock_.now() - startedAt_).count();
    done(report);
  };
  if (worker_ == nullptr || stopped_) {
    dispatcher_.post([finish] { finish({}); });
    return;
  }
  worker_->collect([this, finish](admin::ServerReport report) {
    dispatcher_.post([finish, report = std::move(report)] { finish(report); });
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
  on(SIGUSR1, [this] { reopenLogs(); });
}

void Server::onSignal() {
  if (draining_) return stopNow();
  drain();
}

void Server::reopenLogs() {
  for (const auto& log : logs_) log->reopen();
}

void Server::drain() {
  if (draining_ || stopped_) return;
  draining_ = true;
  LOG_INFO("draining: no new clients, waiting for those in progress");
  if (worker_ == nullptr) return stopNow();
  shutdownTimer_.setIn(*snapshot_->config.shutdownTimeout);
  worker_->drain([this] { dispatcher_.post([this] { stopNow(); }); });
}

void Server::stopNow() {
  if (stopped_) return;
  stopped_ = true;
  draining_ = true;
  if (worker_ != nullptr) worker_->stop();
  LOG_INFO("stopped");
  dispatcher_.stop();
}

}  // namespace oxbow::server
