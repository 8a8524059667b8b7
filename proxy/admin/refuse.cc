#include "proxy/admin/refuse.h"

#include <string>

#include "proxy/codec/http1/serializer.h"
#include "proxy/session/answer.h"

namespace oxbow::admin {

void refuse(session::Exchange& exchange, uint16_t status, std::string_view detail,
            std::string_view allow) {
  std::string line = std::to_string(status);
  line.append(" ").append(http1::reasonOf(status)).append(": ").append(detail).append("\n");
  session::Answer answer;
  answer.status = status;
  answer.body = line;
  answer.allow = allow;
  if (status == 503) answer.retryAfter = "1";
  session::sendAnswer(exchange, answer);
}

}  // namespace oxbow::admin
