#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/base/block_pool.h"
#include "proxy/codec/http/sinks.h"
#include "proxy/pool/pooled_conn.h"

namespace oxbow::upstream {

// What a request looks like on the way out, behind all edits.
struct OutgoingRequest {
  const http::RequestHead* head = nullptr;  // fields already without what belongs to one hop
  std::string_view target;                  // replaces head->target
  std::string_view authority;               // written as Host
  http::BodyKind body = http::BodyKind::None;
  uint64_t contentLength = 0;
  std::string_view bodyAtHand;  // the whole body when bodyComplete
  Block* bodyBlock = nullptr;   // that it lies in, to be taken over; null: it is needed again
  bool bodyComplete = false;    // nothing follows through sendData
};

// The exchange that a connection carries, called back with the response and what became of the
// request's bytes. onReset tells Error::retry.
class HttpConnSink : public http::ResponseSink {
 public:
  // All request bytes given so far have left; only after some had to be kept.
  virtual void onRequestFlushed() = 0;
};

// An upstream connection that speaks HTTP of any version. Worker's thread only.
class HttpConn : public pool::PooledConn, public http::BodySource {
 public:
  // Sends a request; the response comes to `sink`, never inside this call.
  // REQUIRES: room() > 0, lent out.
  virtual void send(const OutgoingRequest& request, HttpConnSink& sink) = 0;

  // The streamed rest of the request's body. REQUIRES: a request without bodyComplete under way.
  virtual void sendData(std::string_view bytes) = 0;
  virtual void sendTrailers(http::FieldBlock& trailers) = 0;
  virtual void sendEnd() = 0;
  // From now on this connection serves one client alone: it is never pooled again.
  virtual void bindToClient() = 0;
  // Whether a bound connection between two exchanges of its client still lives.
  virtual bool usableAgain() = 0;

  // Request bytes that the socket has not taken yet.
  virtual size_t unsent() const = 0;
};

}  // namespace oxbow::upstream
