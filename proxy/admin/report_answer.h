#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/admin/server_view.h"
#include "proxy/session/exchange.h"

namespace oxbow::admin {

// A page that is made of a report.
struct ReportPage {
  std::string_view contentType;
  std::string (*text)(const ServerReport& report);
};

// An exchange that waits for the report that its page is made of. Main thread. Lives until the
// exchange has ended and the report has come, in either order: the client may leave first.
class ReportAnswer final : public session::ExchangePeer {
 public:
  // Attaches to `exchange` and asks `view`. `collects` counts the reports that are still to come.
  // REQUIRES: inside ExchangeHandler::onRequest; `page` lives for ever.
  static void start(session::Exchange& exchange, const ReportPage& page, ServerView& view,
                    std::shared_ptr<size_t> collects);

 private:
  ReportAnswer(session::Exchange& exchange, const ReportPage& page)
      : exchange_(&exchange), page_(page) {}

  void answer(const ServerReport& report);
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

  session::Exchange* exchange_;         // null: it has ended
  std::shared_ptr<ReportAnswer> self_;  // held while the exchange refers to this
  const ReportPage& page_;
};

}  // namespace oxbow::admin
