#include "proxy/admin/dashboard.h"

#include <utility>

#include "proxy/admin/dashboard_page.h"
#include "proxy/base/assert.h"
#include "proxy/codec/http/field_writer.h"
#include "proxy/session/answer.h"

namespace oxbow::admin {

namespace {

constexpr std::pair<std::string_view, std::string_view> kFields[] = {
    {"Content-Security-Policy", kDashboardPolicy},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Cache-Control", "no-store"},
};

}  // namespace

std::string_view dashboardPage() { return {kDashboardPage, sizeof kDashboardPage}; }
std::string_view dashboardPolicy() { return kDashboardPolicy; }

void answerDashboard(session::Exchange& exchange) {
  char bytes[1024];
  http::Field fields[std::size(kFields)];
  http::FieldWriter writer(bytes, sizeof bytes, fields, std::size(fields));
  for (const auto& [name, value] : kFields)
    if (!writer.add(name, value)) ASSERT(false);  // they are ours, and short
  session::Answer answer;
  answer.contentType = "text/html; charset=utf-8";
  answer.body = dashboardPage();
  answer.added = writer.block();
  session::sendAnswer(exchange, answer);
}

}  // namespace oxbow::admin
