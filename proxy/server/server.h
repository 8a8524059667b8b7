#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/admin/server_view.h"
#include "proxy/base/clock.h"
#include "proxy/base/result.h"
#include "proxy/dns/resolver.h"
#include "proxy/event/dispatcher.h"
#include "proxy/event/function_timer.h"
#include "proxy/log/access_log.h"
#include "proxy/server/worker.h"

namespace oxbow::server {

// A whole oxbow: the main thread's part of it and its worker. Listens, resolves, starts, answers
// the admin pages, drains. Every function on the thread that constructed it, which runs its loop.
class Server final : private admin::ServerView {
 public:
  // REQUIRES: a configuration that the loader accepted.
  explicit Server(config::Config config);
  ~Server() override;
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Opens sockets and logs and begins to serve once names are resolved or failed to. An error
  // leaves nothing running.
  [[nodiscard]] std::optional<std::string> start();

  // Turns the main loop until the server has stopped.
  void run() { dispatcher_.run(); }
  event::Dispatcher& dispatcher() { return dispatcher_; }

  // SIGTERM and SIGINT drain, and stop at once the second time; SIGQUIT stops; SIGUSR1 reopens
  // logs.
  void handleSignals();

  // Stops accepting, lets exchanges finish for shutdown_timeout, then stops.
  void drain();
  void stopNow();
  void reopenLogs();

  // Where it listens, the kernel's choice of port 0 filled in. REQUIRES: started.
  const std::vector<SocketAddress>& addresses() const { return addresses_; }
  const SocketAddress& adminAddress() const { return adminAddress_; }
  // Runs once the workers serve.
  void onReady(std::function<void()> callback) { ready_ = std::move(callback); }

 private:
  struct Admin;

  // ServerView
  void collect(Done done) override;
  bool ready() const override { return serving_ && !draining_; }
  std::optional<std::string> listen();
  std::optional<std::string> openAccessLogs();
  std::optional<std::string> startAdmin();
  void closeSockets();
  void lookUp();
  void onResolved(size_t upstream, size_t server, const dns::Answer& answer);
  void publish(size_t upstream);
  void beginServing();
  void onSignal();

  SystemClock clock_;
  event::Dispatcher dispatcher_;
  std::shared_ptr<const Snapshot> snapshot_;
  const TimePoint startedAt_;
  std::unique_ptr<dns::Resolver> resolver_;
  std::vector<std::unique_ptr<upstream::SharedState>> shared_;
  // What is known of the servers of one upstream.
  struct Lookup {
    std::vector<std::vector<upstream::EndpointSpec>> servers;  // by server; empty: unresolved
    bool published = false;
  };
  std::vector<Lookup> lookups_;  // by upstream
  size_t pendingLookups_ = 0;
  event::FunctionTimer retryLookups_;
  event::FunctionTimer shutdownTimer_;
  std::vector<std::unique_ptr<log::AccessLog>> logs_;
  std::vector<log::AccessLogWriter*> logByListener_;
  std::vector<int> sockets_;
  std::vector<SocketAddress> addresses_;
  SocketAddress adminAddress_;
  std::unique_ptr<Worker> worker_;
  std::unique_ptr<Admin> admin_;
  std::vector<std::unique_ptr<event::SignalEvent>> signals_;
  std::function<void()> ready_;
  bool serving_ = false;
  bool draining_ = false;
  bool stopped_ = false;
};

}  // namespace oxbow::server
