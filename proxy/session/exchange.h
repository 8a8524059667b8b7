#pragma once

#include <cstddef>
#include <string_view>

#include "proxy/codec/http/sinks.h"
#include "proxy/log/access_record.h"
#include "proxy/net/transport.h"
#include "proxy/pool/lease.h"

namespace oxbow::session {

// The handler's side of one exchange: the request's body arrives here, and what becomes of the
// response. Gets exactly one of onWritten and onReset, after which the exchange is gone. A
// request's body is passed on as it comes: onBatchEnd is not called on this side.
class ExchangePeer : public http::BodySink {
 public:
  // `bytes` of the response's body have left for the client.
  virtual void onResponseCredit(size_t bytes) = 0;
  // The exchange ends, with the status that was sent (0: none): for the counters.
  virtual void onOver(uint16_t status, Duration total, uint64_t requestBytes,
                      uint64_t responseBytes) = 0;
  // Adds what this side knows to the record of an error, to that of the access log when there is
  // one, and for whoever looks at connections meanwhile. Before onWritten or onReset.
  virtual void describe(log::AccessRecord& record) = 0;
  // The last byte of the response is with the socket.
  virtual void onWritten() = 0;
  // From BodySink: onReset(error) ends the exchange early. The client is gone or broke the
  // protocol.
};

// One request and its response on a session, seen by its handler. The handler pushes the response
// into it (ResponseSink). Its onReset answers with the error while no head was sent, else it cuts
// the connection. Worker's thread only.
class Exchange : public http::ResponseSink, public http::BodySource {
 public:
  // Valid until the exchange ends. Fields that belong to one hop are marked as dropped already.
  virtual http::RequestHead& request() = 0;
  // Adds a field to request().added; false when there is no room.
  virtual bool addRequestField(std::string_view name, std::string_view value) = 0;
  // The same for a name that `id` stands for and a value that is known to be clean.
  virtual bool addRequestField(http::Name id, std::string_view name, std::string_view value) = 0;
  // Adds lines that a FieldWriter made.
  virtual bool addRequestLines(const http::FieldBlock& lines) = 0;

  // Who gets the body and the end. REQUIRES: inside ExchangeHandler::onRequest, unless the whole
  // response was pushed there.
  virtual void attach(ExchangePeer& peer) = 0;

  virtual std::string_view clientIp() const = 0;
  virtual std::string_view scheme() const = 0;
  // What the client's TLS established; null: it speaks none.
  virtual const net::TlsFacts* tls() const { return nullptr; }
  virtual std::string_view requestId() const = 0;
  // REQUIRES: `id` stays until the exchange ends, as slices of request() do.
  virtual void setRequestId(std::string_view id) = 0;
  virtual TimePoint startedAt() const = 0;
  // It is logged as that route of the listener says, which has an access log of its own.
  virtual void logAsRoute(size_t) {}

  // A connection that is this client's alone, kept from one exchange to the next until the client
  // leaves: what it is authenticated by is the connection (NTLM, Negotiate). Usually empty.
  virtual pool::Lease& pinned() = 0;

  // The client's connection ends behind this response, if it carries one exchange at a time.
  // REQUIRES: no head was sent.
  virtual void closeAfter() {}
};

// What a listener passes on.
constexpr std::string_view kAllowedMethods = "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH";

// Answers requests: the proxy, the admin pages, the embedded origin.
class ExchangeHandler {
 public:
  virtual ~ExchangeHandler() = default;
  virtual void onRequest(Exchange& exchange) = 0;
  // For the Allow of a 405 to a method that the codec refuses (RFC 9110, section 10.2.1).
  virtual std::string_view allowedMethods() const { return kAllowedMethods; }
  // Bytes of what it has of exchanges, in progress and kept for the next.
  virtual size_t memory() const { return 0; }
};

}  // namespace oxbow::session
