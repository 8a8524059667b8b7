#include "proxy/admin/admin_handler.h"

#include <string_view>

#include "proxy/admin/host_check.h"
#include "proxy/admin/report_answer.h"
#include "proxy/codec/http1/serializer.h"
#include "proxy/session/answer.h"
#include "proxy/stats/prometheus.h"

namespace oxbow::admin {

namespace {

constexpr ReportPage kMetrics{stats::PrometheusWriter::kContentType, metricsText};
constexpr ReportPage kUpstreams{"application/json", upstreamsJson};

bool isKnown(std::string_view path) {
  return path == "/healthz" || path == "/readyz" || path == "/metrics" || path == "/api/upstreams";
}

// Only HTTP/1.0 can be without Host, and no browser speaks that; in HTTP/1.1 the codec wants one.
bool isTrustedHost(const http::RequestHead& head) {
  return head.authority.empty() ? head.version == http::Version::Http10
                                : namesLoopback(head.authority);
}

void refuse(session::Exchange& exchange, uint16_t status, std::string_view detail,
            std::string_view allow = {}) {
  std::string line = std::to_string(status);
  line.append(" ").append(http1::reasonOf(status)).append(": ").append(detail).append("\n");
  session::Answer answer;
  answer.status = status;
  answer.body = line;
  answer.allow = allow;
  if (status == 503) answer.retryAfter = "1";
  session::sendAnswer(exchange, answer);
}

void answerHealth(session::Exchange& exchange) {
  session::Answer answer;
  answer.body = "ok\n";
  session::sendAnswer(exchange, answer);
}

void answerReadiness(session::Exchange& exchange, bool ready) {
  session::Answer answer;
  answer.status = ready ? 200 : 503;
  answer.body = ready ? "ready\n" : "draining or not started\n";
  session::sendAnswer(exchange, answer);
}

}  // namespace

void AdminHandler::onRequest(session::Exchange& exchange) {
  const http::RequestHead& head = exchange.request();
  if (!isTrustedHost(head))
    return refuse(exchange, 403, "Host is neither localhost nor a loopback address");
  if (!isKnown(head.path))
    return refuse(exchange, 404, "there are /healthz, /readyz, /metrics and /api/upstreams");
  if (head.method != http::Method::Get && head.method != http::Method::Head)
    return refuse(exchange, 405, "GET and HEAD only", allowedMethods());
  if (head.path == "/healthz") return answerHealth(exchange);
  if (head.path == "/readyz") return answerReadiness(exchange, view_.ready());
  if (*collects_ >= kMaxCollects)
    return refuse(exchange, 503, "too many requests wait for a report");
  ReportAnswer::start(exchange, head.path == "/metrics" ? kMetrics : kUpstreams, view_, collects_);
}

}  // namespace oxbow::admin
