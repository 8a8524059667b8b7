#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/admin/server_view.h"
#include "proxy/base/clock.h"
#include "proxy/base/result.h"
#include "proxy/event/dispatcher.h"
#include "proxy/event/file_watch.h"
#include "proxy/event/function_timer.h"
#include "proxy/server/admin_site.h"
#include "proxy/server/client_limit.h"
#include "proxy/server/event_feed.h"
#include "proxy/server/names.h"
#include "proxy/server/service_manager.h"
#include "proxy/server/snapshot.h"
#include "proxy/server/tls_contexts.h"
#include "proxy/server/watchdog.h"
#include "proxy/server/worker.h"

namespace oxbow::server {

// A whole oxbow: the main thread's part of it and its workers. Listens, resolves, starts, answers
// the admin pages, loads its configuration anew, drains. Every function on the thread that
// constructed it, which runs its loop.
class Server final : private admin::ServerView {
 public:
  // REQUIRES: a configuration that the loader accepted.
  explicit Server(config::Config config);
  ~Server() override;
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Opens sockets and logs and serves, whether names resolve yet or not. An error
  // leaves nothing running.
  [[nodiscard]] std::optional<std::string> start();

  // Turns the main loop until the server has stopped.
  void run() { dispatcher_.run(); }
  event::Dispatcher& dispatcher() { return dispatcher_; }

  // SIGTERM and SIGINT drain, and stop at once the second time; SIGQUIT stops; SIGHUP loads the
  // configuration anew; SIGUSR1 reopens logs.
  void handleSignals();

  // Who is told of the start, reloads and the end, once connected.
  ServiceManager& serviceManager() { return serviceManager_; }

  // Stops accepting, lets exchanges finish for shutdown_timeout, then stops.
  void drain();
  void stopNow();
  void reopenLogs();

  // Loads the file of the configuration anew and goes by it: exchanges that begin from then on.
  // `done` runs when all workers do, or with the reason why nothing has changed. One at a time: who
  // asks while it runs gets another one behind it.
  void reload(ReloadDone done = {}) override;

  // Where it listens, by listener, the kernel's choice of port 0 filled in. REQUIRES: started.
  std::vector<SocketAddress> addresses() const;
  SocketAddress adminAddress() const;
  // Runs once the workers serve.
  void onReady(std::function<void()> callback) { ready_ = std::move(callback); }

 private:
  // A listening socket. With one worker that has the descriptor; with several there is an intake.
  struct Socket {
    SocketAddress address;
    int fd = -1;  // until somebody has taken it over
    std::unique_ptr<Intake> intake;
  };
  using Sockets = std::map<std::string, Socket>;  // by the listener's key

  // ServerView
  void collect(Done done) override;
  void complete(admin::ServerReport& report);
  void reportLoops(admin::ServerReport& report);
  bool ready() const override { return serving_ && !draining_; }
  void connections(const admin::ConnectionQuery& query, ConnectionsDone done) override;
  const config::Config& config() const override { return snapshot_->config; }
  uint64_t generation() const override { return configGeneration_; }
  config::LogLevel logLevel() const override { return logLevel_; }
  void setLogLevel(config::LogLevel level) override;
  bool subscribe(admin::EventSubscriber& subscriber) override;
  void unsubscribe(admin::EventSubscriber& subscriber) override;

  // One reload, while it runs.
  struct Reloading {
    std::shared_ptr<Snapshot> next;
    Sockets opened;
    bool newAdmin = false;
    std::string adminToken;
    std::unique_ptr<AdminSite> admin;
    admin::ReloadReport report;
    std::vector<ReloadDone> callers;
  };
  void beginReload();
  void prepareReload(config::Config config, TlsContexts contexts);
  void publishReload();
  void failReload(const std::string& reason);
  void endReload();
  void logReload(const admin::ReloadReport& report) const;
  void configureIntakes(const Snapshot& before);
  void applyToWorkers(std::function<void()> done);
  void setClientLimit();
  void stopAccepting();
  void watchFile();
  void replaceAdmin(std::unique_ptr<AdminSite> next);

  std::optional<std::string> listen(const Snapshot& snapshot, Sockets& opened);
  std::optional<std::string> openAccessLogs(Snapshot& snapshot);
  std::optional<std::string> openAccessLog(const config::AccessLog& wanted,
                                           std::shared_ptr<WorkerLog>& log);
  std::optional<std::string> openAdmin(const config::Admin& admin, const std::string& token,
                                       std::unique_ptr<AdminSite>& opened);
  void setAdminAccess(const config::Admin& admin, const std::string& token);
  void makeWorkers(const config::Config& config);
  Plan planFor(const std::shared_ptr<const Snapshot>& snapshot);
  void acceptForWorkers();
  void publishEndpoints();
  void noteEndpoints(size_t upstream, const upstream::EndpointSet& set);
  std::shared_ptr<upstream::SharedState> makeSharedState(
      const config::Upstream& config, const std::vector<event::Dispatcher*>& workers);
  void watchLoops();
  void beginServing();
  void onSignal();
  bool severalWorkers() const { return workers_.size() > 1; }

  // TLS
  std::optional<std::string> loadToken(const config::Config& config, std::string& token) const;
  std::optional<std::string> loadTls(const config::Config& config, TlsContexts& contexts);
  void watchTlsFiles();
  void reloadTls();
  void reportTls(admin::ServerReport& report) const;

  config::Config first_;  // until it is started
  SystemClock clock_;
  event::Dispatcher dispatcher_;
  std::shared_ptr<const Snapshot> snapshot_;
  const TimePoint startedAt_;
  const WallTime bornAt_;
  Names names_;
  event::FunctionTimer drainTimer_;
  event::FunctionTimer shutdownTimer_;
  config::LogLevel logLevel_ = config::LogLevel::Info;  // of now
  pool::LifecyclePlaces places_;
  EventFeed events_{dispatcher_, clock_, places_};
  std::map<std::string, std::weak_ptr<WorkerLog>> logs_;  // by what tells them apart
  std::map<std::string, std::shared_ptr<upstream::SharedState>> shared_;  // by upstream
  std::map<std::string, upstream::EndpointSet> published_;                // by upstream
  MemoryAccount memory_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<ClientLimit> limit_;
  std::unique_ptr<Watchdog> watchdog_;  // goes before the loops that it looks at
  ServiceManager serviceManager_{dispatcher_};
  Sockets sockets_;
  std::unique_ptr<event::FileWatch> fileWatch_;
  TlsLoader tlsLoader_{clock_};
  std::unique_ptr<event::FileWatch> tlsWatch_;
  std::vector<std::string> tlsFiles_;  // that it watches
  bool tlsReloadWanted_ = false;       // behind the reload that is under way
  uint64_t tlsReloadsApplied_ = 0;
  uint64_t tlsReloadsRefused_ = 0;
  std::unique_ptr<AdminSite> admin_;
  std::vector<std::unique_ptr<AdminSite>> leavingAdmins_;  // their last answers are on their way
  std::unique_ptr<Reloading> reloading_;
  std::vector<ReloadDone> reloadCallers_;  // of the next one
  bool reloadWanted_ = false;
  uint64_t configGeneration_ = 1;
  uint64_t reloadsApplied_ = 0;
  uint64_t reloadsRefused_ = 0;
  std::vector<std::unique_ptr<event::SignalEvent>> signals_;
  std::function<void()> ready_;
  bool serving_ = false;
  bool draining_ = false;
  bool stopped_ = false;
};

}  // namespace oxbow::server
