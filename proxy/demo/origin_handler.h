#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "proxy/codec/http/field_writer.h"
#include "proxy/event/dispatcher.h"
#include "proxy/session/exchange.h"

namespace oxbow::demo {

// The pages of the embedded origin, something to put a proxy in front of: /, /bytes/N, /chunked/N,
// /delay/MS, /status/CODE, /close, /echo, /headers; docs/cli.md says what each does. Outlives its
// exchanges. One dispatcher's thread.
class OriginHandler final : public session::ExchangeHandler {
 public:
  static constexpr uint64_t kMaxBytes = 10'000'000'000;
  static constexpr uint64_t kMaxDelay = 600'000;  // ms
  static constexpr size_t kChunk = 1000;          // bytes

  // With a hint every response says Keep-Alive: timeout=SECONDS.
  explicit OriginHandler(event::Dispatcher& dispatcher,
                         std::optional<uint64_t> keepAliveHint = std::nullopt);

  void onRequest(session::Exchange& exchange) override;

 private:
  // A path that ends in a number.
  struct NumberPage {
    std::string_view prefix;
    uint64_t least;
    uint64_t most;
    void (OriginHandler::*answer)(session::Exchange& exchange, uint64_t number);
  };
  static const NumberPage kNumberPages[];

  void answerNumber(session::Exchange& exchange, const NumberPage& page);
  void answerBytes(session::Exchange& exchange, uint64_t bytes);
  void answerChunked(session::Exchange& exchange, uint64_t bytes);
  void answerDelay(session::Exchange& exchange, uint64_t milliseconds);
  void answerStatus(session::Exchange& exchange, uint64_t status);
  void answerEcho(session::Exchange& exchange);
  void answerText(session::Exchange& exchange, uint16_t status, std::string_view text);

  event::Dispatcher& dispatcher_;
  char hintBytes_[64];
  http::Field hintField_[1];
  http::FieldWriter hint_{hintBytes_, sizeof hintBytes_, hintField_, 1};  // empty: none
};

}  // namespace oxbow::demo
