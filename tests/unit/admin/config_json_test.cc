#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include <set>

#include "proxy/config/loader.h"
#include "proxy/config/schema.h"
#include "tests/unit/admin/fake_exchange.h"

namespace oxbow::admin {

namespace {

using Json = nlohmann::json;

config::Config loaded(const std::string& text) {
  config::LoadResult result = config::loadText(text, "test.yaml");
  for (const auto& problem : result.problems) MESSAGE(config::format(problem, "test.yaml"));
  REQUIRE(result.config.has_value());
  return std::move(*result.config);
}

void addKeys(const Json& json, std::set<std::string>& keys) {
  if (json.is_object())
    for (const auto& [key, value] : json.items()) keys.insert(key);
  for (const Json& inner : json)
    if (inner.is_structured()) addKeys(inner, keys);
}

const std::string kListener = "listeners: [ { listen: 127.0.0.1:0, routes: [ { return: 200 } ] } ]";

// A secret in every place that can have one; each is told apart by its number.
const char* const kSecrets = R"(
admin: { listen: 127.0.0.1:9901, token_file: /run/token }
upstreams:
  api: { servers: [ 127.0.0.1:9000 ] }
listeners:
  - listen: 127.0.0.1:0
    routes:
      - location: /
        proxy_pass: api
        proxy_set_header:
          Authorization: s3cr3t-1
          Cookie: s3cr3t-2
          X-Api-Key: s3cr3t-3
          Proxy-Authorization: s3cr3t-4
          X-Session-Token: s3cr3t-5
          X-Plain: Bearer s3cr3t-6
          X-Auth: s3cr3t-7
          X-Url: "https://user:s3cr3t-8@host.example/path"
          X-Words: "the password=s3cr3t-9"
          X-Shown: shown-1
        add_header:
          Set-Cookie: id=s3cr3t-10
          X-Client-Secret: s3cr3t-11
          X-Seen: shown-2
      - location: /moved
        return: { status: 302, location: "https://me:s3cr3t-12@host.example/shown-3" }
      - location: /token
        return: { status: 302, location: "https://host.example/?access_token=s3cr3t-13" }
      - location: /body
        return: { status: 200, body: "api_key: s3cr3t-14" }
)";

}  // namespace

TEST_CASE("every key of the schema stands in /api/config") {
  const auto result = config::loadFile(OXBOW_SOURCE_ROOT "/conf/examples/all-keys.yaml");
  REQUIRE(result.config.has_value());
  std::set<std::string> keys;
  addKeys(Json::parse(configJson(*result.config, 1))["config"], keys);
  for (const config::schema::Block* block : config::schema::blocks()) {
    for (const std::string_view key : block->names()) {
      CAPTURE(block->name);
      CAPTURE(key);
      CHECK(keys.count(std::string(key)) == 1);
    }
  }
}

TEST_CASE("defaults are there, in the file's units") {
  const Json json = Json::parse(configJson(loaded(kListener), 3));
  CHECK(json["generation"] == 3);
  CHECK(json["file"] == "test.yaml");
  const Json& top = json["config"];
  CHECK(top["workers"] == "auto");
  CHECK(top["worker_connections"] == "auto");
  CHECK(top["shutdown_timeout"] == "30s");
  CHECK(top["proxy_buffers_total"] == "256m");
  CHECK(top["watch"] == false);
  CHECK(top["admin"] == nullptr);
  const Json& listener = top["listeners"][0];
  CHECK(listener["listen"] == "127.0.0.1:0");
  CHECK(listener["routes"][0]["return"]["status"] == 200);
}

TEST_CASE("upstreams stand under their names, lists are lists") {
  const Json json = Json::parse(
      configJson(loaded("upstreams: { api: { servers: [ 127.0.0.1:9000 ], queue: { size: 7 } } }\n"
                        "resolver: { addresses: [ 127.0.0.1, 127.0.0.2 ] }\n" +
                        kListener),
                 1));
  const Json& api = json["config"]["upstreams"]["api"];
  CHECK(api["servers"][0]["server"] == "127.0.0.1:9000");
  CHECK(api["queue"]["size"] == 7);
  CHECK(json["config"]["resolver"]["addresses"].size() == 2);
}

TEST_CASE_FIXTURE(PagesFixture, "no secret stands in any answer") {
  view.loaded = loaded(kSecrets);
  ReloadReport reload;
  reload.applied = true;
  reload.changes = config::diff(loaded(kListener), view.loaded);
  config::Config without = loaded(kSecrets);
  for (config::Route& route : without.listeners[0].routes) {
    route.setHeaders.clear();
    route.addHeaders.clear();
    if (route.fixed) route.fixed = config::FixedReturn{};
  }
  for (const config::Change& change : config::diff(without, view.loaded))
    reload.changes.push_back(change);
  for (const config::Change& change : config::diff(view.loaded, without))
    reload.changes.push_back(change);
  FakeExchange& reloaded = send("POST /api/reload HTTP/1.1\r\nHost: localhost");
  view.reloaded(reload);
  std::string all = get("/api/config").body + reloaded.body;
  for (const config::Change& change : reload.changes) all += config::format(change);
  const size_t at = all.find("s3cr3t");
  CHECK_MESSAGE(at == std::string::npos, all.substr(at < 60 ? 0 : at - 60, 120));
  for (const char* shown : {"shown-1", "shown-2", "shown-3", "(hidden)", "/run/token"})
    CHECK(all.find(shown) != std::string::npos);
}

}  // namespace oxbow::admin
