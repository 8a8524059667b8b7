#pragma once

#include <memory>
#include <string>
#include <vector>

#include "proxy/base/address_text.h"
#include "proxy/base/block_pool.h"
#include "proxy/base/object_pool.h"
#include "proxy/pool/waiter.h"
#include "proxy/route/route_table.h"
#include "proxy/session/exchange.h"
#include "proxy/session/forwarded_lines.h"
#include "proxy/upstream/http_conn.h"
#include "proxy/upstream/upstream.h"

namespace oxbow::session {

class ProxyExchange;

// An upstream, and how the snapshot that a handler goes by has it: the upstream itself outlives
// snapshots.
struct Target {
  upstream::Upstream* upstream;
  const config::Upstream* config;
};

// Routes requests and carries them to upstreams. One per listener and worker; outlives its
// exchanges.
class ProxyHandler final : public ExchangeHandler {
 public:
  // `targets` by index of the configuration's upstreams.
  ProxyHandler(upstream::WorkerContext& worker, const config::Listener& listener,
               const route::RouteTable& routes, const std::vector<Target>& targets);
  ~ProxyHandler() override;

  void onRequest(Exchange& exchange) override;
  size_t memory() const override;

 private:
  friend class ProxyExchange;

  bool takeRequestId(Exchange& exchange);
  void makeRequestId(Exchange& exchange);
  void answerFixed(Exchange& exchange, const route::Route& route, std::string_view clientIp);
  // False when the fields to add do not fit.
  bool editRequest(Exchange& exchange, const route::Route& route, std::string_view clientIp);
  bool setRequestField(Exchange& exchange, const route::FieldEdit& edit,
                       const route::Variables& variables);
  bool editForwarded(Exchange& exchange);
  bool countHop(Exchange& exchange);
  bool setMaxForwards(Exchange& exchange, uint64_t hops);
  bool addPlain(Exchange& exchange);
  bool addForwarded(Exchange& exchange);

  upstream::WorkerContext& worker_;
  const config::Listener& listener_;
  const route::RouteTable& routes_;
  const std::vector<Target>& targets_;
  ForwardedLines lines_;
  ObjectPool<ProxyExchange> exchanges_;
};

// The client's address as the trusted hops in front tell it: `hops` entries from the right of
// X-Forwarded-For are theirs. Falls back to `peer` when the field is too short or no address.
std::string_view clientBehind(std::string_view forwardedFor, uint32_t hops, std::string_view peer);

// One request on its way to an upstream and its response on the way back: waits for a connection,
// keeps the body as long as a replay may need it, replays once where that is safe. Destroys itself
// at the end of the exchange.
class ProxyExchange final : private ExchangePeer, private pool::Waiter {
 public:
  ProxyExchange(ProxyHandler& handler, Exchange& exchange, const route::Route& route,
                const Target& target, std::string_view clientIp);
  ~ProxyExchange() override;

  void start();

 private:
  // What comes from the upstream; apart, since both sides are sinks.
  class UpstreamSide final : public upstream::HttpConnSink {
   public:
    explicit UpstreamSide(ProxyExchange& exchange) : exchange_(exchange) {}
    void onInformational(http::ResponseHead& head) override {
      exchange_.hide(head.fields);
      exchange_.exchange_.onInformational(head);
    }
    void onHead(http::ResponseHead& head) override { exchange_.onResponseHead(head); }
    void onData(std::string_view bytes) override { exchange_.onResponseData(bytes); }
    void onTrailers(http::FieldBlock& trailers) override {
      exchange_.hide(trailers);
      exchange_.exchange_.onTrailers(trailers);
    }
    void onEnd() override { exchange_.onResponseEnd(); }
    void onReset(const Error& error) override { exchange_.onUpstreamFailed(error); }
    void onBatchEnd() override { exchange_.onResponseBatchEnd(); }
    void onRequestFlushed() override { exchange_.payRequestCredit(); }

   private:
    ProxyExchange& exchange_;
  };
  friend class UpstreamSide;

  // ExchangePeer: from the client
  void onData(std::string_view bytes) override;
  void onTrailers(http::FieldBlock& trailers) override;
  void onEnd() override;
  void onReset(const Error& error) override;
  void onBatchEnd() override {}
  void onResponseCredit(size_t bytes) override;
  void onOver(uint16_t status, Duration total, uint64_t requestBytes,
              uint64_t responseBytes) override;
  void describe(log::AccessRecord& record) override;
  void onWritten() override;

  // Waiter
  void onLease(pool::Lease lease) override;
  void onNoLease(const Error& error) override;
  void warm() const override;

  // From the upstream
  void onResponseHead(http::ResponseHead& head);
  void onResponseData(std::string_view bytes);
  void onResponseEnd();
  void onResponseBatchEnd();
  void onUpstreamFailed(const Error& error);

  // Connections used, and those that could not be opened.
  uint32_t triesMade() const { return tries() + (lent_ ? 1 : 0); }
  bool replayAllowed() const;
  bool bodyAtHand() const;
  void acquire(bool fresh);
  [[nodiscard]] bool keep(std::string_view bytes);
  [[gnu::cold]] void failForMemory();
  void keepTrailers(const http::FieldBlock& trailers);
  void stopKeeping();
  void sendRequest();
  void payRequestCredit();
  void chooseTarget();
  void replay();
  bool staleAnswer(const http::ResponseHead& head) const;
  void hide(http::FieldBlock& fields) const;
  bool takePinned();
  void bind();
  route::Variables variables() const;
  upstream::HttpConn& conn() { return static_cast<upstream::HttpConn&>(lease_.conn()); }

  ProxyHandler& handler_;
  Exchange& exchange_;
  const route::Route& route_;
  upstream::Upstream& upstream_;
  const config::Upstream& config_;  // of the snapshot that the exchange pins
  UpstreamSide upstreamSide_;
  pool::Lease lease_;
  Block body_;  // of the request, as far as it may be needed again
  size_t bodySize_ = 0;
  Block trailers_;  // that came before the connection did
  http::FieldBlock trailerFields_;
  Block targetBlock_;                        // of a rewritten target or Host
  const http::RequestHead* head_ = nullptr;  // the client's, once it has begun
  std::string_view target_;
  std::string_view authority_;
  // Body bytes that came and are not yet credited to the client's side. What a connection that died
  // has not taken stays owed until the next one has.
  size_t requestOwed_ = 0;
  uint64_t responseBytes_ = 0;
  TimePoint asked_{};  // for a connection, the first time
  TimePoint sent_{};
  Duration wait_{log::kUnknown};
  Duration connect_{log::kUnknown};
  Duration firstByte_{log::kUnknown};
  uint64_t connAge_ = 0;  // ms
  uint64_t connRequests_ = 0;
  AddressText endpoint_;  // may leave before this ends
  std::string_view clientIp_;
  uint16_t upstreamStatus_ = 0;
  bool idempotent_ = false;
  bool keeping_ = false;   // body_ holds the whole body so far
  bool bodyDone_ = false;  // the client's side is complete
  bool trailersSent_ = false;
  bool buffering_ = false;  // the connection is asked for when the body is in
  bool responseEnded_ = false;
  bool replayed_ = false;
  bool lent_ = false;  // the last wait brought a connection, used up or not
  bool reused_ = false;
  bool responseBegun_ = false;
  bool bound_ = false;  // the connection is this client's alone
};

}  // namespace oxbow::session
