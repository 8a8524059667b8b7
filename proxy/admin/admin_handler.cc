#include "proxy/admin/admin_handler.h"

#include <iterator>
#include <string_view>

#include "proxy/admin/dashboard.h"
#include "proxy/admin/late_answer.h"
#include "proxy/admin/refuse.h"
#include "proxy/base/assert.h"
#include "proxy/codec/http/field_writer.h"
#include "proxy/session/answer.h"
#include "proxy/stats/prometheus.h"

namespace oxbow::admin {

namespace {

void refuseHost(session::Exchange& exchange, bool isRemote) {
  refuse(exchange, 403,
         isRemote ? "Host is neither this address nor one of allowed_hosts"
                  : "Host is neither localhost nor a loopback address");
}

// RFC 6750, section 3.
void refuseUnknown(session::Exchange& exchange) {
  char bytes[64];
  http::Field fields[1];
  http::FieldWriter writer(bytes, sizeof bytes, fields, 1);
  const bool fits = writer.add("WWW-Authenticate", "Bearer realm=\"oxbow\"");
  ASSERT(fits);
  session::Answer answer;
  answer.status = 401;
  answer.body = "401 Unauthorized: the token is needed: Authorization: Bearer TOKEN\n";
  answer.added = writer.block();
  session::sendAnswer(exchange, answer);
}

constexpr std::string_view kJson = "application/json";

// What changes something changes it by POST alone: no link and no image of a page can.
constexpr std::string_view kRead = "GET, HEAD";
constexpr std::string_view kChange = "POST";
constexpr std::string_view kBoth = "GET, HEAD, POST";

// What a load balancer asks, who has no token; and the dashboard, which asks its user for it.
bool isForEverybody(const AdminPage& page) {
  return page.path == "/" || page.path == "/healthz" || page.path == "/readyz";
}

std::string_view wordsOf(std::string_view methods) {
  if (methods == kRead) return "GET and HEAD only";
  return methods == kChange ? "POST only" : "GET, HEAD and POST only";
}

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
    {"/", kRead, &AdminHandler::answerPage},
    {"/healthz", kRead, &AdminHandler::answerHealth},
    {"/readyz", kRead, &AdminHandler::answerReadiness},
    {"/metrics", kRead, &AdminHandler::answerReport, stats::PrometheusWriter::kContentType,
     metricsText},
    {"/api/upstreams", kRead, &AdminHandler::answerReport, kJson, upstreamsJson},
    {"/api/dns", kRead, &AdminHandler::answerReport, kJson, dnsJson},
    {"/api/errors", kRead, &AdminHandler::answerReport, kJson, errorsJson},
    {"/api/connections", kRead, &AdminHandler::answerConnections},
    {"/api/config", kRead, &AdminHandler::answerConfig},
    {"/api/log-level", kBoth, &AdminHandler::answerLogLevel},
    {"/api/events", kRead, &AdminHandler::streamEvents},
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
  if (!access_.trustsHost(head)) return refuseHost(exchange, access_.isRemote);
  const AdminPage* page = find(head.path);
  if (page == nullptr) return refuse(exchange, 404, listOfPages());
  if (!isAllowed(*page, head.method))
    return refuse(exchange, 405, wordsOf(page->methods), page->methods);
  if (mayCome(exchange, *page)) (this->*page->answer)(exchange, *page);
}

// As the token tells; else the exchange is answered. Who connects from this machine may look
// without.
bool AdminHandler::mayCome(session::Exchange& exchange, const AdminPage& page) const {
  const http::RequestHead& head = exchange.request();
  const bool changes = head.method == http::Method::Post;
  if (changes && !access_.trustsOrigin(head)) {
    refuse(exchange, 403, "a page of another origin may not change anything");
    return false;
  }
  const bool needsToken =
      access_.isRemote ? !isForEverybody(page) : changes && !access_.token.empty();
  if (!needsToken || access_.trustsToken(head)) return true;
  if (changes)
    refuse(exchange, 403, "a change needs the token: Authorization: Bearer TOKEN");
  else
    refuseUnknown(exchange);
  return false;
}

void AdminHandler::answerPage(session::Exchange& exchange, const AdminPage&) {
  answerDashboard(exchange);
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
