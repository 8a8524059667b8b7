#include "proxy/admin/report_answer.h"

#include <utility>

#include "proxy/session/answer.h"

namespace oxbow::admin {

void ReportAnswer::start(session::Exchange& exchange, const ReportPage& page, ServerView& view,
                         std::shared_ptr<size_t> collects) {
  const std::shared_ptr<ReportAnswer> answer(new ReportAnswer(exchange, page));
  answer->self_ = answer;
  exchange.attach(*answer);
  ++*collects;
  // Counted when the report comes, not when the callback dies: that can happen on another thread
  // when the server stops.
  view.collect([answer, collects = std::move(collects)](const ServerReport& report) {
    --*collects;
    answer->answer(report);
  });
}

void ReportAnswer::answer(const ServerReport& report) {
  if (exchange_ == nullptr) return;
  const std::string text = page_.text(report);
  session::Answer answer;
  answer.contentType = page_.contentType;
  answer.body = text;
  session::sendAnswer(*exchange_, answer);
}

void ReportAnswer::forgetExchange() {
  exchange_ = nullptr;
  // The last reference may be this one; it goes when the function is done with its members.
  const std::shared_ptr<ReportAnswer> last = std::move(self_);
}

}  // namespace oxbow::admin
