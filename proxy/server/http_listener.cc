#include "proxy/server/http_listener.h"

#include <unistd.h>

#include <cstring>
#include <utility>

#include "proxy/log/log.h"
#include "proxy/net/plain_transport.h"
#include "proxy/tls/tls_transport.h"

namespace oxbow::server {

HttpListener::HttpListener(SessionParts& parts, ClientLimit& limit,
                           const session::ListenerView& view, int fd)
    : parts_(parts), limit_(limit), environment_{parts.worker, &view,        *this, stats_,
                                                 parts.batch,  parts.states, false} {
  view.pins.pin();
  if (fd < 0) return;
  net::AcceptHandler& self = *this;
  acceptor_ = std::make_unique<net::Acceptor>(parts.worker.dispatcher, fd, self);
}

HttpListener::~HttpListener() {
  stopAccepting();
  shutdown();
  environment_.view->pins.unpin();
}

void HttpListener::configure(const session::ListenerView& view) {
  const session::ListenerView& before = *environment_.view;
  view.pins.pin();
  environment_.view = &view;
  if (acceptor_ != nullptr) acceptor_->configure(before.config, view.config);
  before.pins.unpin();
}

// Where another thread accepts, the limit's list of who waits is that thread's.
void HttpListener::stopAccepting() {
  if (acceptor_ == nullptr) return;
  acceptor_.reset();
  limit_.forget(*this);
}

void HttpListener::onAccept(int fd, const SocketAddress& peer) {
  limit_.opened();
  parts_.clients.fetch_add(1, std::memory_order_relaxed);
  adopt(fd, peer);
  if (!limit_.full() || acceptor_ == nullptr) return;
  LOG_WARN("{}: worker_connections are all taken, accepting pauses",
           *environment_.view->config.listen);
  acceptor_->pause();
  limit_.await(*this);
}

// Null when there is no memory for TLS; then the descriptor is closed.
std::unique_ptr<net::Transport> HttpListener::transportOver(int fd) const {
  const std::shared_ptr<const tls::ServerContext>& context = environment_.view->tls;
  if (context == nullptr) return std::make_unique<net::PlainTransport>(fd);
  tls::SslPtr ssl = context->accept();
  if (ssl != nullptr) return std::make_unique<tls::TlsTransport>(fd, std::move(ssl), context);
  ::close(fd);
  return nullptr;
}

session::Admission HttpListener::admissionOf(const SocketAddress& peer) {
  const config::Listener& config = environment_.view->config;
  if (!isAllowed(config.access, peer)) return session::Admission::Denied;
  if (*config.limitConn == 0 || peer.isUnix()) return session::Admission::Granted;
  char ip[48];
  const std::string_view text(ip, peer.writeIp(ip));
  return limit_.addresses().tryEnter(config.address.text(), text, *config.limitConn)
             ? session::Admission::Counted
             : session::Admission::TooMany;
}

void HttpListener::forget(const session::Http1Session& session) {
  if (session.admission() == session::Admission::Counted)
    limit_.addresses().leave(environment_.view->config.address.text(), session.clientIp());
}

void HttpListener::adopt(int fd, const SocketAddress& peer) {
  stats_.accepted.add();
  std::unique_ptr<session::Http1Session> session;
  if (auto transport = transportOver(fd))
    session = std::make_unique<session::Http1Session>(environment_, std::move(transport), peer,
                                                      admissionOf(peer));
  if (session == nullptr || !session->start()) {
    if (session != nullptr) forget(*session);
    parts_.clients.fetch_sub(1, std::memory_order_relaxed);
    return limit_.closed();
  }
  sessions_.pushFront(*session.release());
  stats_.open.set(static_cast<int64_t>(sessions_.size()));
}

void HttpListener::resumeAccepting() {
  if (acceptor_ != nullptr) acceptor_->resume();
}

void HttpListener::onAcceptError(int error) {
  ++acceptErrors_;
  LOG_ERROR("{}: cannot accept: {}; trying again", *environment_.view->config.listen,
            std::strerror(error));
}

void HttpListener::onSessionClosed(session::Http1Session& session) {
  sessions_.remove(session);
  forget(session);
  stats_.open.set(static_cast<int64_t>(sessions_.size()));
  parts_.worker.dispatcher.deferDelete(std::unique_ptr<event::Deferred>(&session));
  parts_.clients.fetch_sub(1, std::memory_order_relaxed);
  limit_.closed();
  if (sessions_.empty() && drained_) std::exchange(drained_, nullptr)();
}

void HttpListener::drain(Duration window, std::function<void()> done) {
  environment_.draining = true;
  environment_.idleUntil = parts_.worker.dispatcher.now() + window;
  if (acceptor_ != nullptr) acceptor_->acceptAll();
  stopAccepting();
  session::Http1Session* session = sessions_.front();
  while (session != nullptr) {
    session::Http1Session* next = sessions_.next(*session);
    session->leaveIfIdle();
    session = next;
  }
  if (sessions_.empty()) return done();
  drained_ = std::move(done);
}

void HttpListener::shutdown() {
  drained_ = nullptr;
  while (session::Http1Session* session = sessions_.front()) session->shutdown();
}

size_t HttpListener::shedIdle(size_t most) {
  size_t shed = 0;
  for (auto* session = sessions_.back(); session != nullptr && shed < most;) {
    session::Http1Session* next = sessions_.prev(*session);
    if (session->shedIfIdle()) ++shed;
    session = next;
  }
  return shed;
}

void HttpListener::dropRetired() {
  for (auto* session = sessions_.front(); session != nullptr; session = sessions_.next(*session))
    session->dropRetired();
}

size_t HttpListener::memory() const {
  const bool isPlain = environment_.view->tls == nullptr;
  return sessions_.size() * (sizeof(session::Http1Session) +
                             (isPlain ? sizeof(net::PlainTransport) : sizeof(tls::TlsTransport)));
}

void HttpListener::report(admin::ListenerReport& report) const {
  report.address = *environment_.view->config.listen;
  report.accepted = stats_.accepted.value();
  report.open = sessions_.size();
  report.requests = stats_.requests.value();
  report.bytesIn = stats_.bytesIn.value();
  report.bytesOut = stats_.bytesOut.value();
  report.firstByteTime = stats_.firstByteTime.snapshot();
  report.underscoreNames = stats_.underscoreNames.value();
  const auto copy = [](auto& to, const auto& from) {
    for (size_t i = 0; i < to.size(); ++i) to[i] = from[i].value();
  };
  copy(report.byClass, stats_.byClass);
  copy(report.ended, stats_.ended);
  copy(report.errors, stats_.errors);
  report.tls = environment_.view->tls != nullptr;
  report.handshakesFull = stats_.tls.full.value();
  report.handshakesResumed = stats_.tls.resumed.value();
  report.handshakesFailed = stats_.tls.failed.value();
  report.handshakeTime = stats_.tls.time.snapshot();
}

}  // namespace oxbow::server
