#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "proxy/admin/server_view.h"
#include "proxy/net/acceptor.h"
#include "proxy/server/client_limit.h"
#include "proxy/server/lowest_ids.h"
#include "proxy/session/http1_session.h"
#include "proxy/upstream/worker_context.h"

namespace oxbow::server {

// What all sessions of one thread share.
struct SessionParts {
  explicit SessionParts(upstream::WorkerContext& w)
      : worker(w), scratch(std::make_unique<char[]>(kScratch)), batch(scratch.get(), kScratch) {}

  static constexpr size_t kScratch = 64 << 10;
  upstream::WorkerContext& worker;
  ObjectPool<session::ExchangeState> states;
  std::unique_ptr<char[]> scratch;
  session::OutputBatch batch;
  // Clients on this thread, those on their way to it included. Added by who accepts.
  std::atomic<uint32_t> clients{0};
};

// One listening socket and its sessions on one thread: of the proxy, of the admin pages or of the
// embedded origin, as the handler decides. With several workers another thread accepts, and hands
// the connections over.
class HttpListener final : private net::AcceptHandler,
                           private session::SessionOwner,
                           private LimitWaiter {
 public:
  // Takes over `fd`; -1: somebody else accepts. The parts and the limit outlive the listener; the
  // view is pinned.
  HttpListener(SessionParts& parts, ClientLimit& limit, const session::ListenerView& view, int fd);
  ~HttpListener();

  // What exchanges that begin from now on go by. Sessions stay, and so does the socket.
  void configure(const session::ListenerView& view);
  // A client that was accepted elsewhere, and counted there.
  void adopt(int fd, const SocketAddress& peer);

  // Takes those that the kernel has accepted already, and no new clients; says close to all, and
  // closes idle ones at moments spread over `window`. `done` runs when the last one has left,
  // possibly inside this call.
  void drain(Duration window, std::function<void()> done);
  // Closes up to `most` idle clients, the oldest first; returns how many.
  size_t shedIdle(size_t most);
  // Ends every session now.
  void shutdown();
  // Sessions give up connections of their own to servers that have left the configuration.
  void dropRetired();

  bool speaksTls() const { return environment_.view->tls != nullptr; }
  size_t sessions() const { return sessions_.size(); }
  void report(admin::ListenerReport& report) const;
  // A client of this listener, to be chosen for a page.
  struct Client {
    session::Http1Session* session;
    HttpListener* listener;
  };
  using Clients = LowestIds<Client>;
  // Offers its clients; with `upstream` those with an exchange on that one.
  void offer(Clients& clients, const std::string& upstream);
  admin::ClientReport reportOf(const session::Http1Session& session, TimePoint now) const;
  uint64_t acceptErrors() const { return acceptErrors_; }
  // What its sessions take, without their buffers and what OpenSSL has of them.
  size_t memory() const;

 private:
  std::unique_ptr<net::Transport> transportOver(int fd) const;
  session::Admission admissionOf(const SocketAddress& peer);
  void forget(const session::Http1Session& session);
  void stopAccepting();
  void onAccept(int fd, const SocketAddress& peer) override;
  void onAcceptError(int error) override;
  void onSessionClosed(session::Http1Session& session) override;
  void resumeAccepting() override;

  SessionParts& parts_;
  ClientLimit& limit_;
  session::SessionStats stats_;
  session::SessionEnvironment environment_;
  std::unique_ptr<net::Acceptor> acceptor_;
  IntrusiveList<session::Http1Session, session::SessionTag> sessions_;
  std::function<void()> drained_;
  uint64_t acceptErrors_ = 0;
};

}  // namespace oxbow::server
