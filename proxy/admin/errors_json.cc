// GET /api/errors: the last errors in words.

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "proxy/admin/admin_handler.h"
#include "proxy/admin/advice.h"

namespace oxbow::admin {

namespace {

using Json = nlohmann::ordered_json;  // members in the order in which the documentation has them
using log::RecentError;

constexpr size_t kTold = log::RecentErrors::kKept;

Json textOrNull(std::string_view text) {
  if (text.empty()) return nullptr;
  return std::string(text);
}

std::string isoTime(WallTime time) {
  const int64_t millis = std::max<int64_t>(time.time_since_epoch().count(), 0) / 1000000;
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                     fmt::gmtime(static_cast<std::time_t>(millis / 1000)), millis % 1000);
}

// In milliseconds, so that it is short to read.
double secondsBetween(WallTime from, WallTime to) {
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(to - from).count();
  return static_cast<double>(std::max<int64_t>(millis, 0)) / 1000;
}

Json jsonOf(const RecentError& error, WallTime now) {
  return {{"time", isoTime(error.last)},
          {"since", isoTime(error.first)},
          {"age_s", secondsBetween(error.last, now)},
          {"count", error.count},
          {"listener", std::string(error.listener.view())},
          {"upstream", textOrNull(error.upstream.view())},
          {"endpoint", textOrNull(error.endpoint.view())},
          {"status", error.status == 0 ? Json(nullptr) : Json(error.status)},
          {"error", tokenOf(error.code)},
          {"detail", error.detail},
          {"advice", adviceOf(error.code)},
          {"method", textOrNull(error.method.view())},
          {"path", textOrNull(error.path.view())}};
}

}  // namespace

std::string errorsJson(const ServerReport& report) {
  std::vector<const RecentError*> newest;
  for (const RecentError& error : report.errors) newest.push_back(&error);
  std::stable_sort(newest.begin(), newest.end(),
                   [](const auto* a, const auto* b) { return a->last > b->last; });
  newest.resize(std::min(newest.size(), kTold));
  Json errors = Json::array();
  for (const RecentError* error : newest) errors.push_back(jsonOf(*error, report.takenAt));
  const Json page = {{"errors", std::move(errors)}};
  // A client's path may be any bytes; the library would throw at what is not UTF-8.
  return page.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace oxbow::admin
