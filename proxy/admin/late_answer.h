#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/session/exchange.h"

namespace oxbow::admin {

// An exchange that waits for what its answer is made of. Main thread. Lives until the exchange has
// ended and the answer has come, in either order: the client may leave first.
class LateAnswer final : public session::ExchangePeer {
 public:
  // Attaches to `exchange`. REQUIRES: inside ExchangeHandler::onRequest.
  static std::shared_ptr<LateAnswer> to(session::Exchange& exchange);

  // Answers, unless the client has left. At most once.
  void answer(uint16_t status, std::string_view contentType, const std::string& body);

 private:
  explicit LateAnswer(session::Exchange& exchange) : exchange_(&exchange) {}

  void forgetExchange();

  // ExchangePeer. The request's body is of no interest, but must not stop the connection.
  void onData(std::string_view bytes) override { exchange_->addCredit(bytes.size()); }
  void onTrailers(http::FieldBlock&) override {}
  void onEnd() override {}
  void onBatchEnd() override {}
  void onResponseCredit(size_t) override {}
  void onOver(uint16_t, Duration, uint64_t, uint64_t) override {}
  void describe(log::AccessRecord&) override {}
  void onWritten() override { forgetExchange(); }
  void onReset(const Error&) override { forgetExchange(); }

  session::Exchange* exchange_;       // null: it has ended
  std::shared_ptr<LateAnswer> self_;  // held while the exchange refers to this
};

}  // namespace oxbow::admin
