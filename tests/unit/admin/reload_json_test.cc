#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "proxy/admin/admin_handler.h"

using namespace oxbow;
using namespace oxbow::admin;
using Json = nlohmann::json;
using config::Change;

TEST_CASE("what a reload changed, with the effect of each change") {
  ReloadReport report;
  report.applied = true;
  report.file = "conf/a.yaml";
  report.generation = 7;
  Change cap;
  cap.path = "upstreams.api.max_conns";
  cap.before = "50";
  cap.after = "20";
  cap.effect = "idle connections beyond it close";
  Change added;
  added.kind = Change::Kind::Added;
  added.what = Change::What::Server;
  added.path = "upstreams.api.servers 127.0.0.1:3001";
  added.effect = "new connections go there too";
  Change workers;
  workers.path = "workers";
  workers.before = "1";
  workers.after = "2";
  workers.needsRestart = true;
  report.changes = {cap, added, workers};
  CHECK(Json::parse(reloadJson(report)) == Json::parse(R"({
    "applied": true, "file": "conf/a.yaml", "generation": 7,
    "changes": [
      {"kind": "changed", "what": "key", "path": "upstreams.api.max_conns",
       "before": "50", "after": "20", "effect": "idle connections beyond it close"},
      {"kind": "added", "what": "server", "path": "upstreams.api.servers 127.0.0.1:3001",
       "effect": "new connections go there too"},
      {"kind": "changed", "what": "key", "path": "workers", "before": "1", "after": "2",
       "effect": "", "needs_restart": true}
    ]})"));
}

TEST_CASE("why a reload changed nothing") {
  ReloadReport report;
  report.file = "a.yaml";
  report.error = "the file is wrong";
  report.generation = 3;
  report.problems = {{{12, 5}, "upstreams.api.keepalve", "unknown key", "keepalive"},
                     {{}, "", "cannot be read", ""}};
  CHECK(Json::parse(reloadJson(report)) == Json::parse(R"({
    "applied": false, "file": "a.yaml", "error": "the file is wrong", "generation": 3,
    "changes": [],
    "problems": [
      {"line": 12, "column": 5, "path": "upstreams.api.keepalve", "message": "unknown key",
       "suggestion": "keepalive"},
      {"line": 0, "column": 0, "path": "", "message": "cannot be read"}
    ]})"));
}

TEST_CASE("bytes that are no UTF-8 do not break the JSON") {
  ReloadReport report;
  report.file = "\xff.yaml";
  CHECK(Json::parse(reloadJson(report)).is_object());
}
