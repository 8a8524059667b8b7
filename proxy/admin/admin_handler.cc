#include "proxy/admin/admin_handler.h"

#include <string_view>

#include "proxy/admin/dashboard.h"
#include "proxy/admin/host_check.h"
#include "proxy/admin/late_answer.h"
#include "proxy/codec/http1/serializer.h"
#include "proxy/session/answer.h"
#include "proxy/stats/prometheus.h"

namespace oxbow::admin {

namespace {

constexpr std::string_view kJson = "application/json";

// A page that is made of a report.
struct ReportPage {
  std::string_view contentType;
  std::string (*text)(const ServerReport& report);
};
constexpr ReportPage kMetrics{stats::PrometheusWriter::kContentType, metricsText};
constexpr ReportPage kUpstreams{kJson, upstreamsJson};
constexpr ReportPage kDns{kJson, dnsJson};
constexpr ReportPage kErrors{kJson, errorsJson};

const ReportPage* pageOf(std::string_view path) {
  if (path == "/metrics") return &kMetrics;
  if (path == "/api/upstreams") return &kUpstreams;
  if (path == "/api/dns") return &kDns;
  if (path == "/api/errors") return &kErrors;
  return nullptr;
}

bool isReload(std::string_view path) { return path == "/api/reload"; }

bool isKnown(std::string_view path) {
  return path == "/" || path == "/healthz" || path == "/readyz" || pageOf(path) != nullptr ||
         isReload(path);
}

// What changes something changes it by POST alone: no link and no image of a page can.
std::string_view methodsOf(std::string_view path) { return isReload(path) ? "POST" : "GET, HEAD"; }

bool isAllowed(const http::RequestHead& head) {
  if (isReload(head.path)) return head.method == http::Method::Post;
  return head.method == http::Method::Get || head.method == http::Method::Head;
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
    return refuse(
        exchange, 404,
        "there are /, /healthz, /readyz, /metrics, /api/upstreams, /api/dns, /api/errors and "
        "/api/reload");
  if (!isAllowed(head)) {
    const std::string_view methods = methodsOf(head.path);
    return refuse(exchange, 405, isReload(head.path) ? "POST only" : "GET and HEAD only", methods);
  }
  if (head.path == "/") return answerDashboard(exchange);
  if (head.path == "/healthz") return answerHealth(exchange);
  if (head.path == "/readyz") return answerReadiness(exchange, view_.ready());
  if (*asked_ >= kMaxAsked) return refuse(exchange, 503, "too many requests wait for a report");
  if (isReload(head.path)) return reload(exchange);
  const ReportPage& page = *pageOf(head.path);
  ++*asked_;
  // Counted when the report comes, not when the callback dies: that can happen on another thread
  // when the server stops.
  view_.collect([&page, answer = LateAnswer::to(exchange), asked = asked_](const auto& report) {
    --*asked;
    answer->answer(200, page.contentType, page.text(report));
  });
}

void AdminHandler::reload(session::Exchange& exchange) {
  ++*asked_;
  view_.reload([answer = LateAnswer::to(exchange), asked = asked_](const ReloadReport& report) {
    --*asked;
    // 422: what was asked for is understood, what the file says cannot be done.
    answer->answer(report.applied ? 200 : 422, kJson, reloadJson(report));
  });
}

}  // namespace oxbow::admin
