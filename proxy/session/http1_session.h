#pragma once

#include <array>
#include <memory>

#include "proxy/base/block_pool.h"
#include "proxy/base/object_pool.h"
#include "proxy/codec/http/field_writer.h"
#include "proxy/codec/http1/chunked.h"
#include "proxy/codec/http1/parser.h"
#include "proxy/codec/http1/serializer.h"
#include "proxy/config/config.h"
#include "proxy/event/dispatcher.h"
#include "proxy/log/access_log.h"
#include "proxy/net/output_queue.h"
#include "proxy/net/transport.h"
#include "proxy/session/exchange.h"
#include "proxy/session/listener_view.h"
#include "proxy/session/output_batch.h"
#include "proxy/session/pace.h"
#include "proxy/stats/counter.h"
#include "proxy/stats/histogram.h"
#include "proxy/upstream/worker_context.h"

namespace oxbow::session {

class Http1Session;
struct SessionTag;

// Why a client's connection closed; labels of a counter.
enum class SessionEnd : uint8_t {
  ClientClosed,  // FIN between requests
  ClientReset,   // RST, or FIN in the middle of a request
  KeepaliveTimeout,
  HeaderTimeout,
  BodyTimeout,
  SendTimeout,
  BadRequest,
  Finished,    // Connection: close, by either side
  Cut,         // a response that could not be completed
  BodyUnread,  // the rest of a request's body was not worth reading
  Shutdown,
  HandshakeFailed,   // TLS
  HandshakeTimeout,  // likewise
  Denied,            // by its address
  MemoryPressure,    // idle, and memory_limit is near
  Count
};
std::string_view textOf(SessionEnd end);

// Whether a client's requests are served, by its address.
enum class Admission : uint8_t {
  Granted,
  Counted,  // granted, and counted for limit_conn
  Denied,
  TooMany,  // its address has limit_conn connections
};

// What the TLS handshakes of a listener's clients came to.
struct TlsStats {
  stats::Counter full;
  stats::Counter resumed;
  stats::Counter failed;  // late ones too
  stats::Histogram time;  // of those that succeeded
};

struct SessionStats {
  stats::Counter accepted;
  stats::Counter requests;
  stats::Counter bytesIn;          // from clients, as their TLS has it
  stats::Counter bytesOut;         // that sockets, or TLS, have taken
  stats::Counter underscoreNames;  // fields dropped for their name
  stats::Gauge open;
  std::array<stats::Counter, 6> byClass;  // of all requests; [0]: no answer was sent
  std::array<stats::Counter, static_cast<size_t>(SessionEnd::Count)> ended;
  std::array<stats::Counter, static_cast<size_t>(ErrorCode::Count)> errors;
  TlsStats tls;
  stats::Histogram firstByteTime;  // from a request's head to its response's
};

// Keeps the sessions of one listener on one worker.
class SessionOwner {
 public:
  // The session is closed; the owner takes it off its list and hands it to the dispatcher.
  virtual void onSessionClosed(Http1Session& session) = 0;

 protected:
  ~SessionOwner() = default;
};

// One request in progress; idle sessions have none.
struct ExchangeState {
  const ListenerView* view = nullptr;      // pinned, once the exchange has begun
  const log::AccessTarget* log = nullptr;  // of the view, likewise
  http::RequestHead head;
  Block block;  // what the head points into
  http::FieldWriter added{nullptr, 0, nullptr, 0};
  ExchangePeer* peer = nullptr;
  TimePoint started{};
  uint64_t requestBytes = 0;
  uint64_t responseBytes = 0;
  uint64_t bodyRemaining = 0;  // of a request body with a length
  http1::ChunkedDecoder chunks;
  int64_t bodyCredit = 0;
  Pace pace;        // of the body, or of the response while the client is behind
  size_t owed = 0;  // response bytes given and not yet credited
  std::string_view requestId;
  Error error;
  uint16_t status = 0;    // sent
  bool bodyDone = false;  // of the request
  bool inTrailers = false;
  bool headSent = false;
  bool responseDone = false;
  bool chunkedResponse = false;
  bool trailersSent = false;
  bool untilClose = false;
  bool bodyless = false;  // HEAD, 204, 304
};

// What the sessions of one listener on one worker share. Outlives them.
struct SessionEnvironment {
  upstream::WorkerContext& worker;
  const ListenerView* view;  // for exchanges that begin now; may change at any time
  SessionOwner& owner;
  SessionStats& stats;
  OutputBatch& batch;
  ObjectPool<ExchangeState>& states;
  bool draining = false;  // finish, and say close
  TimePoint idleUntil{};  // then no session between requests is left
};

// What a session tells of itself to whoever looks. The views hold until the session goes on.
struct SessionFacts {
  std::string_view state;     // "idle"
  std::string_view client;    // IP address
  std::string_view upstream;  // of the exchange in progress; empty: none
  TimePoint openedAt{};
  uint64_t requests = 0;
  uint64_t requestBytes = 0;  // of the exchange in progress, bodies only
  uint64_t responseBytes = 0;
  const net::TlsFacts* tls = nullptr;  // null: it speaks none, or not yet
};

// A client's HTTP/1 connection: requests one at a time, pipelined ones in order (RFC 9112).
// Worker's thread only; the owner destroys it through the dispatcher.
class Http1Session final : private Exchange,  // first: most of its virtual calls come through it
                           public event::Deferred,
                           public ListHook<SessionTag>,
                           private event::Timer,
                           private event::Task,
                           private event::IoHandler,
                           private upstream::OpeningConn {
 public:
  Http1Session(SessionEnvironment& environment, std::unique_ptr<net::Transport> transport,
               const SocketAddress& peer, Admission admission = Admission::Granted);
  ~Http1Session() override;

  Admission admission() const { return admission_; }
  std::string_view clientIp() const override { return {clientIp_, clientIpLength_}; }

  // False when the kernel refuses; then the session is of no use.
  [[nodiscard]] bool start();

  // For a drain (SessionEnvironment): closes a session between requests at once, or at a random
  // moment of what is left of the drain, unless a request comes before.
  void leaveIfIdle();
  // Closes a session between requests, for its memory; false: it is not. One that a request is on
  // its way to stays.
  bool shedIfIdle();
  // Greater than those of the clients that came to this worker before, and its alone of all.
  uint64_t id() const { return id_; }
  // Of the exchange in progress, if there is one.
  SessionFacts facts() const;
  // Closes at once; an exchange in progress is reset.
  void shutdown();
  // Gives up the connection that is this client's alone when its server has left the configuration.
  void dropRetired();

 private:
  enum class Phase : uint8_t {
    Handshake,  // of TLS; no request can come yet
    Idle,       // between requests
    Head,       // a head has come in part
    Exchange,   // a request is in progress
    Discard,    // the response is out, the rest of the request is read and dropped
    Linger,     // everything is out and shut; the client's rest is read so that no RST cuts it off
    Closed,
  };

  std::string_view stateText() const;
  const ListenerView& view() const { return state_ != nullptr ? *state_->view : *env_.view; }
  void take(ExchangeState& state);
  void give(ExchangeState& state);

  // Readiness
  void onIo(uint8_t ready) override;
  void onTimer() override;
  void runTask() override;

  // TLS
  void goOnOpening() override;
  void opened();
  [[gnu::cold]] void failOpening();
  [[gnu::cold]] bool isRefused(Error& error);
  TimePoint idleDeadline();
  int64_t creditUnderLimit() const;
  bool isQuiet() const;
  bool isRefusedByTls(const http::RequestHead& head, Error& error) const;

  // Input
  bool wantsInput() const;
  void readMore();
  void onEof();
  bool consumeRest();
  size_t consume(std::string_view bytes);
  size_t consumeHead(std::string_view bytes);
  size_t consumeBody(std::string_view bytes);
  size_t consumeDiscarded(std::string_view bytes);
  size_t consumeLength(std::string_view bytes);
  size_t consumeChunks(std::string_view bytes);
  size_t consumeTrailers(std::string_view bytes);
  bool deliver(std::string_view data);
  void bodyEnded();
  void keepRest(std::string_view rest);
  void beginExchange(ExchangeState& state, std::string_view raw);
  [[nodiscard]] bool takeHead(ExchangeState& state, std::string_view raw);
  [[gnu::cold]] void forgetHead(ExchangeState& state);
  [[gnu::cold]] size_t bytesOfTls(const ListenerView& view) const;
  [[gnu::cold]] void refuse(const Error& error, std::string_view bytes);
  void takeLine(ExchangeState& state, std::string_view bytes);
  [[gnu::cold]] void failBody(const Error& error, SessionEnd end);

  // Output (Exchange)
  http::RequestHead& request() override { return state_->head; }
  bool publishAdded();
  bool addRequestField(std::string_view name, std::string_view value) override;
  bool addRequestField(http::Name id, std::string_view name, std::string_view value) override;
  bool addRequestLines(const http::FieldBlock& lines) override;
  void attach(ExchangePeer& peer) override { state_->peer = &peer; }
  std::string_view scheme() const override { return secure_ ? "https" : "http"; }
  const net::TlsFacts* tls() const override { return secure_ ? transport_->tls() : nullptr; }
  std::string_view requestId() const override { return state_->requestId; }
  void setRequestId(std::string_view id) override { state_->requestId = id; }
  TimePoint startedAt() const override { return state_->started; }
  void logAsRoute(size_t route) override { state_->log = &state_->view->routeLogs[route]; }
  pool::Lease& pinned() override { return pinned_; }
  void closeAfter() override { keepAlive_ = false; }
  void addCredit(size_t bytes) override;
  void onInformational(http::ResponseHead& head) override;
  void onHead(http::ResponseHead& head) override;
  void onData(std::string_view bytes) override;
  void onTrailers(http::FieldBlock& trailers) override;
  void onEnd() override;
  void onReset(const Error& error) override;
  void onBatchEnd() override;

  http1::Framing frame(const http::ResponseHead& head);
  void writeHead(const http::ResponseHead& head, const http1::Framing& framing);
  void emit(std::string_view bytes);
  void flushBatch();
  void onWritable();
  void accountBuffered();
  void payCredit();

  // Ends
  void finishExchange();
  [[gnu::cold]] void abort(const Error& error, SessionEnd end);
  void record();
  [[gnu::cold]] void noteError();
  void writeLog(Duration total, uint32_t chance);
  void describeTls(log::AccessRecord& record) const;
  void afterExchange(bool bodyDone, uint64_t bodyRemaining);
  [[gnu::cold]] void linger();
  void close(SessionEnd end, net::CloseHow how = net::CloseHow::Clean);
  void renewDeadline();
  void moved(uint64_t bytes);
  void awaitMore();
  Duration patience() const;

  SessionEnvironment& env_;
  std::unique_ptr<net::Transport> transport_;
  const uint64_t id_;
  TimePoint openedAt_{};
  ExchangeState* state_ = nullptr;
  pool::Lease pinned_;
  net::OutputQueue out_;
  Block rest_;  // bytes behind the current request, or a part of a head
  uint32_t restSize_ = 0;
  uint32_t buffered_ = 0;  // of out_, as accounted on the worker
  uint32_t requests_ = 0;
  uint32_t discard_ = 0;  // Discard: body bytes still to come; Linger: bytes dropped so far
  Phase phase_ = Phase::Idle;
  SessionEnd end_ = SessionEnd::Finished;
  Admission admission_;
  uint8_t clientIpLength_ = 0;
  uint8_t memo_;         // which of the worker's
  bool keepAlive_ : 1;   // after this exchange
  bool unread_ : 1;      // reading stopped with bytes possibly left in the socket
  bool restFresh_ : 1;   // rest_ has not been tried since it was kept
  bool peerClosed_ : 1;  // FIN seen by the poller
  bool broken_ : 1;      // the socket takes nothing more
  bool secure_ : 1;      // over TLS
  char clientIp_[48];
};

}  // namespace oxbow::session
