#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "proxy/admin/server_view.h"
#include "proxy/net/acceptor.h"
#include "proxy/session/http1_session.h"
#include "proxy/upstream/worker_context.h"

namespace oxbow::server {

class HttpListener;

// How many clients one worker serves at once, over all its listeners. At the limit accepting stops
// (the kernel's backlog, bounded too, takes what comes) and goes on when somebody leaves.
class ClientLimit {
 public:
  explicit ClientLimit(uint32_t limit) : limit_(limit) {}

  bool full() const { return open_ >= limit_; }
  void opened() { ++open_; }
  void closed();
  // Resumed when there is room again.
  void await(HttpListener& listener);
  void forget(HttpListener& listener);

 private:
  const uint32_t limit_;
  uint32_t open_ = 0;
  std::vector<HttpListener*> waiting_;
};

// The memory that all sessions of one thread share.
struct SessionParts {
  explicit SessionParts(upstream::WorkerContext& w)
      : worker(w), scratch(std::make_unique<char[]>(kScratch)), batch(scratch.get(), kScratch) {}

  static constexpr size_t kScratch = 64 << 10;
  upstream::WorkerContext& worker;
  ObjectPool<session::ExchangeState> states;
  std::unique_ptr<char[]> scratch;
  session::OutputBatch batch;
};

// One listening socket and its sessions on one thread: of the proxy, of the admin pages or of the
// embedded origin, as the handler decides.
class HttpListener final : private net::AcceptHandler, private session::SessionOwner {
 public:
  // Takes over `fd`. Everything referred to outlives the listener; `log` may be null.
  HttpListener(SessionParts& parts, ClientLimit& limit, const config::Listener& config, int fd,
               std::unique_ptr<session::ExchangeHandler> handler, size_t editBytes,
               log::AccessLogWriter* log);
  ~HttpListener();

  // Takes no new clients, closes idle ones and says close to the others. `done` runs when the last
  // one has left, possibly inside this call.
  void drain(std::function<void()> done);
  // Ends every session now.
  void shutdown();

  void resumeAccepting();
  size_t sessions() const { return sessions_.size(); }
  void report(admin::ListenerReport& report) const;
  uint64_t acceptErrors() const { return acceptErrors_; }

 private:
  void onAccept(int fd, const SocketAddress& peer) override;
  void onAcceptError(int error) override;
  void onSessionClosed(session::Http1Session& session) override;

  SessionParts& parts_;
  ClientLimit& limit_;
  const config::Listener& config_;
  std::unique_ptr<session::ExchangeHandler> handler_;
  session::SessionStats stats_;
  session::SessionEnvironment environment_;
  std::unique_ptr<net::Acceptor> acceptor_;
  IntrusiveList<session::Http1Session, session::SessionTag> sessions_;
  std::function<void()> drained_;
  uint64_t acceptErrors_ = 0;
};

}  // namespace oxbow::server
