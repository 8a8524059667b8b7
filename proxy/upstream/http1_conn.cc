#include "proxy/upstream/http1_conn.h"

#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <utility>

#include "proxy/base/assert.h"
#include "proxy/base/bytes.h"
#include "proxy/codec/http1/serializer.h"
#include "proxy/pool/conn_pool.h"
#include "proxy/upstream/connect_error.h"
#include "proxy/upstream/upstream_error.h"

namespace oxbow::upstream {

namespace {

using pool::CloseReason;

constexpr Duration kDrainTime = std::chrono::seconds(1);

}  // namespace

Http1Conn::Http1Conn(const Common& common, MovingHttp1Conn& moving)
    : Http1Conn(common, nullptr, true, 0) {
  cancel();  // nothing to tell: it is connected, and its pool knows
  serverKeepAlive_ = moving.serverKeepAlive;
  if (moving.transport->start(worker_.dispatcher, *this)) transport_ = std::move(moving.transport);
}

Http1Conn::Http1Conn(const Common& common, std::unique_ptr<net::Transport> transport,
                     bool connected, int error)
    : IoHandler("a connection to a server"),
      common_(common),
      worker_(common.worker),
      policy_(common.policy),
      memo_(worker_.responseMemos[std::hash<std::string_view>()(common.endpoint) %
                                  WorkerContext::kMemos]),
      transport_(std::move(transport)),
      connectError_(error),
      connected_(connected),
      chunkedRequest_(false),
      requestDone_(false),
      responseBegun_(false),
      keepAlive_(true),
      clean_(true),
      peerClosed_(false),
      writeBroken_(false),
      unread_(false),
      draining_(false),
      bound_(false),
      saidClose_(false) {
  if (transport_ != nullptr && !transport_->start(worker_.dispatcher, *this)) {
    connectError_ = ENOMEM;
    transport_.reset();
  }
  if (transport_ == nullptr || connected_) {
    worker_.dispatcher.soon(*this);
  } else {
    worker_.dispatcher.setDeadline(*this, worker_.dispatcher.now() + policy_.connectTimeout);
  }
}

Http1Conn::~Http1Conn() = default;

std::optional<bool> Http1Conn::tlsResumed() const {
  const net::TlsFacts* tls = connected_ && transport_ != nullptr ? transport_->tls() : nullptr;
  if (tls == nullptr) return std::nullopt;
  return tls->resumed();
}

uint32_t Http1Conn::room() const { return clean_ && keepAlive_ && !peerClosed_ && !bound_ ? 1 : 0; }

bool Http1Conn::usableAgain() {
  return phase_ == Phase::None && clean_ && keepAlive_ && !peerClosed_ &&
         transport_->peek() == net::Liveness::Alive;
}

bool Http1Conn::reusable() const { return room() > 0; }

// Readiness -----------------------------------------------------------------------------------

void Http1Conn::onIo(uint8_t ready) {
  switch (state()) {
    case pool::ConnState::Connecting: {
      if (connected_) return worker_.openings.add(*this);
      if ((ready & event::kWritable) == 0) return;
      const int error = transport_->takeError();
      if (error != 0) return failConnect(error);
      connected_ = true;
      return goOnOpening();
    }
    case pool::ConnState::Idle:
      return onIdleReady(ready);
    case pool::ConnState::Active:
      return onActiveReady(ready);
    case pool::ConnState::Closed:
      return;
  }
}

void Http1Conn::runTask() {
  if (state() == pool::ConnState::Connecting) {
    if (transport_ == nullptr) return failConnect(connectError_);
    return goOnOpening();
  }
  if (phase_ != Phase::None) readMore();
}

void Http1Conn::onRoom() { worker_.dispatcher.soon(*this); }

// TCP is connected; TLS may need several steps, of which the first only sends.
void Http1Conn::goOnOpening() {
  if (state() != pool::ConnState::Connecting) return;
  if (transport_->tls() != nullptr && handshakeSince_ == TimePoint())
    handshakeSince_ = worker_.dispatcher.preciseNow();
  switch (transport_->open()) {
    case net::Opening::Pending:
      return;
    case net::Opening::Failed:
      return failOpening();
    case net::Opening::Done:
      if (transport_->tls() != nullptr) noteHandshake();
      return finishConnect();
  }
}

void Http1Conn::noteHandshake() {
  const net::TlsFacts& facts = *transport_->tls();
  HandshakeStats& stats = common_.handshakes;
  (facts.resumed() ? stats.resumed : stats.full).add();
  if (facts.offered() && !facts.resumed()) stats.refused.add();
  stats.time.record(worker_.dispatcher.preciseNow() - handshakeSince_);
}

void Http1Conn::failOpening() {
  const net::OpenFailure failure = transport_->openFailure();
  common_.handshakes.failed.add();
  common_.handshakes.faults[static_cast<size_t>(failure.fault)].add();
  pool().onConnectFailed(*this, openingError(failure), CloseReason::HandshakeFailed);
}

void Http1Conn::finishConnect() {
  // A server that speaks first does not speak HTTP: its bytes would answer the first request.
  const net::Liveness live = transport_->peek();
  if (live == net::Liveness::Data) {
    return pool().onConnectFailed(
        *this, upstreamError(ErrorCode::HttpProtocolError, "bytes before any request"),
        CloseReason::UnexpectedData);
  }
  if (live != net::Liveness::Alive) return failConnected();
  worker_.dispatcher.cancel(*this);
  pool().onConnected(*this);
}

// A server that wants a certificate of ours may tell so behind the handshake (RFC 8446, section
// 4.4.2.4), and what TLS has to say says more.
void Http1Conn::failConnected() {
  const net::OpenFailure failure = transport_->openFailure();
  if (*failure.detail != '\0')
    return pool().onConnectFailed(*this, openingError(failure), CloseReason::HandshakeFailed);
  pool().onConnectFailed(
      *this,
      upstreamError(ErrorCode::ConnectionTerminated, "closed before any request", Retry::Safe),
      CloseReason::ConnectFailed);
}

void Http1Conn::failConnect(int error) {
  if (error == ETIMEDOUT && handshakeSince_ != TimePoint()) {
    common_.handshakes.failed.add();
    return pool().onConnectFailed(
        *this, upstreamError(ErrorCode::ConnectionTimeout, "TLS handshake timed out", Retry::Safe),
        CloseReason::ConnectTimeout);
  }
  pool().onConnectFailed(
      *this, connectError(error),
      error == ETIMEDOUT ? CloseReason::ConnectTimeout : CloseReason::ConnectFailed);
}

void Http1Conn::onIdleReady(uint8_t ready) {
  if ((ready & (event::kReadable | event::kClosed)) == 0) return;
  switch (transport_->peek()) {
    case net::Liveness::Alive:
      return;
    case net::Liveness::Data:
      return pool().onIdleEnded(*this, CloseReason::UnexpectedData);
    case net::Liveness::Closed:
      return pool().onIdleEnded(*this, CloseReason::ServerClosed);
    case net::Liveness::Broken:
      return pool().onIdleEnded(*this, CloseReason::ServerReset);
  }
}

void Http1Conn::onActiveReady(uint8_t ready) {
  if ((ready & event::kClosed) != 0) peerClosed_ = true;
  if ((ready & event::kWritable) != 0 && !out_.empty()) flush();
  if ((ready & (event::kReadable | event::kClosed)) == 0 || phase_ == Phase::None) return;
  // What was readable in the turn that sent the request came before it: nobody asked for it.
  if ((ready & event::kReadable) != 0 && sentTurn_ == worker_.dispatcher.turns() &&
      transport_->peek() == net::Liveness::Data) {
    return fail(upstreamError(ErrorCode::ConnectionTerminated, "bytes before the request",
                              fresh() ? Retry::Never : Retry::IfIdempotent),
                CloseReason::UnexpectedData);
  }
  readMore();
}

void Http1Conn::onDeadline() {
  if (state() == pool::ConnState::Connecting) return failConnect(ETIMEDOUT);
  if (draining_) {
    why_ = CloseReason::ClientGone;
    draining_ = false;
    return pool().onDrained(*this);
  }
  if (phase_ == Phase::None) return;
  if (!out_.empty()) {
    return fail(
        upstreamError(ErrorCode::ConnectionWriteTimeout, "the request was not taken in time"),
        CloseReason::SendTimeout);
  }
  fail(upstreamError(ErrorCode::ConnectionReadTimeout,
                     responseBegun_ ? "the response stopped" : "no response in time"),
       CloseReason::ReadTimeout);
}

void Http1Conn::renewDeadline() {
  event::Dispatcher& dispatcher = worker_.dispatcher;
  if (draining_ || phase_ == Phase::None) return;
  if (!out_.empty())
    dispatcher.setDeadline(*this, dispatcher.now() + policy_.sendTimeout);
  else if ((requestDone_ || writeBroken_) && !unread_)
    dispatcher.setDeadline(*this, dispatcher.now() + policy_.readTimeout);
  else
    dispatcher.cancel(*this);
}

// The request ---------------------------------------------------------------------------------

void Http1Conn::send(const OutgoingRequest& request, HttpConnSink& sink) {
  ASSERT(phase_ == Phase::None && sink_ == nullptr && out_.empty());
  if (policy_.version != common_.policy.version) policy_ = common_.policy;
  sink_ = &sink;
  phase_ = Phase::Head;
  method_ = request.head->method;
  chunkedRequest_ = request.body == http::BodyKind::Chunked;
  requestDone_ = request.bodyComplete || request.body == http::BodyKind::None;
  responseBegun_ = false;
  clean_ = false;
  unread_ = false;
  informational_ = 0;
  credit_ = policy_.readAhead;
  saidClose_ = !policy_.keepalive || exchanges() >= policy_.lastExchange;
  sentTurn_ = worker_.dispatcher.turns();

  http1::Framing framing;
  framing.body = request.body;
  framing.contentLength = request.contentLength;
  framing.connection =
      saidClose_ ? http1::ConnectionOption::Close : http1::ConnectionOption::Nothing;
  const std::string_view body = request.bodyAtHand;
  const size_t headBound =
      http1::requestHeadBound(*request.head, request.target.size(), request.authority.size());
  constexpr size_t kChunkFrame = 32;
  const bool inOnePiece = headBound + body.size() + kChunkFrame <= WorkerContext::kOut;
  Block large;
  char* base = worker_.out;
  if (headBound + kChunkFrame > WorkerContext::kOut) {
    large = worker_.blocks.take(headBound + kChunkFrame);
    base = large.data();
  }
  char* end =
      http1::writeRequestHead(base, *request.head, request.target, request.authority, framing);
  if (chunkedRequest_ && !body.empty()) end = http1::writeChunkHeader(end, body.size());
  std::string_view tail;
  if (chunkedRequest_) {
    if (!body.empty() && requestDone_)
      tail = "\r\n0\r\n\r\n";
    else if (!body.empty())
      tail = "\r\n";
    else if (requestDone_)
      tail = "0\r\n\r\n";
  }
  const auto headSize = static_cast<size_t>(end - base);
  if (inOnePiece) {
    end = append(append(end, body), tail);
    write({base, static_cast<size_t>(end - base)});
  } else {
    const iovec parts[] = {{base, headSize},
                           {const_cast<char*>(body.data()), body.size()},
                           {const_cast<char*>(tail.data()), tail.size()}};
    writeParts(parts, 3, headSize + body.size() + tail.size(), request.bodyBlock);
  }
  renewDeadline();
}

void Http1Conn::sendData(std::string_view bytes) {
  if (bytes.empty() || writeBroken_) return;
  if (!chunkedRequest_) {
    write(bytes);
  } else {
    char header[18];
    const char* end = http1::writeChunkHeader(header, bytes.size());
    char crlf[] = {'\r', '\n'};
    const iovec parts[] = {{header, static_cast<size_t>(end - header)},
                           {const_cast<char*>(bytes.data()), bytes.size()},
                           {crlf, sizeof crlf}};
    writeParts(parts, 3, parts[0].iov_len + bytes.size() + sizeof crlf);
  }
  renewDeadline();
}

void Http1Conn::sendTrailers(http::FieldBlock& trailers) {
  if (!chunkedRequest_) return;
  char* end = append(worker_.out, "0\r\n");
  end = http1::writeTrailers(end, trailers);
  chunkedRequest_ = false;  // the end of the body is written
  write({worker_.out, static_cast<size_t>(end - worker_.out)});
}

void Http1Conn::sendEnd() {
  if (chunkedRequest_) write("0\r\n\r\n");
  requestDone_ = true;
  renewDeadline();
}

void Http1Conn::write(std::string_view bytes) {
  if (writeBroken_ || bytes.empty()) return;
  if (out_.empty()) {
    const net::IoResult result = transport_->write(bytes);
    if (result.kind == net::IoResult::Kind::Error) return onWriteFailed();
    bytes.remove_prefix(result.bytes);
  }
  if (!bytes.empty()) out_.append(worker_.blocks, bytes);
}

// A part that lies in `large` is kept there: a second copy of a large body may find no memory.
void Http1Conn::writeParts(const iovec* parts, int count, size_t total, Block* large) {
  if (writeBroken_) return;
  size_t written = 0;
  if (out_.empty()) {
    const net::IoResult result = transport_->writev(parts, count);
    if (result.kind == net::IoResult::Kind::Error) return onWriteFailed();
    written = result.bytes;
  }
  if (written == total) return;
  for (int i = 0; i < count; ++i) {
    std::string_view part(static_cast<const char*>(parts[i].iov_base), parts[i].iov_len);
    const size_t skip = std::min(written, part.size());
    written -= skip;
    part.remove_prefix(skip);
    if (part.empty()) continue;
    if (large != nullptr && parts[i].iov_base == large->data()) {
      const auto begin = static_cast<size_t>(part.data() - large->data());
      out_.adopt(std::move(*large), begin, begin + part.size());
    } else {
      out_.append(worker_.blocks, part);
    }
  }
}

void Http1Conn::flush() {
  size_t written = 0;
  const auto result = out_.flush(*transport_, written);
  if (result == net::OutputQueue::Flush::Failed) return onWriteFailed();
  if (written > 0) renewDeadline();
  if (result == net::OutputQueue::Flush::Done && sink_ != nullptr) sink_->onRequestFlushed();
}

// The peer takes nothing more. It may have answered before that, so what it sent is read first.
void Http1Conn::onWriteFailed() {
  writeBroken_ = true;
  out_.clear();
  unread_ = true;
  worker_.dispatcher.soon(*this);
  if (sink_ != nullptr) renewDeadline();
}

// Being pooled --------------------------------------------------------------------------------

pool::Probe Http1Conn::probe() {
  switch (transport_->peek()) {
    case net::Liveness::Alive:
      return pool::Probe::Alive;
    case net::Liveness::Data:
      return pool::Probe::Dirty;
    case net::Liveness::Closed:
    case net::Liveness::Broken:
      break;
  }
  return pool::Probe::Dead;
}

bool Http1Conn::drain() {
  sink_ = nullptr;
  if (phase_ == Phase::None) return false;
  const bool bounded = phase_ == Phase::Head || body_ == http::BodyKind::Chunked ||
                       (body_ == http::BodyKind::Length && remaining_ <= kDrainBytes);
  if (!requestDone_ || !out_.empty() || writeBroken_ || saidClose_ || peerClosed_ || bound_ ||
      !bounded) {
    why_ = CloseReason::ClientGone;
    return false;
  }
  draining_ = true;
  drained_ = 0;
  worker_.dispatcher.setDeadline(*this, worker_.dispatcher.now() + kDrainTime);
  if (unread_) worker_.dispatcher.soon(*this);
  return true;
}

std::unique_ptr<pool::MovingConn> Http1Conn::depart() {
  ASSERT(phase_ == Phase::None && out_.empty() && restSize_ == 0);
  if (!transport_->settled()) return nullptr;
  auto moving = std::make_unique<MovingHttp1Conn>();
  transport_->stop();
  moving->key = common_.key;
  moving->transport = std::move(transport_);
  moving->serverKeepAlive = serverKeepAlive_;
  cancel();
  return moving;
}

void Http1Conn::closeSocket() {
  sink_ = nullptr;
  phase_ = Phase::None;
  out_.clear();
  rest_.reset();
  restSize_ = 0;
  named_.reset();
  cancel();
  StarvedReader::unlink();
  OpeningConn::unlink();
  if (transport_ != nullptr) transport_->close(net::CloseHow::Clean);
}

}  // namespace oxbow::upstream
