// The request side of Http1Session: heads and bodies from the client.

#include <algorithm>
#include <cstring>
#include <utility>

#include "proxy/base/assert.h"
#include "proxy/base/bytes.h"
#include "proxy/codec/http1/chunk_batch.h"
#include "proxy/session/answer.h"
#include "proxy/session/http1_session.h"

namespace oxbow::session {

namespace {

constexpr size_t kTurnBytes = 256 << 10;
constexpr size_t kReadBytes = 64 << 10;
constexpr int kTurnRequests = 32;
constexpr uint32_t kLingerBytes = 256 << 10;
constexpr int64_t kBodyCredit = 64 << 10;
constexpr int64_t kPressedCredit = 4 << 10;
constexpr size_t kAddedFields = 24;

Error clientError(uint16_t status, const char* detail) {
  return {ErrorCode::HttpRequestError, Side::Client, Retry::Never, status, detail};
}

constexpr Error kDenied{ErrorCode::HttpRequestDenied, Side::Client, Retry::Never, 403,
                        "the client's address is not allowed here"};
constexpr Error kTooMany{ErrorCode::HttpRequestDenied, Side::Client, Retry::Never, 429,
                         "the client's address has too many connections"};
constexpr Error kNoMemory{ErrorCode::ProxyInternalError, Side::Proxy, Retry::Never, 503,
                          "memory_limit is reached"};
constexpr Error kOutOfMemory{ErrorCode::ProxyInternalError, Side::Proxy, Retry::Never, 503,
                             "there is no memory for the request"};
constexpr Error kClientLeft{ErrorCode::ClientGone, Side::Client, Retry::Never, 0,
                            "the client left in the middle of the request"};

}  // namespace

bool Http1Session::wantsInput() const {
  switch (phase_) {
    case Phase::Handshake:
      return false;
    case Phase::Exchange:
      return !state_->bodyDone && state_->bodyCredit > 0 && !broken_;
    case Phase::Closed:
      return false;
    default:
      return !broken_;
  }
}

void Http1Session::readMore() {
  upstream::WorkerContext& worker = env_.worker;
  if (restFresh_ && !consumeRest()) return;
  size_t left = kTurnBytes;
  while (wantsInput()) {
    if (restFresh_) return worker.dispatcher.soon(*this);
    if (restSize_ > 0) std::memcpy(worker.in, rest_.data(), restSize_);
    const net::IoResult result = transport_->read(worker.in + restSize_, kReadBytes);
    if (result.kind == net::IoResult::Kind::WouldBlock) {
      unread_ = false;
      return;
    }
    // Without close_notify too: what a request is does not depend on where its connection ends.
    if (result.kind == net::IoResult::Kind::Eof || result.kind == net::IoResult::Kind::Truncated)
      return onEof();
    if (result.kind == net::IoResult::Kind::Error) {
      broken_ = true;
      return abort(kClientLeft, SessionEnd::ClientReset);
    }
    env_.stats.bytesIn.add(result.bytes);
    unread_ = !result.drained || peerClosed_;
    const std::string_view bytes(worker.in, restSize_ + result.bytes);
    const size_t used = consume(bytes);
    if (phase_ == Phase::Closed) return;
    keepRest(behind(bytes, used));
    // In a body a RST may have come with these bytes; it has no event of its own.
    if (!unread_ && phase_ != Phase::Exchange) return;
    left -= std::min(left, result.bytes);
    if (left == 0) return worker.dispatcher.soon(*this);
  }
  // Stopped for want of credit. A FIN or RST behind these bytes has no further event, so whoever
  // goes on looks again.
  if (phase_ == Phase::Exchange && !state_->bodyDone) unread_ = true;
}

void Http1Session::onEof() {
  unread_ = false;
  switch (phase_) {
    case Phase::Idle:
      return close(SessionEnd::ClientClosed);
    case Phase::Exchange:
      return abort(kClientLeft, SessionEnd::ClientReset);
    case Phase::Head:
    case Phase::Discard:
      return close(SessionEnd::ClientReset);
    case Phase::Linger:
      return close(end_);
    case Phase::Handshake:
    case Phase::Closed:
      return;
  }
}

// Works on what was kept while the last exchange went on. False when the session has closed.
bool Http1Session::consumeRest() {
  restFresh_ = false;
  std::memcpy(env_.worker.in, rest_.data(), restSize_);
  const std::string_view bytes(env_.worker.in, restSize_);
  const size_t used = consume(bytes);
  if (phase_ == Phase::Closed) return false;
  keepRest(behind(bytes, used));
  return true;
}

size_t Http1Session::consume(std::string_view bytes) {
  size_t used = 0;
  int requests = 0;
  while (used < bytes.size() && wantsInput()) {
    const uint32_t before = requests_;
    size_t step = 0;
    const std::string_view ahead = behind(bytes, used);
    switch (phase_) {
      case Phase::Idle:
      case Phase::Head:
        step = consumeHead(ahead);
        break;
      case Phase::Exchange:
        step = consumeBody(ahead);
        break;
      case Phase::Discard:
        step = consumeDiscarded(ahead);
        break;
      case Phase::Linger:
        discard_ += static_cast<uint32_t>(ahead.size());
        if (discard_ > kLingerBytes) close(end_);
        return bytes.size();
      case Phase::Handshake:
      case Phase::Closed:
        return bytes.size();
    }
    used += step;
    if (step == 0) {
      restFresh_ = false;
      return used;
    }
    // Answers that need no upstream must not let one client have the whole turn.
    if (requests_ != before && ++requests >= kTurnRequests) {
      restFresh_ = used < bytes.size();
      if (restFresh_ && phase_ != Phase::Closed) env_.worker.dispatcher.soon(*this);
      return used;
    }
  }
  restFresh_ = used < bytes.size();
  return used;
}

void Http1Session::keepRest(std::string_view rest) {
  if (phase_ == Phase::Linger) rest = {};
  if (rest.empty()) {
    restFresh_ = false;
    if (restSize_ > 0) rest_.reset();
  } else {
    if (rest_.capacity() < rest.size()) rest_ = env_.worker.blocks.take(rest.size());
    std::memmove(rest_.data(), rest.data(), rest.size());
  }
  restSize_ = static_cast<uint32_t>(rest.size());
}

size_t Http1Session::consumeHead(std::string_view bytes) {
  upstream::WorkerContext& worker = env_.worker;
  ExchangeState* state = env_.states.make();  // parsed in place: a head is too large to copy
  const http1::ParseResult result = http1::parseRequestHead(
      bytes, env_.view->limits, worker.fields, state->head, &worker.requestMemos[memo_]);
  if (result.status == http1::ParseStatus::Done) [[likely]] {
    beginExchange(*state, bytes.substr(0, result.consumed));
    return result.consumed;
  }
  env_.states.destroy(state);
  if (result.status == http1::ParseStatus::Error) {
    end_ = SessionEnd::BadRequest;
    refuse(clientError(result.httpStatus, result.detail), bytes);
    return bytes.size();
  }
  if (phase_ == Phase::Idle) {
    phase_ = Phase::Head;
    // The first has been awaited since the client came.
    if (requests_ > 0) renewDeadline();
  }
  return 0;
}

void Http1Session::beginExchange(ExchangeState& state, std::string_view raw) {
  http::RequestHead& head = state.head;
  env_.stats.requests.add();
  if (head.underscoreNames > 0) env_.stats.underscoreNames.add(head.underscoreNames);
  ++requests_;
  http1::dropHopByHop(head.fields);
  phase_ = Phase::Exchange;
  end_ = SessionEnd::Finished;
  env_.worker.dispatcher.cancel(*this);
  take(state);
  const uint64_t maxRequests = *state.view->config.keepaliveRequests;
  keepAlive_ = head.keepAlive && !env_.draining && (maxRequests == 0 || requests_ < maxRequests);

  state.started = env_.worker.dispatcher.now();
  if (!takeHead(state, raw)) [[unlikely]] {
    forgetHead(state);
    return onReset(kOutOfMemory);
  }
  state.bodyCredit = env_.worker.memory == nullptr ? kBodyCredit : creditUnderLimit();
  state.bodyRemaining = head.contentLength;
  state.bodyDone = head.body == http::BodyKind::None ||
                   (head.body == http::BodyKind::Length && head.contentLength == 0);
  const uint64_t maxBody = *state.view->config.clientMaxBodySize;
  if (maxBody != 0 && head.body == http::BodyKind::Length && head.contentLength > maxBody) {
    return onReset(clientError(413, "the body is larger than client_max_body_size"));
  }
  if (secure_) [[unlikely]] {
    Error refused;
    if (isRefusedByTls(head, refused)) return onReset(refused);
  }
  if (env_.worker.memory != nullptr || admission_ > Admission::Counted) [[unlikely]] {
    Error refused;
    if (isRefused(refused)) return onReset(refused);
  }
  state.view->handler.onRequest(*this);
  if (phase_ != Phase::Exchange) return;
  ASSERT(state_->peer != nullptr || state_->responseDone || broken_);
  if (!state_->bodyDone) renewDeadline();
}

// Under pressure a body is read in small pieces, as the upstream takes them.
int64_t Http1Session::creditUnderLimit() const {
  return env_.worker.memory->pressed() ? kPressedCredit : kBodyCredit;
}

// For reasons that have nothing to do with the request. The connection closes behind the answer.
bool Http1Session::isRefused(Error& error) {
  if (admission_ == Admission::Denied) {
    error = kDenied;
    end_ = SessionEnd::Denied;
  } else if (admission_ == Admission::TooMany) {
    error = kTooMany;
    end_ = SessionEnd::Denied;
  } else if (env_.worker.memory->admits()) {
    return false;
  } else {
    error = kNoMemory;
  }
  keepAlive_ = false;
  return true;
}

// What the routes say of TLS may be as long as a client's certificate makes it.
size_t Http1Session::bytesOfTls(const ListenerView& view) const {
  return view.routes != nullptr ? view.routes->tlsBytes(*transport_->tls()) : 0;
}

// Copies what the head points into once, behind its field descriptors, with room for the fields
// that we add. False when there is no memory for it.
bool Http1Session::takeHead(ExchangeState& state, std::string_view raw) {
  http::RequestHead& head = state.head;
  const size_t descriptors = (head.fields.count + kAddedFields) * sizeof(http::Field);
  const char* const rawBegin = raw.data();
  const size_t added = state.view->addedBytes + 2 * head.authority.size() +
                       (head.fields.has(http::Name::XForwardedFor) ? raw.size() : 0) +
                       (secure_ ? bytesOfTls(*state.view) : 0);
  state.block = env_.worker.blocks.tryTake(descriptors + raw.size() + added);
  if (!state.block) [[unlikely]]
    return false;
  auto* fields = reinterpret_cast<http::Field*>(state.block.data());
  char* const bytes = state.block.data() + descriptors;
  if (head.fields.count > 0)
    std::memcpy(fields, head.fields.fields, head.fields.count * sizeof(http::Field));
  std::memcpy(bytes, rawBegin, raw.size());
  const auto move = [&](std::string_view& slice) {
    // Some slices are constants of the parser, such as the path of an absolute form without one.
    if (slice.data() < rawBegin || slice.data() > rawBegin + raw.size()) return;
    slice = {bytes + (slice.data() - rawBegin), slice.size()};
  };
  move(head.methodText);
  move(head.target);
  move(head.path);
  move(head.authority);
  if (head.absoluteForm && head.target.front() == '?') [[unlikely]]
    http1::completeTarget(head, bytes + (head.authority.data() - bytes));
  head.fields.fields = fields;
  if (head.fields.base != nullptr) head.fields.base = bytes + (head.fields.base - rawBegin);
  char* const addedBytes = bytes + raw.size();
  state.added = http::FieldWriter(
      addedBytes, static_cast<size_t>(state.block.data() + state.block.capacity() - addedBytes),
      fields + head.fields.count, kAddedFields);
  return true;
}

// What it points into goes with this callback, and the rest of the message stays unread.
void Http1Session::forgetHead(ExchangeState& state) {
  const http::Method method = state.head.method;  // the answer to HEAD has no body
  state.head = {};
  state.head.method = method;
  state.bodyDone = true;
  keepAlive_ = false;
  unread_ = true;
}

// Of what never became a request the log tells the request line, when that much was right.
void Http1Session::takeLine(ExchangeState& state, std::string_view bytes) {
  http::RequestHead line;
  if (!http1::parseRequestLine(bytes, env_.view->limits, line)) return;
  state.block = env_.worker.blocks.take(line.methodText.size() + line.target.size());
  char* const target = append(state.block.data(), line.methodText);
  append(target, line.target);
  state.head.method = line.method;  // the answer to HEAD has no body, whatever it says
  state.head.version = line.version;
  state.head.methodText = {state.block.data(), line.methodText.size()};
  state.head.target = {target, line.target.size()};
}

// Answers what never became a request, of which there are `bytes`. The connection closes behind it.
void Http1Session::refuse(const Error& error, std::string_view bytes) {
  env_.stats.requests.add();
  ++requests_;
  phase_ = Phase::Exchange;
  keepAlive_ = false;
  unread_ = true;  // what follows is not looked at, and must not turn the answer into a reset
  take(*env_.states.make());
  state_->started = env_.worker.dispatcher.now();
  takeLine(*state_, bytes);
  state_->bodyDone = true;
  onReset(error);
}

size_t Http1Session::consumeBody(std::string_view bytes) {
  if (state_->inTrailers) return consumeTrailers(bytes);
  if (state_->head.body == http::BodyKind::Length) return consumeLength(bytes);
  return consumeChunks(bytes);
}

// What is left of a body whose response is out already.
size_t Http1Session::consumeDiscarded(std::string_view bytes) {
  const size_t n = std::min<size_t>(bytes.size(), discard_);
  discard_ -= static_cast<uint32_t>(n);
  if (discard_ == 0) {
    phase_ = Phase::Idle;
    renewDeadline();
  }
  return n;
}

size_t Http1Session::consumeLength(std::string_view bytes) {
  ExchangeState& state = *state_;
  const auto n = static_cast<size_t>(std::min<uint64_t>(
      {bytes.size(), state.bodyRemaining, static_cast<uint64_t>(state.bodyCredit)}));
  state.bodyRemaining -= n;
  if (!deliver(bytes.substr(0, n))) return n;
  if (state.bodyRemaining == 0)
    bodyEnded();
  else
    moved(n);
  return n;
}

size_t Http1Session::consumeChunks(std::string_view bytes) {
  const uint64_t before = state_->requestBytes;
  size_t used = 0;
  http1::ChunkBatch batch;
  for (;;) {
    // Credit bounds what is handed over; a piece may exceed it by what one read brought.
    const auto output = state_->chunks.decode(behind(bytes, used));
    used += output.consumed;
    if (output.step == http1::ChunkedDecoder::Step::Data) {
      if (!deliver(batch.add(output.data))) return used;
      continue;
    }
    if (!deliver(batch.take())) return used;
    switch (output.step) {
      case http1::ChunkedDecoder::Step::Data:
      case http1::ChunkedDecoder::Step::NeedMore:
        moved(state_->requestBytes - before);
        return used;
      case http1::ChunkedDecoder::Step::Trailers:
        state_->inTrailers = true;
        moved(state_->requestBytes - before);
        return used;
      case http1::ChunkedDecoder::Step::Error:
        failBody(clientError(400, output.detail), SessionEnd::BadRequest);
        return bytes.size();
    }
  }
}

size_t Http1Session::consumeTrailers(std::string_view bytes) {
  http::FieldBlock trailers;
  const http1::ParseResult result =
      http1::parseTrailers(bytes, state_->view->limits, env_.worker.fields, trailers);
  if (result.status == http1::ParseStatus::NeedMore) return 0;
  if (result.status == http1::ParseStatus::Error) {
    failBody(clientError(result.httpStatus != 0 ? result.httpStatus : 400, result.detail),
             SessionEnd::BadRequest);
    return bytes.size();
  }
  if (trailers.count > 0 && state_->peer != nullptr) {
    // What the head's Connection names is of this hop, in trailers too (RFC 9110, 7.6.1).
    const http::FieldBlock& head = state_->head.fields;
    for (const http::Field* field = head.begin(); field != head.end_(); ++field)
      if (field->name() == http::Name::Connection) http1::dropNamed(trailers, head.valueAt(*field));
    state_->peer->onTrailers(trailers);
  }
  if (state_ != nullptr) bodyEnded();
  return result.consumed;
}

// False when the exchange has ended meanwhile.
bool Http1Session::deliver(std::string_view data) {
  if (data.empty()) return true;
  ExchangeState& state = *state_;
  state.requestBytes += data.size();
  state.bodyCredit -= static_cast<int64_t>(data.size());
  const uint64_t maxBody = *state.view->config.clientMaxBodySize;
  if (maxBody != 0 && state.requestBytes > maxBody) {
    failBody(clientError(413, "the body is larger than client_max_body_size"),
             SessionEnd::BadRequest);
    return false;
  }
  if (state.peer != nullptr)
    state.peer->onData(data);
  else
    state.bodyCredit += static_cast<int64_t>(data.size());
  return state_ == &state && phase_ == Phase::Exchange;
}

void Http1Session::bodyEnded() {
  state_->bodyDone = true;
  renewDeadline();
  if (state_->peer == nullptr) return;
  ExchangePeer* peer = state_->peer;
  peer->onEnd();
}

// The request's body cannot be completed: the handler is told, the client too where it still can.
void Http1Session::failBody(const Error& error, SessionEnd end) {
  end_ = end;
  keepAlive_ = false;
  unread_ = true;
  if (state_->headSent) return abort(error, end);
  if (ExchangePeer* peer = std::exchange(state_->peer, nullptr)) peer->onReset(error);
  onReset(error);
}

void Http1Session::addCredit(size_t bytes) {
  if (state_ == nullptr) return;
  const bool stopped = state_->bodyCredit <= 0;
  state_->bodyCredit += static_cast<int64_t>(bytes);
  if (!stopped || !wantsInput()) return;
  renewDeadline();  // the client was not late while nobody read
  if (restFresh_ || unread_) env_.worker.dispatcher.soon(*this);
}

}  // namespace oxbow::session
