#include "proxy/session/http1_session.h"

#include <algorithm>
#include <utility>

#include "proxy/base/assert.h"
#include "proxy/log/log.h"
#include "proxy/pool/conn_pool.h"

namespace oxbow::session {

namespace {
constexpr Duration kDiscardTime = std::chrono::seconds(1);
constexpr Duration kLingerTime = std::chrono::seconds(2);
constexpr Duration kRefusedTime = std::chrono::seconds(5);     // for who is told so only
constexpr Duration kDrainHandshake = std::chrono::seconds(1);  // for one that a drain meets
constexpr Error kClientGone{ErrorCode::ClientGone, Side::Client, Retry::Never, 0,
                            "the client is gone"};
}  // namespace

std::string_view textOf(SessionEnd end) {
  constexpr std::string_view kTexts[] = {"client_closed",     "client_reset", "keepalive_timeout",
                                         "header_timeout",    "body_timeout", "send_timeout",
                                         "bad_request",       "finished",     "cut",
                                         "body_unread",       "shutdown",     "handshake_failed",
                                         "handshake_timeout", "denied",       "memory_pressure"};
  static_assert(sizeof(kTexts) / sizeof(kTexts[0]) == static_cast<size_t>(SessionEnd::Count));
  return kTexts[static_cast<size_t>(end)];
}

Http1Session::Http1Session(SessionEnvironment& environment,
                           std::unique_ptr<net::Transport> transport, const SocketAddress& peer,
                           Admission admission)
    : IoHandler("a client's connection"),
      env_(environment),
      transport_(std::move(transport)),
      id_(environment.worker.takeClientId()),
      admission_(admission),
      memo_(static_cast<uint8_t>(environment.stats.accepted.value() %
                                 upstream::WorkerContext::kMemos)),
      keepAlive_(true),
      unread_(false),
      restFresh_(false),
      peerClosed_(false),
      broken_(false),
      secure_(transport_->tls() != nullptr) {
  clientIpLength_ = static_cast<uint8_t>(peer.writeIp(clientIp_));
}

Http1Session::~Http1Session() { ASSERT(state_ == nullptr); }

bool Http1Session::start() {
  if (!transport_->start(env_.worker.dispatcher, *this)) return false;
  if (secure_) phase_ = Phase::Handshake;
  openedAt_ = secure_ ? env_.worker.dispatcher.preciseNow() : env_.worker.dispatcher.now();
  renewDeadline();
  return true;
}

// Readiness -----------------------------------------------------------------------------------

void Http1Session::onIo(uint8_t ready) {
  if (phase_ == Phase::Closed) return;
  if ((ready & event::kClosed) != 0) peerClosed_ = true;
  if (phase_ == Phase::Handshake) return env_.worker.openings.add(*this);
  if ((ready & event::kWritable) != 0 && !out_.empty()) onWritable();
  if (phase_ == Phase::Closed || (ready & (event::kReadable | event::kClosed)) == 0) return;
  unread_ = true;  // until a read says otherwise: what was kept may use up this turn
  if (wantsInput()) return readMore();
  // A reset looks like any readiness while nobody reads. A FIN is only a half-close.
  if ((ready & event::kReadable) != 0 && transport_->takeError() != 0)
    abort(kClientGone, SessionEnd::ClientReset);
}

void Http1Session::runTask() {
  if (phase_ == Phase::Closed) return;
  if (broken_) return abort(kClientGone, SessionEnd::ClientReset);
  if (!wantsInput()) return;
  if (unread_)
    readMore();
  else if (restFresh_)
    consumeRest();
}

void Http1Session::onTimer() {
  event::Dispatcher& dispatcher = env_.worker.dispatcher;
  switch (phase_) {
    case Phase::Handshake:
      env_.stats.tls.failed.add();
      return close(SessionEnd::HandshakeTimeout, net::CloseHow::Reset);
    case Phase::Idle:
      if (!env_.draining) return close(SessionEnd::KeepaliveTimeout);
      if (isQuiet()) return close(SessionEnd::Shutdown);
      // A request is in the socket.
      dispatcher.setDeadline(*this, dispatcher.now() + kDiscardTime);
      unread_ = true;
      return readMore();
    case Phase::Head:
      end_ = SessionEnd::HeaderTimeout;
      return refuse({ErrorCode::HttpRequestError, Side::Client, Retry::Never, 408,
                     "the request's header did not come in time"},
                    {rest_.data(), restSize_});
    case Phase::Exchange:
      if (!out_.empty())
        return abort({ErrorCode::ClientGone, Side::Client, Retry::Never, 0,
                      "the client did not take the response in time"},
                     SessionEnd::SendTimeout);
      return failBody({ErrorCode::HttpRequestError, Side::Client, Retry::Never, 408,
                       "the request's body did not come in time"},
                      SessionEnd::BodyTimeout);
    case Phase::Discard:
      return close(SessionEnd::BodyUnread);
    case Phase::Linger:
      return close(end_);
    case Phase::Closed:
      return;
  }
}

void Http1Session::renewDeadline() {
  event::Dispatcher& dispatcher = env_.worker.dispatcher;
  const TimePoint now = dispatcher.now();
  switch (phase_) {
    case Phase::Handshake:
      return dispatcher.setDeadline(*this, now + *view().config.tls.handshakeTimeout);
    case Phase::Idle:
      return dispatcher.setDeadline(*this, idleDeadline());
    case Phase::Head:
      return dispatcher.setDeadline(*this, now + *view().config.clientHeaderTimeout);
    case Phase::Exchange:
      state_->pace.begin(now, patience());
      return awaitMore();
    case Phase::Discard:
      return dispatcher.setDeadline(*this, now + kDiscardTime);
    case Phase::Linger:
      return dispatcher.setDeadline(*this, now + kLingerTime);
    case Phase::Closed:
      return dispatcher.cancel(*this);
  }
}

TimePoint Http1Session::idleDeadline() {
  const TimePoint now = env_.worker.dispatcher.now();
  const config::Listener& config = view().config;
  Duration patience = requests_ == 0 ? *config.clientHeaderTimeout : *config.keepaliveTimeout;
  if (admission_ > Admission::Counted) patience = std::min(patience, kRefusedTime);
  if (!env_.draining) return now + patience;
  // All at once would be a burst of reconnects somewhere else.
  const Duration left = std::max(env_.idleUntil - now, Duration(1));
  const uint64_t moment = env_.worker.random.below(static_cast<uint64_t>(left.count()));
  return now + std::min(patience, Duration(static_cast<int64_t>(moment)));
}

// How long the client may do nothing.
Duration Http1Session::patience() const {
  const config::Listener& config = view().config;
  return out_.empty() ? *config.clientBodyTimeout : *config.sendTimeout;
}

// The client has sent, or taken, so much, and there is more to come.
void Http1Session::moved(uint64_t bytes) {
  const TimePoint now = env_.worker.dispatcher.now();
  state_->pace.moved(now, bytes, *view().config.clientMinRate, patience());
  awaitMore();
}

void Http1Session::awaitMore() {
  event::Dispatcher& dispatcher = env_.worker.dispatcher;
  if (!out_.empty()) return dispatcher.setDeadline(*this, state_->pace.until());
  if (!wantsInput()) return dispatcher.cancel(*this);
  const TimePoint end = state_->started + *view().config.clientBodyDeadline;
  dispatcher.setDeadline(*this, std::min(state_->pace.until(), end));
}

std::string_view Http1Session::stateText() const {
  switch (phase_) {
    case Phase::Handshake:
      return "handshake";
    case Phase::Idle:
      return "idle";
    case Phase::Head:
      return "head";
    case Phase::Exchange:
      return "exchange";
    case Phase::Discard:
      return "discard";
    case Phase::Linger:
      return "linger";
    case Phase::Closed:
      break;
  }
  return "closed";
}

SessionFacts Http1Session::facts() const {
  SessionFacts facts;
  facts.state = stateText();
  facts.client = clientIp();
  facts.openedAt = openedAt_;
  facts.requests = requests_;
  if (secure_ && phase_ != Phase::Handshake && transport_ != nullptr) facts.tls = transport_->tls();
  if (state_ == nullptr || phase_ != Phase::Exchange) return facts;
  facts.requestBytes = state_->requestBytes;
  facts.responseBytes = state_->responseBytes;
  if (state_->peer == nullptr) return facts;
  log::AccessRecord record;
  state_->peer->describe(record);
  facts.upstream = record.upstream;
  return facts;
}

// Exchanges -----------------------------------------------------------------------------------

// It ends by the rules that it begins with.
void Http1Session::take(ExchangeState& state) {
  state.view = env_.view;
  state.view->pins.pin();
  state.log = &state.view->accessLog;
  state_ = &state;
}

void Http1Session::give(ExchangeState& state) {
  Pins& pins = state.view->pins;
  env_.states.destroy(&state);
  pins.unpin();
}

// Ends ----------------------------------------------------------------------------------------

void Http1Session::record() {
  ExchangeState& state = *state_;
  const uint16_t status = state.status;
  const size_t statusClass = status >= 100 && status < 600 ? status / 100 : 0;
  env_.stats.byClass[statusClass].add();
  if (state.error.code != ErrorCode::None) noteError();

  const Duration total = env_.worker.dispatcher.preciseNow() - state.started;
  if (state.peer != nullptr)
    state.peer->onOver(status, total, state.requestBytes, state.responseBytes);
  if (state.log->writer == nullptr) return;
  const uint32_t chance = state.log->rule.chanceOf(status, state.error.code, total);
  if (log::AccessRule::isDrawn(chance, env_.worker.random)) writeLog(total, chance);
}

void Http1Session::noteError() {
  const ExchangeState& state = *state_;
  const http::RequestHead& head = state.head;
  env_.stats.errors[static_cast<size_t>(state.error.code)].add();
  const bool parsed = !head.target.empty();
  LOG_INFO("{} {} {}: {} {}: {}", clientIp(), parsed ? head.methodText : "-",
           parsed ? head.target.substr(0, 256) : "-", state.status, tokenOf(state.error.code),
           state.error.detail);
  log::AccessRecord record;
  if (state.peer != nullptr) state.peer->describe(record);
  record.time = env_.worker.dispatcher.wall();
  record.status = state.status;
  record.error = state.error.code;
  record.detail = state.error.detail;
  record.method = head.methodText;
  // Of a refused request there may be no more than its line.
  record.target = head.path.empty() ? head.target.substr(0, head.target.find('?')) : head.path;
  env_.worker.errors.add(record, *state.view->config.listen);
}

void Http1Session::writeLog(Duration total, uint32_t chance) {
  ExchangeState& state = *state_;
  log::AccessRecord record;
  record.time = env_.worker.dispatcher.wall() - total;
  record.total = total;
  record.sample = chance;
  record.status = state.status;
  record.error = state.error.code;
  record.detail = state.error.detail;
  record.requestBytes = state.requestBytes;
  record.responseBytes = state.responseBytes;
  record.client = clientIp();
  if (state.peer != nullptr) state.peer->describe(record);
  record.method = state.head.methodText;
  record.target = state.head.target;
  record.host = state.head.authority;
  if (!state.head.target.empty())  // else there was no request line
    record.protocol = state.head.version == http::Version::Http10 ? "HTTP/1.0" : "HTTP/1.1";
  record.requestId = requestId();
  if (const auto* agent = state.head.fields.find(http::Name::UserAgent))
    record.userAgent = state.head.fields.valueAt(*agent);
  if (const auto* referer = state.head.fields.find(http::Name::Referer))
    record.referer = state.head.fields.valueAt(*referer);
  if (secure_) describeTls(record);
  state.log->writer->write(record);
}

// The response is out. The peer may give a connection to another exchange in here.
void Http1Session::finishExchange() {
  record();
  ExchangeState* state = std::exchange(state_, nullptr);
  const bool bodyDone = state->bodyDone;
  const uint64_t bodyRemaining = state->bodyRemaining;
  if (state->peer != nullptr) state->peer->onWritten();
  give(*state);
  afterExchange(bodyDone, bodyRemaining);
}

void Http1Session::afterExchange(bool bodyDone, uint64_t bodyRemaining) {
  if (!keepAlive_ || env_.draining) {
    const bool inputLeft = !bodyDone || restSize_ > 0 || unread_;
    if (inputLeft && !peerClosed_) return linger();
    return close(end_);
  }
  if (bodyDone) {
    phase_ = Phase::Idle;
  } else {
    phase_ = Phase::Discard;
    discard_ = static_cast<uint32_t>(bodyRemaining);  // bounded when the head was framed
  }
  renewDeadline();
  if (peerClosed_) unread_ = true;  // what is behind the FIN has no event of its own
  if (restFresh_ || unread_) env_.worker.dispatcher.soon(*this);
}

// Ends the exchange before its response is complete, and the connection with it.
void Http1Session::abort(const Error& error, SessionEnd end) {
  env_.batch.clear();
  if (state_ == nullptr) return close(end, net::CloseHow::Reset);
  state_->error = error;
  record();
  ExchangeState* state = std::exchange(state_, nullptr);
  // A body that the connection's end delimits would look complete behind a FIN.
  const bool reset = broken_ || state->untilClose || end == SessionEnd::SendTimeout;
  if (state->peer != nullptr) state->peer->onReset(error);
  give(*state);
  close(end, reset ? net::CloseHow::Reset : net::CloseHow::Clean);
}

void Http1Session::linger() {
  phase_ = Phase::Linger;
  discard_ = 0;
  restFresh_ = false;
  rest_.reset();
  restSize_ = 0;
  transport_->shutdownWrite();
  renewDeadline();
  if (unread_) env_.worker.dispatcher.soon(*this);
}

void Http1Session::close(SessionEnd end, net::CloseHow how) {
  if (phase_ == Phase::Closed) return;
  ASSERT(state_ == nullptr);
  phase_ = Phase::Closed;
  LOG_DEBUG("client {} closed: {}, after {} requests", clientIp(), textOf(end), requests_);
  env_.stats.ended[static_cast<size_t>(end)].add();
  out_.clear();
  accountBuffered();
  rest_.reset();
  restSize_ = 0;
  Task::cancel();
  OpeningConn::unlink();
  env_.worker.dispatcher.remove(*this);
  transport_->close(how);
  pinned_.release();
  env_.owner.onSessionClosed(*this);
}

void Http1Session::leaveIfIdle() {
  if (phase_ == Phase::Handshake)
    env_.worker.dispatcher.setDeadline(*this, env_.worker.dispatcher.now() + kDrainHandshake);
  if (phase_ != Phase::Idle) return;
  if (env_.idleUntil > env_.worker.dispatcher.now()) return renewDeadline();
  if (isQuiet()) close(SessionEnd::Shutdown);
}

// Between requests, with none on its way in.
bool Http1Session::isQuiet() const {
  return phase_ == Phase::Idle && restSize_ == 0 && transport_->peek() != net::Liveness::Data;
}

bool Http1Session::shedIfIdle() {
  if (requests_ == 0 || !isQuiet()) return false;
  close(SessionEnd::MemoryPressure);
  return true;
}

void Http1Session::dropRetired() {
  if (pinned_ && pinned_.conn().pool().role() != pool::PoolRole::Serving) pinned_.release();
}

void Http1Session::shutdown() {
  if (phase_ == Phase::Closed) return;
  if (state_ != nullptr)
    return abort({ErrorCode::DestinationUnavailable, Side::Proxy, Retry::Never, 0, "stopping"},
                 SessionEnd::Shutdown);
  close(SessionEnd::Shutdown);
}

}  // namespace oxbow::session
