#include "proxy/session/redirect_handler.h"

#include <fmt/format.h>

#include <string>

#include "proxy/session/answer.h"

namespace oxbow::session {

namespace {

constexpr uint32_t kHttpsPort = 443;
constexpr size_t kMostLocation = 8000;

// Without the port.
std::string_view hostOf(std::string_view authority) {
  const size_t close = authority.find(']');
  const size_t colon = authority.find(':', close == std::string_view::npos ? 0 : close);
  return authority.substr(0, colon);
}

Error refusal(uint16_t status, const char* detail) {
  return {ErrorCode::HttpRequestError, Side::Client, Retry::Never, status, detail};
}

}  // namespace

void RedirectHandler::onRequest(Exchange& exchange) {
  const http::RequestHead& head = exchange.request();
  const std::string_view host = hostOf(head.authority);
  if (host.empty()) return exchange.onReset(refusal(400, "no host to send the client to"));
  std::string_view target = head.target;
  if (head.absoluteForm) target = target.substr(target.find(head.path));
  if (head.path == "*") target = "/";
  if (target.size() > kMostLocation)
    return exchange.onReset(refusal(414, "the target is too long"));
  const std::string port = port_ == kHttpsPort ? std::string() : fmt::format(":{}", port_);
  const std::string location = fmt::format("https://{}{}{}", host, port, target);
  // 301 lets clients turn other methods into GET; 308 does not (RFC 9110, section 15.4).
  const bool isSafe = head.method == http::Method::Get || head.method == http::Method::Head;
  Answer answer;
  answer.status = isSafe ? 301 : 308;
  answer.body = "The same over https.\n";
  answer.location = location;
  sendAnswer(exchange, answer);
}

}  // namespace oxbow::session
