#include "proxy/server/http_listener.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "proxy/log/log.h"
#include "proxy/net/plain_transport.h"

namespace oxbow::server {

void ClientLimit::closed() {
  --open_;
  while (!full() && !waiting_.empty()) {
    HttpListener* listener = waiting_.back();
    waiting_.pop_back();
    listener->resumeAccepting();
  }
}

void ClientLimit::await(HttpListener& listener) { waiting_.push_back(&listener); }

void ClientLimit::forget(HttpListener& listener) {
  waiting_.erase(std::remove(waiting_.begin(), waiting_.end(), &listener), waiting_.end());
}

HttpListener::HttpListener(SessionParts& parts, ClientLimit& limit, const config::Listener& config,
                           int fd, std::unique_ptr<session::ExchangeHandler> handler,
                           size_t editBytes, log::AccessLogWriter* log)
    : parts_(parts),
      limit_(limit),
      config_(config),
      handler_(std::move(handler)),
      environment_{parts.worker, config, *handler_, *this,           stats_, parts.batch,
                   parts.states, log,    {},        512 + editBytes, false} {
  environment_.limits.fieldBytes = static_cast<uint32_t>(*config.largeClientHeaderBuffers);
  environment_.limits.fieldCount = static_cast<uint16_t>(*config.maxHeaders);
  environment_.limits.keepUnderscores = *config.underscoresInHeaders;
  net::AcceptHandler& self = *this;
  acceptor_ = std::make_unique<net::Acceptor>(parts.worker.dispatcher, fd, self);
}

HttpListener::~HttpListener() {
  acceptor_.reset();
  limit_.forget(*this);
  shutdown();
}

void HttpListener::onAccept(int fd, const SocketAddress& peer) {
  stats_.accepted.add();
  auto session = std::make_unique<session::Http1Session>(
      environment_, std::make_unique<net::PlainTransport>(fd), peer);
  if (!session->start()) return;
  sessions_.pushFront(*session.release());
  stats_.open.set(static_cast<int64_t>(sessions_.size()));
  limit_.opened();
  if (!limit_.full() || acceptor_ == nullptr) return;
  LOG_WARN("{}: worker_connections are all taken, accepting pauses", *config_.listen);
  acceptor_->pause();
  limit_.await(*this);
}

void HttpListener::resumeAccepting() {
  if (acceptor_ != nullptr) acceptor_->resume();
}

void HttpListener::onAcceptError(int error) {
  ++acceptErrors_;
  LOG_ERROR("{}: cannot accept: {}; trying again", *config_.listen, std::strerror(error));
}

void HttpListener::onSessionClosed(session::Http1Session& session) {
  sessions_.remove(session);
  stats_.open.set(static_cast<int64_t>(sessions_.size()));
  parts_.worker.dispatcher.deferDelete(std::unique_ptr<event::Deferred>(&session));
  limit_.closed();
  if (sessions_.empty() && drained_) std::exchange(drained_, nullptr)();
}

void HttpListener::drain(std::function<void()> done) {
  environment_.draining = true;
  acceptor_.reset();
  limit_.forget(*this);
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

void HttpListener::report(admin::ListenerReport& report) const {
  report.address = *config_.listen;
  report.accepted = stats_.accepted.value();
  report.open = sessions_.size();
  report.requests = stats_.requests.value();
  report.underscoreNames = stats_.underscoreNames.value();
  const auto copy = [](auto& to, const auto& from) {
    for (size_t i = 0; i < to.size(); ++i) to[i] = from[i].value();
  };
  copy(report.byClass, stats_.byClass);
  copy(report.ended, stats_.ended);
  copy(report.errors, stats_.errors);
}

}  // namespace oxbow::server
