#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "proxy/admin/server_view.h"
#include "proxy/event/pulse.h"
#include "proxy/server/generation.h"
#include "proxy/server/http_listener.h"
#include "proxy/server/intake.h"
#include "proxy/server/memory_guard.h"

namespace oxbow::server {

// One thread with its event loop, its listeners' sessions and its pools. Public functions are for
// the main thread.
class Worker final : private MemoryGuard::Owner {
 public:
  struct Parts {
    size_t number = 0;
    size_t of = 1;  // workers in all
    const Clock& clock;
    event::Dispatcher& main;
    MemoryAccount& memory;
    pool::LifecyclePlaces& places;
  };
  explicit Worker(const Parts& parts);
  // Stops the thread if it still runs.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Starts the thread; it serves as soon as it runs. The limit outlives the worker.
  void start(Plan plan, ClientLimit& limit);

  // Goes by another snapshot: exchanges that begin from now on. What did not change is not touched.
  // `done` runs on the worker's thread.
  void apply(Plan plan, std::function<void()> done);

  // Other endpoints of the upstream of that name, if it has one.
  void setEndpoints(const std::string& upstream, upstream::EndpointSet endpoints);

  // Clients that were accepted for the listener of that key.
  void adopt(const std::string& key, std::vector<Accepted> clients);
  // How many it has, those on their way to it included.
  uint32_t clients() const { return sessionParts_->clients.load(std::memory_order_relaxed); }
  void addClient() { sessionParts_->clients.fetch_add(1, std::memory_order_relaxed); }

  // `done` runs on the worker's thread with what it counted.
  void collect(std::function<void(admin::ServerReport)> done);

  // `done` runs on the worker's thread with one page's worth of what it has, and with one more if
  // there is more.
  void connections(const admin::ConnectionQuery& query,
                   std::function<void(admin::ConnectionPage)> done);
  // Events of its pools, for the main thread.
  pool::LifecycleRing& lifecycle() { return context_->lifecycle; }

  // Begins to drain, idle clients within `window`; `done` runs on the worker's thread when the last
  // client has left.
  void drain(Duration window, std::function<void()> done);

  // Ends every session and the thread, in this order; join() waits for it.
  void stop();
  void join();

  event::Dispatcher& dispatcher() { return *dispatcher_; }

 private:
  void run(const Plan& plan);
  void goBy(const Plan& plan);
  void arrangeListeners(const Plan& plan);
  void retire(std::unique_ptr<HttpListener> listener);
  void teardown();
  uint64_t objectBytes() override;
  uint64_t clientBytes() const;
  uint64_t connectionBytes() const;
  uint64_t exchangeBytes() const;
  size_t shedIdle(size_t most) override;
  admin::ServerReport report();
  admin::ConnectionPage page(const admin::ConnectionQuery& query);
  void reportMemory(admin::ServerReport& report) const;
  void noteRecent();

  const Parts parts_;
  std::unique_ptr<event::Dispatcher> dispatcher_;
  std::unique_ptr<upstream::WorkerContext> context_;
  std::unique_ptr<SessionParts> sessionParts_;
  ClientLimit* limit_ = nullptr;
  Generation* generation_ = nullptr;                                // the current one; pinned
  std::map<std::string, std::unique_ptr<HttpListener>> listeners_;  // by key
  std::vector<std::unique_ptr<HttpListener>> leaving_;              // their last sessions finish
  MemoryGuard memory_;
  std::unique_ptr<event::Pulse> pulse_;  // of the times of the last minute
  std::thread thread_;
};

}  // namespace oxbow::server
