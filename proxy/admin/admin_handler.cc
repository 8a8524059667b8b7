#include "proxy/admin/admin_handler.h"

#include <iterator>
#include <string_view>

#include "proxy/admin/host_check.h"
#include "proxy/admin/late_answer.h"
#include "proxy/codec/http1/serializer.h"
#include "proxy/session/answer.h"
#include "proxy/stats/prometheus.h"

namespace oxbow::admin {

namespace {

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

constexpr std::string_view kJson = "application/json";

// What changes something changes it by POST alone: no link and no image of a page can.
constexpr std::string_view kRead = "GET, HEAD";
constexpr std::string_view kChange = "POST";

bool isAllowed(const AdminPage& page, http::Method method) {
  switch (method) {
    case http::Method::Get:
    case http::Method::Head:
      return page.methods.substr(0, kRead.size()) == kRead;
    case http::Method::Post:
      return page.methods.substr(page.methods.size() - kChange.size()) == kChange;
    default:
      return false;
  }
}

}  // namespace

// All there is at the admin address.
const AdminPage AdminHandler::kPages[] = {
    {"/healthz", kRead, &AdminHandler::answerHealth},
    {"/readyz", kRead, &AdminHandler::answerReadiness},
    {"/metrics", kRead, &AdminHandler::answerReport, stats::PrometheusWriter::kContentType,
     metricsText},
    {"/api/upstreams", kRead, &AdminHandler::answerReport, kJson, upstreamsJson},
    {"/api/dns", kRead, &AdminHandler::answerReport, kJson, dnsJson},
    {"/api/reload", kChange, &AdminHandler::reload},
};

const AdminPage* AdminHandler::find(std::string_view path) {
  for (const AdminPage& page : kPages)
    if (page.path == path) return &page;
  return nullptr;
}

// "there are /healthz, /readyz and /metrics".
std::string AdminHandler::listOfPages() {
  std::string text = "there are ";
  const size_t count = std::size(kPages);
  for (size_t i = 0; i < count; ++i)
    text.append(i == 0 ? "" : i + 1 < count ? ", " : " and ").append(kPages[i].path);
  return text;
}

void AdminHandler::onRequest(session::Exchange& exchange) {
  const http::RequestHead& head = exchange.request();
  if (!isTrustedHost(head))
    return refuse(exchange, 403, "Host is neither localhost nor a loopback address");
  const AdminPage* page = find(head.path);
  if (page == nullptr) return refuse(exchange, 404, listOfPages());
  if (!isAllowed(*page, head.method))
    return refuse(exchange, 405, page->methods == kRead ? "GET and HEAD only" : "POST only",
                  page->methods);
  (this->*page->answer)(exchange, *page);
}

void AdminHandler::answerHealth(session::Exchange& exchange, const AdminPage&) {
  session::Answer answer;
  answer.body = "ok\n";
  session::sendAnswer(exchange, answer);
}

void AdminHandler::answerReadiness(session::Exchange& exchange, const AdminPage&) {
  const bool ready = view_.ready();
  session::Answer answer;
  answer.status = ready ? 200 : 503;
  answer.body = ready ? "ready\n" : "draining or not started\n";
  session::sendAnswer(exchange, answer);
}

// Whether one more question may be under way; else the exchange is answered.
bool AdminHandler::mayAsk(session::Exchange& exchange) const {
  if (*asked_ < kMaxAsked) return true;
  refuse(exchange, 503, "too many requests wait for a report");
  return false;
}

void AdminHandler::answerReport(session::Exchange& exchange, const AdminPage& page) {
  if (!mayAsk(exchange)) return;
  ++*asked_;
  // Counted when the report comes, not when the callback dies: that can happen on another thread
  // when the server stops.
  view_.collect([&page, answer = LateAnswer::to(exchange), asked = asked_](const auto& report) {
    --*asked;
    answer->answer(200, page.contentType, page.text(report));
  });
}

void AdminHandler::reload(session::Exchange& exchange, const AdminPage&) {
  if (!mayAsk(exchange)) return;
  ++*asked_;
  view_.reload([answer = LateAnswer::to(exchange), asked = asked_](const ReloadReport& report) {
    --*asked;
    // 422: what was asked for is understood, what the file says cannot be done.
    answer->answer(report.applied ? 200 : 422, kJson, reloadJson(report));
  });
}

}  // namespace oxbow::admin
