// The response side of Http1Conn: heads, bodies and trailers from the server.

#include <algorithm>
#include <cstring>
#include <utility>

#include "proxy/base/bytes.h"
#include "proxy/codec/http/auth_scheme.h"
#include "proxy/codec/http1/chunk_batch.h"
#include "proxy/codec/http1/parser.h"
#include "proxy/pool/conn_pool.h"
#include "proxy/upstream/http1_conn.h"
#include "proxy/upstream/upstream_error.h"

namespace oxbow::upstream {

namespace {

using pool::CloseReason;

constexpr size_t kTurnBytes = 256 << 10;
constexpr int64_t kStarvedStep = 16 << 10;
constexpr int64_t kHeadSlack = 4 << 10;
constexpr int64_t kFramingSlack = 512;
constexpr uint16_t kMaxInformational = 100;
constexpr uint64_t kConnectionNames =
    http::bitOf(http::Name::KeepAlive) | http::bitOf(http::Name::Connection);
constexpr http1::HeadLimits kResponseLimits{8192, 56 << 10, http1::kMaxFields, true};

ErrorCode codeOf(const http1::ParseResult& refused) {
  if (refused.tooLarge) return ErrorCode::HttpResponseHeaderSectionSize;
  if (refused.transferCoding) return ErrorCode::HttpResponseTransferCoding;
  return ErrorCode::HttpProtocolError;
}

}  // namespace

// How many bytes may be read now, so that what the client does not take, and must be kept for it,
// stays within proxy_buffers and, over all clients, proxy_buffers_total. With that used up a client
// that has taken all there was still gets a little at a time.
size_t Http1Conn::allowance() const {
  if (draining_) return WorkerContext::kIn;
  const auto room =
      static_cast<int64_t>(worker_.bufferLimit) - static_cast<int64_t>(worker_.buffered);
  if (room < credit_) [[unlikely]]
    return starvedAllowance(room);
  const int64_t bytes = credit_ + slack();
  return bytes > 0 ? static_cast<size_t>(bytes) : 0;
}

size_t Http1Conn::starvedAllowance(int64_t room) const {
  if (room >= kStarvedStep) return static_cast<size_t>(room);
  const bool caughtUp = credit_ >= policy_.readAhead;
  return caughtUp ? static_cast<size_t>(std::min(credit_, kStarvedStep)) : 0;
}

// What may come with the body without being charged: a head of common size, and the framing behind
// the last byte, which ends the exchange.
int64_t Http1Conn::slack() const {
  if (phase_ == Phase::Head) [[likely]]
    return kHeadSlack;
  if (phase_ == Phase::Body && body_ == http::BodyKind::Length) return 0;
  return kFramingSlack;
}

// Whoever stops may have left bytes in the socket, or a FIN or RST, of which there is no further
// event.
void Http1Conn::stopReading() {
  unread_ = true;
  if (credit_ + slack() > 0 && !StarvedReader::linked()) worker_.starved.pushBack(*this);
}

// Few wake-ups for a client that takes a little at a time, and none too late for the rest of a
// response, behind which the connection is free.
void Http1Conn::addCredit(size_t bytes) {
  credit_ += static_cast<int64_t>(bytes);
  if (!unread_ || phase_ == Phase::None) return;
  const bool enough = credit_ * 2 >= policy_.readAhead ||
                      (body_ == http::BodyKind::Length && phase_ == Phase::Body &&
                       static_cast<uint64_t>(std::max<int64_t>(credit_, 0)) >= remaining_);
  if (enough) worker_.dispatcher.soon(*this);
}

void Http1Conn::readMore() {
  StarvedReader::unlink();
  size_t left = kTurnBytes;
  for (;;) {
    const size_t allowed = allowance();
    if (allowed == 0) {
      stopReading();
      break;
    }
    if (restSize_ > 0) std::memcpy(worker_.in, rest_.data(), restSize_);
    const net::IoResult result =
        transport_->read(worker_.in + restSize_, std::min(allowed, WorkerContext::kIn - restSize_));
    if (result.kind == net::IoResult::Kind::WouldBlock) {
      unread_ = false;
      break;
    }
    if (result.kind == net::IoResult::Kind::Eof) return onEof();
    if (result.kind == net::IoResult::Kind::Truncated)
      return onEnded("closed without close_notify");
    if (result.kind == net::IoResult::Kind::Error) return onReadFailed();
    responseBegun_ = true;
    unread_ = false;  // this loop goes on by itself when credit comes back meanwhile
    const std::string_view bytes(worker_.in, restSize_ + result.bytes);
    const size_t used = consume(bytes);
    if (phase_ == Phase::None) return;  // failed, or the last holder closed it
    if (phase_ == Phase::Done) {
      if (isDirtyBehind(behind(bytes, used), !result.drained)) {
        keepAlive_ = false;
        why_ = CloseReason::UnexpectedData;
      }
      return finish();
    }
    keepRest(behind(bytes, used));
    if (draining_ && drained_ > kDrainBytes) return onDeadline();
    // What was delivered points into the buffer that the next read fills.
    if (sink_ != nullptr) sink_->onBatchEnd();
    if (phase_ == Phase::None) return;
    // The rest of an incomplete response is probed for: a RST that came with these bytes looks like
    // readiness to read and write, and has no event of its own.
    left -= std::min(left, result.bytes);
    if (left == 0) {
      unread_ = true;
      worker_.dispatcher.soon(*this);
      break;
    }
  }
  renewDeadline();  // what is not read is not missing
}

// Whether bytes came behind the message; `rest` is what was read of them, and there may be `more`.
bool Http1Conn::isDirtyBehind(std::string_view rest, bool more) {
  return !rest.empty() || (more && transport_->peek() == net::Liveness::Data);
}

size_t Http1Conn::consume(std::string_view bytes) {
  size_t used = 0;
  while (used < bytes.size() || phase_ == Phase::Done) {
    size_t step = 0;
    const Phase before = phase_;
    switch (phase_) {
      case Phase::Head:
        step = consumeHead(behind(bytes, used));
        break;
      case Phase::Body:
        step = consumeBody(behind(bytes, used));
        break;
      case Phase::Trailers:
        step = consumeTrailers(behind(bytes, used));
        break;
      case Phase::None:
      case Phase::Done:
        return used;
    }
    used += step;
    if (step == 0 && phase_ == before) break;
  }
  return used;
}

size_t Http1Conn::consumeHead(std::string_view bytes) {
  http::ResponseHead head;
  const http1::ParseResult result =
      http1::parseResponseHead(bytes, method_, kResponseLimits, worker_.fields, head, &memo_);
  if (result.status == http1::ParseStatus::NeedMore) return 0;
  if (result.status == http1::ParseStatus::Error) {
    fail(upstreamError(codeOf(result), result.detail), CloseReason::ProtocolError);
    return 0;
  }
  if (head.status == 101) {
    fail(upstreamError(ErrorCode::HttpUpgradeFailed, "an upgrade that nobody asked for"),
         CloseReason::ProtocolError);
  } else if (head.status < 200) {
    if (++informational_ > kMaxInformational) {
      fail(upstreamError(ErrorCode::HttpProtocolError, "too many informational responses"),
           CloseReason::ProtocolError);
    } else if (sink_ != nullptr) {
      http1::dropHopByHop(head.fields);
      sink_->onInformational(head);
    }
  } else {
    beginResponse(head);
  }
  return result.consumed;
}

void Http1Conn::beginResponse(http::ResponseHead& head) {
  noteKeepAlive(head);
  body_ = head.body;
  remaining_ = head.contentLength;
  chunks_.reset();
  const bool empty =
      body_ == http::BodyKind::None || (body_ == http::BodyKind::Length && remaining_ == 0);
  phase_ = empty ? Phase::Done : Phase::Body;
  if (sink_ == nullptr) {
    // Nobody is left to say whose this connection is.
    if (http::bindsConnection(head.fields)) bound_ = true;
    return;
  }
  http1::dropHopByHop(head.fields);
  sink_->onHead(head);
}

void Http1Conn::noteKeepAlive(const http::ResponseHead& head) {
  keepAlive_ = head.keepAlive && !saidClose_;
  if (!saidClose_)
    why_ = CloseReason::ResponseClose;
  else
    why_ = policy_.keepalive ? CloseReason::KeepaliveRequests : CloseReason::KeepaliveFull;
  if (!head.fields.hasAny(kConnectionNames)) return;
  if (head.fields.has(http::Name::KeepAlive)) notePromise(head.fields.value(http::Name::KeepAlive));
  if (head.body == http::BodyKind::Chunked) keepNamed(head.fields);
}

// "timeout=5, max=100" in any order; what cannot be read promises nothing.
void Http1Conn::notePromise(std::string_view value) {
  while (!value.empty()) {
    const size_t comma = std::min(value.find(','), value.size());
    std::string_view part = value.substr(0, comma);
    value.remove_prefix(std::min(comma + 1, value.size()));
    while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
    while (!part.empty() && part.back() == ' ') part.remove_suffix(1);
    if (part.size() <= 8 || !http::equalsIgnoreCase(part.substr(0, 8), "timeout=")) continue;
    const auto seconds = parseDecimal(part.substr(8));
    if (seconds && *seconds <= 1000000)
      serverKeepAlive_ = std::chrono::seconds(static_cast<int64_t>(*seconds));
  }
}

// When trailers come, the bytes of the head are gone.
void Http1Conn::keepNamed(const http::FieldBlock& fields) {
  char* end = nullptr;
  for (const http::Field* field = fields.begin(); field != fields.end_(); ++field) {
    const std::string_view value = fields.valueAt(*field);
    if (field->name() != http::Name::Connection || http::equalsIgnoreCase(value, "keep-alive"))
      continue;
    if (!named_) {
      named_ = worker_.blocks.take(fields.end);  // a line is longer than its value and a comma
      end = named_.data();
    }
    end = append(append(end, value), ',');
    namedSize_ = static_cast<size_t>(end - named_.data());
  }
}

size_t Http1Conn::consumeBody(std::string_view bytes) {
  if (body_ == http::BodyKind::Chunked) return consumeChunks(bytes);
  if (body_ == http::BodyKind::Length) {
    bytes = bytes.substr(0, static_cast<size_t>(std::min<uint64_t>(remaining_, bytes.size())));
    remaining_ -= bytes.size();
    if (remaining_ == 0) phase_ = Phase::Done;
  }
  deliver(bytes);
  return bytes.size();
}

size_t Http1Conn::consumeChunks(std::string_view bytes) {
  size_t used = 0;
  http1::ChunkBatch batch;
  for (;;) {
    const auto output = chunks_.decode(behind(bytes, used));
    used += output.consumed;
    if (output.step == http1::ChunkedDecoder::Step::Data) {
      deliver(batch.add(output.data));
      if (phase_ == Phase::None) return used;
      continue;
    }
    deliver(batch.take());
    if (phase_ == Phase::None) return used;
    switch (output.step) {
      case http1::ChunkedDecoder::Step::Data:
      case http1::ChunkedDecoder::Step::NeedMore:
        return used;
      case http1::ChunkedDecoder::Step::Trailers:
        phase_ = Phase::Trailers;
        return used;
      case http1::ChunkedDecoder::Step::Error:
        fail(upstreamError(ErrorCode::HttpResponseTransferCoding, output.detail),
             CloseReason::ProtocolError);
        return used;
    }
  }
}

size_t Http1Conn::consumeTrailers(std::string_view bytes) {
  http::FieldBlock trailers;
  const http1::ParseResult result =
      http1::parseTrailers(bytes, kResponseLimits, worker_.fields, trailers);
  if (result.status == http1::ParseStatus::NeedMore) return 0;
  if (result.status == http1::ParseStatus::Error) {
    fail(upstreamError(codeOf(result), result.detail), CloseReason::ProtocolError);
    return 0;
  }
  phase_ = Phase::Done;
  if (named_) {
    http1::dropNamed(trailers, {named_.data(), namedSize_});
    named_.reset();
  }
  if (sink_ != nullptr && trailers.count > 0) sink_->onTrailers(trailers);
  return result.consumed;
}

void Http1Conn::deliver(std::string_view data) {
  if (data.empty()) return;
  if (draining_) {
    drained_ += data.size();
    return;
  }
  credit_ -= static_cast<int64_t>(data.size());
  if (sink_ != nullptr) sink_->onData(data);
}

void Http1Conn::keepRest(std::string_view rest) {
  if (rest.empty()) {
    if (restSize_ > 0) rest_.reset();
  } else {
    if (rest_.capacity() < rest.size()) rest_ = worker_.blocks.take(rest.size());
    std::memcpy(rest_.data(), rest.data(), rest.size());
  }
  restSize_ = static_cast<uint32_t>(rest.size());
}

void Http1Conn::onEof() {
  peerClosed_ = true;
  if (phase_ == Phase::Body && body_ == http::BodyKind::UntilClose) {
    phase_ = Phase::Done;
    return finish();
  }
  onEnded("connection closed");
}

void Http1Conn::onReadFailed() {
  const net::OpenFailure failure = transport_->openFailure();
  // A server that wants a certificate of ours tells so behind the handshake (RFC 8446, 4.4.2.4).
  if (failure.kind == net::OpenFailure::Kind::Alert && !responseBegun_)
    return fail(upstreamError(ErrorCode::TlsAlertReceived, failure.detail),
                CloseReason::EndedInExchange);
  onEnded(*failure.detail != '\0' ? failure.detail : "connection reset");
}

// FIN or RST before the response was complete.
void Http1Conn::onEnded(const char* detail) {
  if (responseBegun_) {
    const auto code =
        phase_ == Phase::Head ? ErrorCode::ConnectionTerminated : ErrorCode::HttpResponseIncomplete;
    return fail(upstreamError(code, detail), CloseReason::EndedInExchange);
  }
  fail(upstreamError(ErrorCode::ConnectionTerminated, detail,
                     fresh() ? Retry::Never : Retry::IfIdempotent),
       CloseReason::EndedInExchange);
}

// The response is complete. Whoever holds the lease gives the connection back inside onBatchEnd,
// and it may carry the next exchange when that returns.
void Http1Conn::finish() {
  keepRest({});
  phase_ = Phase::None;
  clean_ = requestDone_ && out_.empty() && !writeBroken_;
  if (!clean_) why_ = CloseReason::EarlyResponse;
  if (clean_ && peerClosed_ && keepAlive_) why_ = CloseReason::ServerClosed;
  if (clean_ && !peerClosed_ && keepAlive_ && bound_) why_ = CloseReason::ClientGone;
  out_.clear();
  if (HttpConnSink* sink = std::exchange(sink_, nullptr)) {
    sink->onEnd();
    sink->onBatchEnd();
    return;
  }
  if (!draining_) return;
  draining_ = false;
  pool().onDrained(*this);
}

void Http1Conn::fail(const Error& error, CloseReason reason) {
  phase_ = Phase::None;
  clean_ = false;
  why_ = reason;
  if (HttpConnSink* sink = std::exchange(sink_, nullptr)) return sink->onReset(error);
  if (!draining_) return;
  draining_ = false;
  pool().onDrained(*this);
}

}  // namespace oxbow::upstream
