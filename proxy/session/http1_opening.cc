// The TLS handshake of Http1Session, and what it means for requests.

#include <sys/socket.h>

#include "proxy/log/log.h"
#include "proxy/session/http1_session.h"

namespace oxbow::session {

namespace {

// To a client that speaks HTTP where TLS is spoken: nothing else would tell its user why.
constexpr std::string_view kSpeakTls =
    "HTTP/1.1 400 Bad Request\r\n"
    "Content-Type: text/plain\r\n"
    "Content-Length: 57\r\n"
    "Connection: close\r\n"
    "\r\n"
    "400 Bad Request: a plain HTTP request came to a TLS port\n";

constexpr size_t lengthOfBody(std::string_view message) {
  return message.size() - message.find("\r\n\r\n") - 4;
}
static_assert(lengthOfBody(kSpeakTls) == 57);

constexpr Error kMisdirected{ErrorCode::HttpRequestError, Side::Client, Retry::Never, 421,
                             "the host asks for another verification of clients than the name of "
                             "the TLS handshake"};
constexpr Error kBadCertificate{ErrorCode::HttpRequestError, Side::Client, Retry::Never, 400,
                                "the client's certificate is not valid"};

}  // namespace

void Http1Session::goOnOpening() {
  if (phase_ != Phase::Handshake) return;
  switch (transport_->open()) {
    case net::Opening::Pending:
      return;
    case net::Opening::Failed:
      return failOpening();
    case net::Opening::Done:
      return opened();
  }
}

void Http1Session::opened() {
  TlsStats& stats = env_.stats.tls;
  (transport_->tls()->resumed() ? stats.resumed : stats.full).add();
  stats.time.record(env_.worker.dispatcher.preciseNow() - openedAt_);
  phase_ = Phase::Idle;
  renewDeadline();
  // A request may have come behind the last bytes of the handshake, and has no event of its own.
  unread_ = true;
  readMore();
  if (env_.draining) leaveIfIdle();
}

void Http1Session::failOpening() {
  const net::OpenFailure failure = transport_->openFailure();
  env_.stats.tls.failed.add();
  LOG_INFO("{}: TLS handshake failed: {}", clientIp(), failure.detail);
  if (failure.kind == net::OpenFailure::Kind::PlainHttp)
    ::send(transport_->descriptor(), kSpeakTls.data(), kSpeakTls.size(), MSG_NOSIGNAL);
  // What the client sends behind an alert must not turn that into a reset.
  if (failure.kind == net::OpenFailure::Kind::Closed)
    return close(SessionEnd::HandshakeFailed, net::CloseHow::Reset);
  end_ = SessionEnd::HandshakeFailed;
  unread_ = true;
  linger();
}

void Http1Session::describeTls(log::AccessRecord& record) const {
  const net::TlsFacts& facts = *transport_->tls();
  record.tls = true;
  record.tlsResumed = facts.resumed();
  record.tlsVersion = facts.version();
  record.tlsCipher = facts.cipher();
  record.tlsServerName = facts.serverName();
  record.clientVerify = facts.clientVerify();
  record.clientSubject = facts.clientSubject();
  record.clientFingerprint = facts.clientFingerprint();
}

// RFC 9110, section 15.5.20; and what nginx does with certificates that are optional and wrong.
bool Http1Session::isRefusedByTls(const http::RequestHead& head, Error& error) const {
  const net::TlsFacts& facts = *transport_->tls();
  if (!facts.mayServe(head.authority)) {
    error = kMisdirected;
    return true;
  }
  if (facts.clientVerify().substr(0, 6) != "FAILED") return false;
  error = kBadCertificate;
  return true;
}

}  // namespace oxbow::session
