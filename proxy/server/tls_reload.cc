// Certificates, keys and the like: loaded with the configuration, and anew when their files change.

#include <fmt/format.h>

#include <utility>

#include "proxy/log/log.h"
#include "proxy/server/server.h"

namespace oxbow::server {

namespace {

std::string textOf(const std::vector<config::Problem>& problems, const std::string& file) {
  std::string text;
  for (const config::Problem& problem : problems) {
    if (!text.empty()) text += '\n';
    text += config::format(problem, file);
  }
  return text;
}

}  // namespace

std::optional<std::string> Server::loadTls(const config::Config& config, TlsContexts& contexts) {
  TlsProblems problems;
  contexts = tlsLoader_.load(config, listenerKeys(config), problems);
  for (const config::Problem& warning : problems.warnings)
    LOG_WARN("{}", config::format(warning, config.file));
  if (problems.errors.empty()) {
    tlsLoader_.keep(listenerKeys(config));
    return std::nullopt;
  }
  return textOf(problems.errors, config.file);
}

// One watch for all of them: of inotify's instances there are few.
void Server::watchTlsFiles() {
  std::vector<std::string> files = snapshot_->tls.files();
  if (files == tlsFiles_) return;
  tlsWatch_.reset();
  tlsFiles_ = std::move(files);
  if (tlsFiles_.empty()) return;
  auto watch = event::FileWatch::open(dispatcher_, tlsFiles_, [this] {
    // Not inside the callback of a watch that this may end.
    dispatcher_.post([this] { reloadTls(); });
  });
  if (watch.ok())
    tlsWatch_ = std::move(watch.value());
  else
    LOG_ERROR("{}; certificates are loaded anew with the configuration only", watch.error());
}

// Each listener and each upstream by itself: what cannot be used leaves the old one in place, and
// holds nobody else up.
void Server::reloadTls() {
  if (!serving_ || draining_ || stopped_) return;
  if (reloading_ != nullptr) {
    tlsReloadWanted_ = true;
    return;
  }
  TlsContexts contexts = snapshot_->tls;
  TlsProblems problems;
  const std::string& file = snapshot_->config.file;
  const bool isNew = tlsLoader_.reload(snapshot_->config, snapshot_->keys, contexts, problems);
  for (const config::Problem& warning : problems.warnings)
    LOG_WARN("{}", config::format(warning, file));
  for (const config::Problem& error : problems.errors)
    LOG_ERROR("{}; what was loaded before stays", config::format(error, file));
  if (!problems.errors.empty()) ++tlsReloadsRefused_;
  if (!isNew) return;
  ++tlsReloadsApplied_;
  LOG_INFO("files of tls have changed and were loaded");
  auto next = std::make_shared<Snapshot>(snapshot_->config, std::move(contexts));
  next->logs = snapshot_->logs;
  const std::shared_ptr<const Snapshot> before = std::exchange(snapshot_, std::move(next));
  configureIntakes(*before);
  applyToWorkers([before] {});
}

void Server::reportTls(admin::ServerReport& report) const {
  report.tlsReloads = tlsReloadsApplied_;
  report.tlsReloadsRefused = tlsReloadsRefused_;
  const WallTime now = clock_.wall();
  for (size_t i = 0; i < snapshot_->tls.servers.size(); ++i) {
    if (snapshot_->tls.servers[i] == nullptr) continue;
    for (const tls::CertificateInfo& info : snapshot_->tls.servers[i]->certificates())
      report.certificates.push_back({*snapshot_->config.listeners[i].listen, info.file,
                                     info.subject, info.names,
                                     std::chrono::duration<double>(info.notAfter - now).count()});
  }
}

}  // namespace oxbow::server
