// POST /api/reload: what became of it, as JSON.

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

#include "proxy/admin/admin_handler.h"

namespace oxbow::admin {

namespace {

using Json = nlohmann::ordered_json;
using config::Change;

std::string_view textOf(Change::Kind kind) {
  switch (kind) {
    case Change::Kind::Added:
      return "added";
    case Change::Kind::Removed:
      return "removed";
    case Change::Kind::Changed:
      break;
  }
  return "changed";
}

std::string_view textOf(Change::What what) {
  switch (what) {
    case Change::What::Listener:
      return "listener";
    case Change::What::Upstream:
      return "upstream";
    case Change::What::Server:
      return "server";
    case Change::What::Route:
      return "route";
    case Change::What::Key:
      break;
  }
  return "key";
}

Json jsonOf(const Change& change) {
  Json json = {{"kind", textOf(change.kind)}, {"what", textOf(change.what)}, {"path", change.path}};
  if (change.kind == Change::Kind::Changed) {
    json["before"] = change.before;
    json["after"] = change.after;
  }
  json["effect"] = change.effect;
  if (change.needsRestart) json["needs_restart"] = true;
  return json;
}

Json jsonOf(const config::Problem& problem) {
  Json json = {{"line", problem.place.line},
               {"column", problem.place.column},
               {"path", problem.path},
               {"message", problem.message}};
  if (!problem.suggestion.empty()) json["suggestion"] = problem.suggestion;
  return json;
}

}  // namespace

std::string reloadJson(const ReloadReport& report) {
  Json json = {{"applied", report.applied}, {"file", report.file}};
  if (!report.applied) json["error"] = report.error;
  json["generation"] = report.generation;
  json["changes"] = Json::array();
  for (const Change& change : report.changes) json["changes"].push_back(jsonOf(change));
  if (!report.applied) {
    json["problems"] = Json::array();
    for (const config::Problem& problem : report.problems)
      json["problems"].push_back(jsonOf(problem));
  }
  // Names of files and what stands in them may be any bytes; the library would throw at what is
  // not UTF-8.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace oxbow::admin
