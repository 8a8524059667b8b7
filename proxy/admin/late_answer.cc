#include "proxy/admin/late_answer.h"

#include <utility>

#include "proxy/session/answer.h"

namespace oxbow::admin {

std::shared_ptr<LateAnswer> LateAnswer::to(session::Exchange& exchange) {
  const std::shared_ptr<LateAnswer> answer(new LateAnswer(exchange));
  answer->self_ = answer;
  exchange.attach(*answer);
  return answer;
}

void LateAnswer::answer(uint16_t status, std::string_view contentType, const std::string& body) {
  if (exchange_ == nullptr) return;
  session::Answer answer;
  answer.status = status;
  answer.contentType = contentType;
  answer.body = body;
  session::sendAnswer(*exchange_, answer);
}

void LateAnswer::forgetExchange() {
  exchange_ = nullptr;
  // The last reference may be this one; it goes when the function is done with its members.
  const std::shared_ptr<LateAnswer> last = std::move(self_);
}

}  // namespace oxbow::admin
