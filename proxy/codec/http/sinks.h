#pragma once

#include <cstddef>
#include <string_view>

#include "proxy/base/error.h"
#include "proxy/codec/http/message_head.h"

// The seam between the two sides of an exchange. A source pushes one message into a sink:
// informational heads, the head, data, trailers, then exactly one of onEnd and onReset. Slices are
// valid during the call only. Everything runs on the worker's thread.

namespace oxbow::http {

class BodySink {
 public:
  virtual ~BodySink() = default;

  // Body bytes, coding removed. They count against the source's credit.
  virtual void onData(std::string_view bytes) = 0;
  // Trailer fields; those that control framing, routing or authentication are gone already.
  virtual void onTrailers(FieldBlock& trailers) = 0;
  // The message is complete. The source forgets the sink.
  virtual void onEnd() = 0;
  // The message will not be completed. The source forgets the sink.
  virtual void onReset(const Error& error) = 0;
  // The source has delivered all it has for now: what was collected may be written.
  // Also called once behind onEnd, never behind onReset.
  virtual void onBatchEnd() = 0;
};

class ResponseSink : public BodySink {
 public:
  // 1xx except 101; any number before the final head.
  virtual void onInformational(ResponseHead& head) = 0;
  virtual void onHead(ResponseHead& head) = 0;
};

// The giving side of a body. It starts with a credit and stops reading when that is used up.
class BodySource {
 public:
  // The sink got rid of `bytes` that it had been given. May be called inside the sink's own
  // callbacks; reading resumes later in the same turn, never inside this call.
  virtual void addCredit(size_t bytes) = 0;

 protected:
  ~BodySource() = default;
};

}  // namespace oxbow::http
