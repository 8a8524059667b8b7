// The response side of Http1Session: what handlers push towards the client.

#include <algorithm>
#include <utility>

#include "proxy/base/bytes.h"
#include "proxy/session/answer.h"
#include "proxy/session/http1_session.h"

namespace oxbow::session {

namespace {

// A request's rest up to this size is read after an early answer; beyond it the connection closes.
constexpr uint64_t kDiscardBytes = 64 << 10;
constexpr size_t kChunkFrame = 32;

// Whether the client will see a date: the server's, unless it was dropped, or the configuration's.
bool isDated(const http::ResponseHead& head) {
  if (head.added.has(http::Name::Date)) return true;
  if (!head.fields.has(http::Name::Date)) return false;
  return !head.fields.holes || head.fields.find(http::Name::Date) != nullptr;
}

// RFC 6797, section 7.1: one such field, and the server may have said it better.
bool saysHsts(const http::ResponseHead& head) {
  return head.fields.find(kHsts) != nullptr || head.added.find(kHsts) != nullptr;
}

}  // namespace

// The lines that the writer has now; those that were dropped before stay so.
bool Http1Session::publishAdded() {
  const bool holes = state_->head.added.holes;
  state_->head.added = state_->added.block();
  state_->head.added.holes = holes;
  return true;
}

bool Http1Session::addRequestField(std::string_view name, std::string_view value) {
  return state_->added.add(name, value) && publishAdded();
}

bool Http1Session::addRequestField(http::Name id, std::string_view name, std::string_view value) {
  return state_->added.addKnown(id, name, value) && publishAdded();
}

bool Http1Session::addRequestLines(const http::FieldBlock& lines) {
  return state_->added.addLines(lines) && publishAdded();
}

void Http1Session::onInformational(http::ResponseHead& head) {
  // RFC 9110, 15.2: never to an HTTP/1.0 client.
  if (state_->head.version == http::Version::Http10 || state_->headSent) return;
  writeHead(head, {});
}

// How the response is delimited for this client, and whether the connection stays.
http1::Framing Http1Session::frame(const http::ResponseHead& head) {
  ExchangeState& state = *state_;
  http1::Framing framing;
  state.bodyless = state.head.method == http::Method::Head || head.status == 204 ||
                   head.status == 304 || head.body == http::BodyKind::None;
  if (state.bodyless) {
    // The length that a GET would have had is told all the same (RFC 9110, 8.6).
    const bool mayTell = head.status != 204 && head.hasContentLength;
    framing.body = mayTell ? http::BodyKind::Length : http::BodyKind::None;
    framing.contentLength = head.contentLength;
    const bool needsZero = head.body == http::BodyKind::None && !head.hasContentLength &&
                           head.status != 204 && head.status != 304 &&
                           state.head.method != http::Method::Head;
    if (needsZero) {
      framing.body = http::BodyKind::Length;
      framing.writeLength = true;
    }
  } else if (head.body == http::BodyKind::Length) {
    framing.body = http::BodyKind::Length;
    framing.contentLength = head.contentLength;
  } else if (state.head.version == http::Version::Http10) {
    framing.body = http::BodyKind::UntilClose;
    state.untilClose = true;
    keepAlive_ = false;
  } else {
    framing.body = http::BodyKind::Chunked;
    state.chunkedResponse = true;
  }
  const bool smallRest = state.head.body == http::BodyKind::Length &&
                         state.bodyRemaining <= kDiscardBytes && !state.head.expectContinue;
  if (!state.bodyDone && !smallRest) keepAlive_ = false;
  if (env_.draining) keepAlive_ = false;
  if (!keepAlive_)
    framing.connection = http1::ConnectionOption::Close;
  else if (state.head.version == http::Version::Http10)
    framing.connection = http1::ConnectionOption::KeepAlive;
  // RFC 9110, 6.6.1: what has no date gets one from whoever has a clock.
  if (!isDated(head))
    framing.date =
        env_.worker.date.at(env_.worker.dispatcher.now(), env_.worker.dispatcher.clock());
  if (secure_ && !view().hsts.empty() && !saysHsts(head)) framing.more = view().hsts;
  return framing;
}

void Http1Session::onHead(http::ResponseHead& head) {
  state_->status = head.status;
  state_->headSent = true;
  env_.stats.firstByteTime.record(env_.worker.dispatcher.now() - state_->started);
  writeHead(head, frame(head));
}

void Http1Session::writeHead(const http::ResponseHead& head, const http1::Framing& framing) {
  const size_t bound = http1::responseHeadBound(head);
  if (!env_.batch.fits(bound)) flushBatch();
  if (broken_) return;
  if (env_.batch.fits(bound)) {
    env_.batch.commit(http1::writeResponseHead(env_.batch.reserve(), head, framing));
    return;
  }
  Block large = env_.worker.blocks.take(bound);
  const char* end = http1::writeResponseHead(large.data(), head, framing);
  env_.batch.refer({large.data(), static_cast<size_t>(end - large.data())});
  flushBatch();
}

void Http1Session::emit(std::string_view bytes) {
  if (bytes.size() <= OutputBatch::kSmall) {
    if (!env_.batch.fits(bytes.size())) flushBatch();
    if (!broken_) env_.batch.copy(bytes);
  } else {
    if (!env_.batch.hasPart()) flushBatch();
    if (!broken_) env_.batch.refer(bytes);
  }
}

void Http1Session::onData(std::string_view bytes) {
  ExchangeState& state = *state_;
  if (state.bodyless || bytes.empty()) return;
  state.responseBytes += bytes.size();
  state.owed += bytes.size();
  if (!state.chunkedResponse) return emit(bytes);
  char header[kChunkFrame];
  const char* end = http1::writeChunkHeader(header, bytes.size());
  emit({header, static_cast<size_t>(end - header)});
  emit(bytes);
  emit("\r\n");
}

void Http1Session::onTrailers(http::FieldBlock& trailers) {
  // Without chunked coding there is no place for them (RFC 9110, 6.5.1).
  if (!state_->chunkedResponse || state_->bodyless) return;
  const size_t bound = trailers.end + kChunkFrame;
  if (!env_.batch.fits(bound)) flushBatch();
  if (broken_ || !env_.batch.fits(bound)) return;
  char* end = append(env_.batch.reserve(), "0\r\n");
  env_.batch.commit(http1::writeTrailers(end, trailers));
  state_->trailersSent = true;
}

void Http1Session::onEnd() {
  if (state_->chunkedResponse && !state_->bodyless && !state_->trailersSent) emit("0\r\n\r\n");
  state_->responseDone = true;
}

void Http1Session::onReset(const Error& error) {
  if (!state_->headSent) {
    state_->error = error;
    // Whoever sends what is malformed or forbidden is not read any further.
    if (error.code == ErrorCode::HttpRequestError) keepAlive_ = false;
    return sendError(*this, error, view().handler.allowedMethods());
  }
  flushBatch();
  abort(error, SessionEnd::Cut);
}

void Http1Session::onBatchEnd() {
  flushBatch();
  if (broken_) return;
  if (state_->responseDone && out_.empty()) finishExchange();
}

// Writes what this callback produced. A broken socket ends the exchange later in the turn, not in
// the middle of the handler that is producing.
void Http1Session::flushBatch() {
  if (broken_) return env_.batch.clear();
  size_t written = 0;
  const bool flushed = env_.batch.flush(*transport_, out_, env_.worker.blocks, written);
  env_.stats.bytesOut.add(written);
  if (!flushed) {
    broken_ = true;
    out_.clear();
    accountBuffered();
    return env_.worker.dispatcher.soon(*this);
  }
  if (!out_.empty() || buffered_ > 0) {
    const bool fellBehind = buffered_ == 0;
    accountBuffered();
    // More for a client that takes nothing does not give it more time.
    if (fellBehind) renewDeadline();
  }
  payCredit();
}

// What the socket has taken the handler may replace. Of what is still here no more than all can be
// body.
void Http1Session::payCredit() {
  const size_t kept = out_.size();
  if (state_ == nullptr || state_->owed <= kept) return;
  const size_t taken = state_->owed - kept;
  state_->owed = kept;
  if (state_->peer != nullptr && !state_->responseDone) state_->peer->onResponseCredit(taken);
}

void Http1Session::accountBuffered() {
  const auto now = static_cast<uint32_t>(out_.size());
  env_.worker.accountBuffered(buffered_, now);
  buffered_ = now;
}

void Http1Session::onWritable() {
  size_t written = 0;
  const auto result = out_.flush(*transport_, written);
  env_.stats.bytesOut.add(written);
  accountBuffered();
  if (result == net::OutputQueue::Flush::Failed) {
    broken_ = true;
    return abort({ErrorCode::ClientGone, Side::Client, Retry::Never, 0, "the client is gone"},
                 SessionEnd::ClientReset);
  }
  if (written > 0 && !out_.empty())
    moved(written);
  else if (written > 0)
    renewDeadline();
  payCredit();
  if (state_ != nullptr && state_->responseDone && out_.empty()) finishExchange();
}

}  // namespace oxbow::session
