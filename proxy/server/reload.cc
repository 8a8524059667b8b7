// Loading the configuration anew. What did not change keeps its sockets, its pools and what they
// have learned; a file that is wrong, or that cannot be put into effect, changes nothing.

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "proxy/config/loader.h"
#include "proxy/config/warnings.h"
#include "proxy/log/log.h"
#include "proxy/server/admin_token.h"
#include "proxy/server/descriptors.h"
#include "proxy/server/server.h"

namespace oxbow::server {

void Server::reload(ReloadDone done) {
  if (done) reloadCallers_.push_back(std::move(done));
  reloadWanted_ = true;
  if (reloading_ == nullptr) beginReload();
}

// What is asked for while it runs may speak of a newer file: that is another reload.
void Server::beginReload() {
  reloadWanted_ = false;
  reloading_ = std::make_unique<Reloading>();
  reloading_->callers = std::exchange(reloadCallers_, {});
  serviceManager_.reloading();
  if (!serving_ || draining_) return failReload("the server is starting or draining");
  config::LoadResult loaded = config::loadFile(snapshot_->config.file);
  if (!loaded.config) {
    reloading_->report.problems = std::move(loaded.problems);
    return failReload("the file is wrong");
  }
  for (const config::Problem& warning : config::warnings(*loaded.config))
    LOG_WARN("{}", config::format(warning, loaded.config->file));
  reloading_->report.changes = config::diff(snapshot_->config, *loaded.config);
  TlsProblems problems;
  TlsContexts contexts = tlsLoader_.load(*loaded.config, listenerKeys(*loaded.config), problems);
  for (const config::Problem& warning : problems.warnings)
    LOG_WARN("{}", config::format(warning, loaded.config->file));
  if (!problems.errors.empty()) {
    reloading_->report.problems = std::move(problems.errors);
    return failReload("a file of tls cannot be used");
  }
  TlsProblems ofToken;
  reloading_->adminToken = loadAdminToken(*loaded.config, ofToken);
  for (const config::Problem& warning : ofToken.warnings)
    LOG_WARN("{}", config::format(warning, loaded.config->file));
  if (!ofToken.errors.empty()) {
    reloading_->report.problems = std::move(ofToken.errors);
    return failReload("the token of admin cannot be used");
  }
  // What certificates and keys say may have changed where the configuration has not.
  if (reloading_->report.changes.empty() && contexts.isSameAs(snapshot_->tls)) {
    setAdminAccess(snapshot_->config.admin, reloading_->adminToken);
    reloading_->report.applied = true;
    return endReload();
  }
  prepareReload(std::move(*loaded.config), std::move(contexts));
}

// Opens what is new. All of it, or nothing.
void Server::prepareReload(config::Config config, TlsContexts contexts) {
  Reloading& reload = *reloading_;
  reload.next = std::make_shared<Snapshot>(std::move(config), std::move(contexts));
  const config::Config& next = reload.next->config;
  if (auto error = openAccessLogs(*reload.next)) return failReload(*error);
  if (auto error = listen(*reload.next, reload.opened)) return failReload(*error);
  const config::Admin& before = snapshot_->config.admin;
  reload.newAdmin = next.admin.enabled != before.enabled || next.admin.address != before.address;
  auto error =
      reload.newAdmin ? openAdmin(next.admin, reload.adminToken, reload.admin) : std::nullopt;
  if (!error) error = names_.setResolver(next);
  if (error) return failReload(*error);
  names_.prepare(next, [this] { publishReload(); });
}

void Server::publishReload() {
  Reloading& reload = *reloading_;
  if (draining_) return failReload("the server is draining");
  const std::shared_ptr<const Snapshot> before = std::exchange(snapshot_, reload.next);
  names_.usePrepared();
  const std::vector<std::string>& keys = snapshot_->keys;
  // Before the workers hear of it: what was accepted for these is still on its way to them.
  std::erase_if(sockets_, [&keys](const auto& entry) {
    return std::find(keys.begin(), keys.end(), entry.first) == keys.end();
  });
  sockets_.merge(reload.opened);
  configureIntakes(*before);
  const auto isGone = [this](const auto& entry) {
    const auto& upstreams = snapshot_->config.upstreams;
    return std::none_of(upstreams.begin(), upstreams.end(),
                        [&](const auto& upstream) { return *upstream.name == entry.first; });
  };
  std::erase_if(shared_, isGone);
  std::erase_if(published_, isGone);
  if (before->config.logLevel != snapshot_->config.logLevel)
    setLogLevel(*snapshot_->config.logLevel);
  setClientLimit();
  memory_.setLimit(*snapshot_->config.memoryLimit);
  watchFile();
  watchTlsFiles();
  tlsLoader_.keep(keys);
  if (reload.newAdmin)
    replaceAdmin(std::move(reload.admin));
  else
    setAdminAccess(snapshot_->config.admin, reload.adminToken);
  applyToWorkers([this] {
    ++configGeneration_;
    reloading_->report.applied = true;
    endReload();
  });
  acceptForWorkers();
}

void Server::configureIntakes(const Snapshot& before) {
  for (size_t i = 0; i < before.keys.size(); ++i) {
    const auto socket = sockets_.find(before.keys[i]);
    if (socket == sockets_.end() || socket->second.intake == nullptr) continue;
    const auto now = std::find(snapshot_->keys.begin(), snapshot_->keys.end(), before.keys[i]);
    const auto index = static_cast<size_t>(now - snapshot_->keys.begin());
    socket->second.intake->configure(before.config.listeners[i],
                                     snapshot_->config.listeners[index]);
  }
}

// `done` runs when every worker goes by the current snapshot.
void Server::applyToWorkers(std::function<void()> done) {
  const Plan plan = planFor(snapshot_);
  const auto left = std::make_shared<size_t>(workers_.size());
  for (const auto& worker : workers_)
    worker->apply(plan, [this, left, done] {
      dispatcher_.post([left, done] {
        if (--*left == 0) done();
      });
    });
}

void Server::watchFile() {
  if (!*snapshot_->config.watch) return fileWatch_.reset();
  if (fileWatch_ != nullptr) return;
  const std::string& file = snapshot_->config.file;
  auto watch = event::FileWatch::open(dispatcher_, file, [this] {
    // Not inside the callback of a watch that a reload may end.
    dispatcher_.post([this] {
      LOG_INFO("{} has changed: loading it anew", snapshot_->config.file);
      reload();
    });
  });
  if (watch.ok())
    fileWatch_ = std::move(watch.value());
  else
    LOG_ERROR("cannot watch {}: {}", file, watch.error());
}

void Server::setClientLimit() {
  const uint32_t limit = clientsAtOnce(snapshot_->config);
  if (severalWorkers()) return limit_->setLimit(limit);
  workers_[0]->dispatcher().post([this, limit] { limit_->setLimit(limit); });
}

// The answer to the reload itself may still be on its way over the old one.
void Server::replaceAdmin(std::unique_ptr<AdminSite> next) {
  AdminSite* old = admin_.get();
  if (old != nullptr) leavingAdmins_.push_back(std::move(admin_));
  admin_ = std::move(next);
  if (admin_ != nullptr) LOG_INFO("admin on {}", admin_->address().text());
  if (old == nullptr) return;
  old->drain([this, old] {
    dispatcher_.post([this, old] {
      std::erase_if(leavingAdmins_, [old](const auto& site) { return site.get() == old; });
    });
  });
}

void Server::failReload(const std::string& reason) {
  for (const auto& [key, socket] : reloading_->opened)
    if (socket.fd >= 0) ::close(socket.fd);
  reloading_->report.error = reason;
  endReload();
}

void Server::endReload() {
  const std::unique_ptr<Reloading> ended = std::move(reloading_);
  admin::ReloadReport& report = ended->report;
  report.file = snapshot_->config.file;
  report.generation = configGeneration_;
  ++(report.applied ? reloadsApplied_ : reloadsRefused_);
  logReload(report);
  serviceManager_.reloaded(report.applied);
  for (const ReloadDone& done : ended->callers) done(report);
  if (reloadWanted_) return beginReload();
  if (std::exchange(tlsReloadWanted_, false)) reloadTls();
}

void Server::logReload(const admin::ReloadReport& report) const {
  for (const config::Problem& problem : report.problems)
    LOG_ERROR("{}", config::format(problem, report.file));
  if (!report.applied) {
    LOG_ERROR("{} was not loaded, nothing has changed: {}", report.file, report.error);
    return;
  }
  for (const config::Change& change : report.changes) LOG_INFO("{}", config::format(change));
  LOG_INFO("{} loaded: {}", report.file, config::summaryOf(report.changes));
}

}  // namespace oxbow::server
