#pragma once

#include <memory>
#include <optional>
#include <string>

#include "proxy/base/address.h"
#include "proxy/base/block_pool.h"
#include "proxy/codec/http1/chunked.h"
#include "proxy/event/dispatcher.h"
#include "proxy/net/output_queue.h"
#include "proxy/net/transport.h"
#include "proxy/tls/client_context.h"
#include "proxy/upstream/handshake_stats.h"
#include "proxy/upstream/http_conn.h"
#include "proxy/upstream/worker_context.h"

namespace oxbow::upstream {

// Reuse identity: a connection serves only exchanges that ask for one of the same key.
struct ConnKey {
  SocketAddress address;
  SocketAddress local;  // proxy_bind; unset: the system chooses
  std::optional<tls::ClientIdentity> tls;
  bool operator==(const ConnKey&) const = default;
};

// The keys of the configuration that a connection obeys.
struct ConnPolicy {
  uint32_t version = 0;  // other rules, other number
  Duration connectTimeout = std::chrono::seconds(5);
  Duration readTimeout = std::chrono::seconds(60);
  Duration sendTimeout = std::chrono::seconds(60);
  int64_t readAhead = 64 << 10;  // proxy_buffers
  uint64_t lastExchange = 1000;  // keepalive_requests: that one says close
  bool keepalive = true;         // false: every request says close
  bool operator==(const ConnPolicy&) const = default;
};

// An idle HTTP/1.1 connection on its way to another worker.
struct MovingHttp1Conn final : pool::MovingConn {
  std::shared_ptr<const ConnKey> key;
  std::unique_ptr<net::Transport> transport;
  Duration serverKeepAlive = Duration::max();
};

// One HTTP/1.1 connection to an endpoint: a request at a time, its response parsed as it comes
// (RFC 9112). An exchange that leaves in the middle may leave it draining, within 64 KiB and 1 s.
class Http1Conn final : public HttpConn,
                        private event::IoHandler,
                        private event::Task,
                        private OpeningConn,
                        private StarvedReader {
 public:
  // What the connections of one endpoint on one worker share. Outlives them.
  struct Common {
    WorkerContext& worker;
    std::shared_ptr<const ConnKey> key;
    ConnPolicy policy;           // read anew for each exchange
    const std::string endpoint;  // its address
    HandshakeStats& handshakes;
  };
  // The transport has begun to connect, or is connected when `connected`; null: `error` (errno)
  // says why there is none. The outcome is reported in a later call from the dispatcher.
  Http1Conn(const Common& common, std::unique_ptr<net::Transport> transport, bool connected,
            int error);
  // One that was idle on another worker; watched() tells whether the kernel lets this one watch it.
  Http1Conn(const Common& common, MovingHttp1Conn& moving);
  bool watched() const { return transport_ != nullptr; }
  ~Http1Conn() override;

  // HttpConn
  void send(const OutgoingRequest& request, HttpConnSink& sink) override;
  void sendData(std::string_view bytes) override;
  void sendTrailers(http::FieldBlock& trailers) override;
  void sendEnd() override;
  void bindToClient() override { bound_ = true; }
  bool usableAgain() override;
  size_t unsent() const override { return out_.size(); }
  void addCredit(size_t bytes) override;
  std::string_view endpointText() const override { return common_.endpoint; }
  uint32_t room() const override;
  std::optional<bool> tlsResumed() const override;

 protected:
  // PooledConn
  bool answered() const override { return handshakeSince_ != TimePoint(); }
  pool::Probe probe() override;
  bool reusable() const override;
  pool::CloseReason closeReason() const override { return why_; }
  bool drain() override;
  void closeSocket() override;
  std::unique_ptr<pool::MovingConn> depart() override;
  void onDeadline() override;
  Duration serverKeepAlive() const override { return serverKeepAlive_; }

 private:
  static constexpr uint64_t kDrainBytes = 64 << 10;  // that are read for a client that has left

  // Where the response stands.
  enum class Phase : uint8_t { None, Head, Body, Trailers, Done };

  void onIo(uint8_t ready) override;
  void runTask() override;
  void onRoom() override;

  void goOnOpening() override;
  void noteHandshake();
  [[gnu::cold]] void failOpening();
  void finishConnect();
  [[gnu::cold]] void failConnect(int error);
  [[gnu::cold]] void failConnected();
  void onIdleReady(uint8_t ready);
  void onActiveReady(uint8_t ready);

  void write(std::string_view bytes);
  void writeParts(const struct iovec* parts, int count, size_t total, Block* large = nullptr);
  void flush();
  [[gnu::cold]] void onWriteFailed();

  void readMore();
  size_t consume(std::string_view bytes);
  size_t consumeHead(std::string_view bytes);
  size_t consumeBody(std::string_view bytes);
  size_t consumeChunks(std::string_view bytes);
  size_t consumeTrailers(std::string_view bytes);
  void beginResponse(http::ResponseHead& head);
  void noteKeepAlive(const http::ResponseHead& head);
  void notePromise(std::string_view value);
  void keepNamed(const http::FieldBlock& fields);
  void deliver(std::string_view data);
  void onEof();
  [[gnu::cold]] void onReadFailed();
  [[gnu::cold]] void onEnded(const char* detail);
  bool isDirtyBehind(std::string_view rest, bool more);
  void finish();
  [[gnu::cold]] void fail(const Error& error, pool::CloseReason reason);
  void keepRest(std::string_view rest);
  void renewDeadline();
  size_t allowance() const;
  [[gnu::cold]] size_t starvedAllowance(int64_t room) const;
  int64_t slack() const;
  void stopReading();

  const Common& common_;
  WorkerContext& worker_;
  ConnPolicy policy_;  // an exchange ends by the rules that it began with
  http1::SectionMemo& memo_;
  std::unique_ptr<net::Transport> transport_;
  HttpConnSink* sink_ = nullptr;
  net::OutputQueue out_;
  Block rest_;  // a head or trailers that have come in part
  uint32_t restSize_ = 0;

  Phase phase_ = Phase::None;
  http::Method method_ = http::Method::Other;
  http::BodyKind body_ = http::BodyKind::None;
  pool::CloseReason why_ = pool::CloseReason::ResponseClose;
  http1::ChunkedDecoder chunks_;
  uint64_t remaining_ = 0;  // of a body with a length
  int64_t credit_ = 0;      // body bytes that the sink may still be given
  uint64_t drained_ = 0;    // bytes read since the borrower left
  Duration serverKeepAlive_ = Duration::max();
  uint16_t informational_ = 0;
  int connectError_ = 0;
  TimePoint handshakeSince_{};
  uint64_t sentTurn_ = 0;  // of the dispatcher, when the request left

  bool connected_ : 1;
  bool chunkedRequest_ : 1;
  bool requestDone_ : 1;    // every byte of the request was handed to us
  bool responseBegun_ : 1;  // a byte of the response came
  bool keepAlive_ : 1;      // both sides want the connection to stay
  bool clean_ : 1;          // idle, or the last exchange ended as it should
  bool peerClosed_ : 1;     // FIN seen by the poller, perhaps with bytes before it
  bool writeBroken_ : 1;    // the peer takes nothing more; it may still have answered
  bool unread_ : 1;         // reading stopped with bytes possibly left in the socket
  bool draining_ : 1;
  bool bound_ : 1;      // to one client
  bool saidClose_ : 1;  // our request carried Connection: close

  Block named_;  // by Connection of a chunked response, until its trailers have come
  size_t namedSize_ = 0;
};

}  // namespace oxbow::upstream
