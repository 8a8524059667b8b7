#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "proxy/admin/admin_handler.h"
#include "proxy/admin/advice.h"

using namespace oxbow;
using namespace oxbow::admin;
using namespace std::chrono_literals;
using Json = nlohmann::json;

namespace {

constexpr WallTime kNow{std::chrono::seconds(1700000000) + 250ms};

ServerReport reportOf(const log::RecentErrors& errors) {
  ServerReport report;
  report.errors = errors.list();
  report.takenAt = kNow;
  return report;
}

log::AccessRecord full() {
  log::AccessRecord record;
  record.time = kNow - 1500ms;
  record.error = ErrorCode::ConnectionLimitReached;
  record.detail = "the queue for a connection is full";
  record.status = 503;
  record.upstream = "api";
  record.method = "GET";
  record.target = "/list";
  return record;
}

Json errorsOf(const ServerReport& report) { return Json::parse(errorsJson(report)).at("errors"); }

}  // namespace

TEST_CASE("an error tells when, where, what and what to do about it") {
  log::RecentErrors errors;
  log::AccessRecord record = full();
  errors.add(record, "*:8080");
  record.time = kNow - 250ms;
  record.endpoint = "10.0.0.1:80";
  errors.add(record, "*:8080");
  CHECK(errorsOf(reportOf(errors)) == Json::parse(R"([{
    "time": "2023-11-14T22:13:20.000Z", "since": "2023-11-14T22:13:18.750Z", "age_s": 0.25,
    "count": 2, "listener": "*:8080", "upstream": "api", "endpoint": "10.0.0.1:80", "status": 503,
    "error": "connection_limit_reached", "detail": "the queue for a connection is full",
    "advice": "All connections were in use: raise max_conns or queue, or find what made the server slow.",
    "method": "GET", "path": "/list"
  }])"));
}

TEST_CASE("what there was not is null") {
  log::RecentErrors errors;
  log::AccessRecord record;
  record.time = kNow;
  record.error = ErrorCode::ClientGone;
  errors.add(record, "*:8080");
  const Json error = errorsOf(reportOf(errors)).at(0);
  for (const char* name : {"upstream", "endpoint", "status", "method", "path"})
    CHECK(error.at(name).is_null());
}

TEST_CASE("nothing went wrong") { CHECK(errorsJson({}) == "{\n  \"errors\": []\n}\n"); }

TEST_CASE("a path may be any bytes") {
  log::RecentErrors errors;
  log::AccessRecord record = full();
  record.target = "/<img src=x>\"\\\x01\xff";
  errors.add(record, "*:8080");
  CHECK(errorsOf(reportOf(errors)).at(0).at("path") == "/<img src=x>\"\\\x01\xef\xbf\xbd");
}

TEST_CASE("workers' errors are merged, newest first, and bounded") {
  ServerReport sum;
  for (int worker = 0; worker < 3; ++worker) {
    log::RecentErrors errors;
    for (size_t i = 0; i < log::RecentErrors::kKept; ++i) {
      log::AccessRecord record = full();
      const std::string upstream = std::to_string(i % 2 == 0 ? i : 1000 * (worker + 1) + i);
      record.upstream = upstream;
      record.time = kNow - std::chrono::milliseconds(100 * (64 - i) - worker);
      errors.add(record, "*:8080");
    }
    sum.merge(reportOf(errors));
  }
  CHECK(sum.takenAt == kNow);
  CHECK(sum.errors.size() == 32 + 3 * 32);
  const Json told = errorsOf(sum);
  REQUIRE(told.size() == 64);
  CHECK(told.at(0).at("upstream") == "3063");
  CHECK(told.at(1).at("upstream") == "2063");
  CHECK(told.at(2).at("upstream") == "1063");
  CHECK(told.at(3).at("upstream") == "62");
  CHECK(told.at(3).at("count") == 3);
  for (size_t i = 1; i < told.size(); ++i) {
    CHECK(told.at(i - 1).at("age_s").get<double>() <= told.at(i).at("age_s").get<double>());
  }
}

TEST_CASE("every code has advice of its own: a sentence") {
  std::set<std::string_view> seen;
  for (int i = 0; i < static_cast<int>(ErrorCode::Count); ++i) {
    const std::string_view advice = adviceOf(static_cast<ErrorCode>(i));
    INFO(advice);
    CHECK(seen.insert(advice).second);
    CHECK(advice.back() == '.');
    CHECK(advice.size() < 160);
  }
}
