#include "proxy/session/proxy_exchange.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "proxy/base/assert.h"
#include "proxy/base/bytes.h"
#include "proxy/codec/http/auth_scheme.h"
#include "proxy/codec/http1/request_line.h"
#include "proxy/session/added_fields.h"

namespace oxbow::session {

namespace {
constexpr Error kDotSegments{ErrorCode::HttpRequestError, Side::Client, Retry::Never, 400,
                             "the rewritten path has dot-segments"};
constexpr Error kOutOfMemory{ErrorCode::ProxyInternalError, Side::Proxy, Retry::Never, 503,
                             "there is no memory for the request's body"};
}  // namespace

ProxyExchange::ProxyExchange(ProxyHandler& handler, Exchange& exchange, const route::Route& route,
                             const Target& target, std::string_view clientIp)
    : handler_(handler),
      exchange_(exchange),
      route_(route),
      upstream_(*target.upstream),
      config_(*target.config),
      upstreamSide_(*this),
      clientIp_(clientIp) {}

ProxyExchange::~ProxyExchange() = default;

void ProxyExchange::start() {
  head_ = &exchange_.request();
  const http::RequestHead& head = *head_;
  const config::Upstream& config = config_;
  exchange_.attach(*this);
  chooseTarget();
  // Segments that the new prefix has joined: "/a" to "/" makes "/a../b" into "/../b".
  if (target_.data() != head.target.data() && !*route_.config->allowDotSegments &&
      http1::hasDotSegments(target_.substr(0, target_.find('?'))))
    return exchange_.onReset(kDotSegments);
  idempotent_ = http::isIdempotent(head.method) || head.fields.has(http::Name::IdempotencyKey);
  const bool known = head.body == http::BodyKind::Length;
  bodyDone_ = head.body == http::BodyKind::None || (known && head.contentLength == 0);
  if (bodyDone_) return acquire(false);
  keeping_ = idempotent_ && (!known || head.contentLength <= *config.replayBuffer);
  // A small body comes in before a connection is taken for it: slow clients hold none. A client
  // that waits for 100 (Continue) waits for the upstream's word.
  buffering_ = known && head.contentLength <= *handler_.listener_.clientBodyBufferSize &&
               !head.expectContinue;
  if (!buffering_) acquire(false);
}

route::Variables ProxyExchange::variables() const {
  return {exchange_.requestId(), clientIp_, exchange_.request().authority, exchange_.scheme(),
          exchange_.tls()};
}

// The target and Host that the upstream gets.
void ProxyExchange::chooseTarget() {
  const http::RequestHead& head = *head_;
  target_ = head.target;
  authority_ = head.authority;
  const bool rewrites = route_.rewrites() && head.path != "*";
  if (!rewrites && route_.hostEdit == nullptr) return;
  const std::string_view prefix = rewrites ? std::string_view(**route_.config->rewrite) : "";
  const route::ValueTemplate* host = route_.hostEdit != nullptr ? &route_.hostEdit->value : nullptr;
  const size_t hostSize = host != nullptr ? host->size(variables()) : 0;
  targetBlock_ = handler_.worker_.blocks.take(prefix.size() + head.target.size() + hostSize);
  char* end = targetBlock_.data();
  if (rewrites) {
    end = append(end, prefix);
    end = append(end, head.target.substr(route_.config->location->size()));
    target_ = {targetBlock_.data(), static_cast<size_t>(end - targetBlock_.data())};
  }
  if (host == nullptr) return;
  host->write(end, variables());
  authority_ = {end, hostSize};
}

// The client's own connection, when it has one to this upstream and it still lives.
bool ProxyExchange::takePinned() {
  pool::Lease& pinned = exchange_.pinned();
  if (!pinned) return false;
  auto& own = static_cast<upstream::HttpConn&>(pinned.conn());
  if (!upstream_.owns(own) || !own.usableAgain() || !upstream_.acquireAgain(own)) {
    pinned.release();
    return false;
  }
  bound_ = true;
  onLease(std::move(pinned));
  return true;
}

void ProxyExchange::acquire(bool fresh) {
  if (!fresh) {
    asked_ = handler_.worker_.dispatcher.now();
    if (takePinned()) return;
  }
  pool::Need need;
  need.replayable = idempotent_ && bodyAtHand();
  need.fresh = fresh;
  need.tries = triesMade();
  need.firstTry = asked_;
  lent_ = false;
  upstream_.acquire(*this, need);
}

// Whether the request could be sent a second time as far as its body goes.
bool ProxyExchange::bodyAtHand() const {
  if (trailersSent_) return false;
  const http::RequestHead& head = *head_;
  return keeping_ || head.body == http::BodyKind::None ||
         (head.body == http::BodyKind::Length && head.contentLength == 0);
}

bool ProxyExchange::replayAllowed() const {
  if (replayed_ || responseBegun_ || !idempotent_ || !bodyAtHand()) return false;
  const config::Upstream& config = config_;
  return triesMade() < *config.nextUpstreamTries &&
         handler_.worker_.dispatcher.now() - asked_ < *config.nextUpstreamTimeout;
}

// The request's body ---------------------------------------------------------------------------

// False when there is no memory for them.
bool ProxyExchange::keep(std::string_view bytes) {
  if (bodySize_ + bytes.size() > body_.capacity()) {
    // A known length is taken at once, an unknown one grows by doubling.
    const http::RequestHead& head = *head_;
    const size_t least = bodySize_ + bytes.size();
    const size_t whole = buffering_ ? static_cast<size_t>(head.contentLength) : 2 * bodySize_;
    Block larger = handler_.worker_.blocks.tryTake(std::max(least, whole));
    if (!larger) [[unlikely]]
      return false;
    if (bodySize_ > 0) std::memcpy(larger.data(), body_.data(), bodySize_);
    body_ = std::move(larger);
  }
  std::memcpy(body_.data() + bodySize_, bytes.data(), bytes.size());
  bodySize_ += bytes.size();
  return true;
}

void ProxyExchange::failForMemory() {
  cancelWait();
  exchange_.onReset(kOutOfMemory);
}

void ProxyExchange::stopKeeping() {
  keeping_ = false;
  if (!lease_) return;  // not sent yet
  body_.reset();
  bodySize_ = 0;
}

void ProxyExchange::onData(std::string_view bytes) {
  requestOwed_ += bytes.size();
  if (responseEnded_) return payRequestCredit();
  if (!lease_) {
    if (!keep(bytes)) return failForMemory();
    if (buffering_) payRequestCredit();
    return;
  }
  if (keeping_) {
    if (bodySize_ + bytes.size() > *config_.replayBuffer || !keep(bytes)) stopKeeping();
  }
  conn().sendData(bytes);
  if (conn().unsent() == 0) payRequestCredit();
}

void ProxyExchange::onTrailers(http::FieldBlock& trailers) {
  if (responseEnded_) return;
  if (!lease_) return keepTrailers(trailers);
  trailersSent_ = true;
  conn().sendTrailers(trailers);
}

void ProxyExchange::keepTrailers(const http::FieldBlock& trailers) {
  const size_t descriptors = trailers.count * sizeof(http::Field);
  trailers_ = handler_.worker_.blocks.take(descriptors + trailers.end);
  std::memcpy(trailers_.data(), trailers.fields, descriptors);
  std::memcpy(trailers_.data() + descriptors, trailers.base, trailers.end);
  trailerFields_ = trailers;
  trailerFields_.fields = reinterpret_cast<http::Field*>(trailers_.data());
  trailerFields_.base = trailers_.data() + descriptors;
}

void ProxyExchange::onEnd() {
  bodyDone_ = true;
  if (std::exchange(buffering_, false)) return acquire(false);
  if (lease_) conn().sendEnd();
}

void ProxyExchange::payRequestCredit() {
  if (requestOwed_ > 0) exchange_.addCredit(std::exchange(requestOwed_, 0));
}

// The connection -------------------------------------------------------------------------------

void ProxyExchange::onLease(pool::Lease lease) {
  lease_ = std::move(lease);
  const upstream::HttpConn& c = conn();
  const TimePoint now = handler_.worker_.dispatcher.now();
  lent_ = true;
  wait_ = now - asked_;
  connect_ = c.fresh() ? c.connectTime() : Duration(0);
  reused_ = c.exchanges() > 1;
  connRequests_ = c.exchanges() - 1;
  connAge_ = static_cast<uint64_t>((now - c.openedAt()).count() / 1000000);
  endpoint_.assign(c.endpointText());
  sent_ = now;
  sendRequest();
}

void ProxyExchange::sendRequest() {
  const http::RequestHead& head = *head_;
  upstream::OutgoingRequest request;
  request.head = &head;
  request.target = target_;
  // HTTP/1.0 clients may name no host, HTTP/1.1 servers want one.
  request.authority = authority_.empty() ? std::string_view("localhost") : authority_;
  request.body = head.body;
  request.contentLength = head.contentLength;
  request.bodyAtHand = {body_.data(), bodySize_};
  const bool isNeededAgain = keeping_ && bodySize_ <= *config_.replayBuffer;
  if (!isNeededAgain && body_) request.bodyBlock = &body_;
  request.bodyComplete = bodyDone_ && !trailers_;
  // The client may leave before the response tells what the server made of this.
  if (http::bindsConnection(head.fields) || http::bindsConnection(head.added)) bind();
  conn().send(request, upstreamSide_);
  if (trailers_) {
    trailersSent_ = true;
    conn().sendTrailers(trailerFields_);
    if (bodyDone_) conn().sendEnd();
  }
  if (!isNeededAgain) stopKeeping();
  if (requestOwed_ > 0 && conn().unsent() == 0) payRequestCredit();
}

void ProxyExchange::warm() const {
  constexpr ptrdiff_t kLine = 64;
  const auto fetch = [](const void* at, ptrdiff_t from, ptrdiff_t to) {
    for (ptrdiff_t offset = from; offset < to; offset += kLine)
      __builtin_prefetch(static_cast<const char*>(at) + offset);
  };
  fetch(&exchange_, 0, 5 * kLine);               // the session
  fetch(head_, 0, 6 * kLine);                    // its state of this exchange
  fetch(target_.data(), -4 * kLine, 5 * kLine);  // descriptors, then the lines of the request
}

void ProxyExchange::onNoLease(const Error& error) {
  wait_ = handler_.worker_.dispatcher.now() - asked_;
  exchange_.onReset(error);
}

void ProxyExchange::replay() {
  replayed_ = true;
  bound_ = false;  // to the connection that is gone
  upstream_.stats().replays.add();
  acquire(true);
}

// The connection failed under this exchange. Behind a FIN or RST without a byte of response a
// request that may be repeated goes out once more, on a new connection (RFC 9110, 9.2.2).
void ProxyExchange::onUpstreamFailed(const Error& error) {
  // That a reused connection had ended says nothing of the server.
  if (error.side == Side::Upstream && error.retry != Retry::IfIdempotent && !responseBegun_)
    lease_.conn().pool().noteFailure(lease_.conn());
  lease_.release();
  if (error.retry == Retry::IfIdempotent && !responseBegun_) {
    if (replayAllowed()) return replay();
    upstream_.stats().replaysRefused.add();
  }
  exchange_.onReset(error);
}

// The response ---------------------------------------------------------------------------------

// From now on the connection is this client's alone.
void ProxyExchange::bind() {
  bound_ = true;
  conn().bindToClient();
}

// A 408 that closes a reused connection was sent to nobody in particular while it was idle: the
// server had not read this request (RFC 9110, 15.5.9).
bool ProxyExchange::staleAnswer(const http::ResponseHead& head) const {
  return head.status == 408 && !head.keepAlive &&
         !static_cast<const upstream::HttpConn&>(lease_.conn()).fresh() && replayAllowed();
}

void ProxyExchange::onResponseHead(http::ResponseHead& head) {
  if (staleAnswer(head)) {
    lease_.release();
    return replay();
  }
  responseBegun_ = true;
  lease_.conn().pool().noteSuccess();
  upstreamStatus_ = head.status;
  if (http::bindsConnection(head.fields)) bind();
  firstByte_ = handler_.worker_.dispatcher.now() - sent_;
  upstream_.stats().firstByteTime.record(firstByte_);
  if (bodyDone_) {
    keeping_ = false;
    body_.reset();
    bodySize_ = 0;
  }
  if (route_.hideResponse.empty() && route_.addResponse.empty()) return exchange_.onHead(head);
  hide(head.fields);
  const AddedFields added(route_.addResponse, variables(), handler_.worker_.blocks);
  head.added = added.block();
  exchange_.onHead(head);
}

void ProxyExchange::hide(http::FieldBlock& fields) const {
  for (const std::string& name : route_.hideResponse) fields.drop(name);
}

void ProxyExchange::onResponseData(std::string_view bytes) {
  responseBytes_ += bytes.size();
  exchange_.onData(bytes);
}

void ProxyExchange::onResponseEnd() {
  responseEnded_ = true;
  exchange_.onEnd();
}

void ProxyExchange::onResponseBatchEnd() {
  if (!responseEnded_) return exchange_.onBatchEnd();
  // The client gets its bytes first, then the connection goes to whoever waits; this object may be
  // gone by then.
  pool::Lease lease = std::move(lease_);
  if (bound_ && lease.conn().pool().role() == pool::PoolRole::Serving)
    exchange_.pinned() = std::move(lease);
  exchange_.onBatchEnd();
}

void ProxyExchange::onResponseCredit(size_t bytes) {
  if (lease_ && !responseEnded_) conn().addCredit(bytes);
}

// The end --------------------------------------------------------------------------------------

void ProxyExchange::onOver(uint16_t status, Duration total, uint64_t requestBytes,
                           uint64_t responseBytes) {
  upstream::UpstreamStats& stats = upstream_.stats();
  stats.byClass[status >= 100 && status < 600 ? status / 100 : 0].add();
  stats.totalTime.record(total);
  stats.requestSizes.record(requestBytes);
  stats.responseSizes.record(responseBytes);
}

void ProxyExchange::describe(log::AccessRecord& record) {
  record.client = clientIp_;
  record.upstream = upstream_.name();
  record.endpoint = endpoint_.empty() ? triedEndpoint() : endpoint_.view();
  record.upstreamStatus = upstreamStatus_;
  record.wait = wait_;
  record.connect = connect_;
  record.firstByte = firstByte_;
  record.connectionAge = connAge_;
  record.connectionRequests = connRequests_;
  record.tries = static_cast<uint8_t>(triesMade());
  record.reused = reused_;
  record.replayed = replayed_;
}

void ProxyExchange::onWritten() { handler_.exchanges_.destroy(this); }

void ProxyExchange::onReset(const Error&) {
  cancelWait();
  lease_.release();
  handler_.exchanges_.destroy(this);
}

}  // namespace oxbow::session
