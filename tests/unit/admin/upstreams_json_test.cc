#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "proxy/admin/admin_handler.h"
#include "tests/unit/admin/support.h"

using namespace oxbow::admin;
using Json = nlohmann::json;

namespace {

Json upstreamsOf(const ServerReport& report) {
  return Json::parse(upstreamsJson(report)).at("upstreams");
}

}  // namespace

TEST_CASE("an upstream tells its caps, its queue, its requests and its times") {
  Json upstream = upstreamsOf(busyServer()).at(0);
  upstream.erase("endpoints");
  // A percentile is the upper bound of its bucket: 0 us lies in [0, 1], 512 us is a bound itself,
  // 1000 us lies in (960, 1024] and 64000 us in (61440, 65536].
  CHECK(upstream == Json::parse(R"({
    "name": "api", "warnings": [], "keepalive": 32, "keepalive_min": 2, "max_conns": 50, "max_total_conns": 200,
    "max_connecting": 8,
    "queue": {"size": 1024, "waiting": 9, "served": 101,
              "refused": {"full": 11, "late": 12, "no_endpoint": 13}},
    "requests": {"none": 1, "1xx": 2, "2xx": 30, "3xx": 4, "4xx": 5, "5xx": 6},
    "retries": 20, "replays": 14, "replays_refused": 15, "reuse_ratio": 0.9,
    "resumption_ratio": 0.75,
    "latency_ms": {"count": 10, "p50": 1.024, "p90": 1.024, "p99": 65.536},
    "wait_ms": {"count": 1, "p50": 0.001, "p90": 0.001, "p99": 0.001},
    "connect_ms": {"count": 1, "p50": 2.048, "p90": 2.048, "p99": 2.048},
    "first_byte_ms": {"count": 2, "p50": 0.512, "p90": 0.512, "p99": 0.512}
  })"));
}

TEST_CASE("percentiles are of the last minute, merged over workers, whatever came before it") {
  ServerReport report = busyServer();
  UpstreamReport& one = report.upstreams[0];
  one.recentTotal = timesOf({1024, 1024, 1024});
  UpstreamReport other = one;
  other.recentTotal = timesOf({4096});
  one.merge(other);
  CHECK(one.totalTime.percentile(0.99) == 65536);
  CHECK(upstreamsOf(report).at(0).at("latency_ms") ==
        Json::parse(R"({"count": 4, "p50": 1.024, "p90": 4.096, "p99": 4.096})"));
  one.recentTotal = {};
  CHECK(upstreamsOf(report).at(0).at("latency_ms").at("p50").is_null());
}

TEST_CASE("an endpoint tells its connections and why they closed") {
  const Json endpoints = upstreamsOf(busyServer()).at(0).at("endpoints");
  REQUIRE(endpoints.size() == 2);
  CHECK(endpoints[0] == Json::parse(R"({
    "address": "127.0.0.1:8081", "server": "api1.internal:8081", "name": "api1.internal:8081",
    "group": 1, "backup": true, "avoided_s": 2.5, "standby": true, "weight": 2, "max_conns": 64,
    "idle": 3, "active": 4, "connecting": 5, "opened": 20, "connected": 18, "connect_failed": 2,
    "acquired": 100, "reused": 90, "reuse_ratio": 0.9, "peeks": 7, "dead_peeks": 6, "moved": 8,
    "closed": {"total": 7, "keepalive_timeout": 6, "server_closed": 1},
    "learned_idle_s": 4.5, "learned_unused_idle_s": 0.25,
    "tls": {"verify": true, "handshakes": {"full": 10, "resumed": 30, "failed": 5},
            "resumption_ratio": 0.75, "tickets_refused": 4, "sessions": 6,
            "handshake_ms": {"p50": 1.024, "p90": 4.096, "p99": 4.096},
            "certificate_errors": {"expired": 1, "wrong_name": 2}}
  })"));
}

TEST_CASE("what nothing was counted of is null, and no reason is listed that did not occur") {
  const Json upstreams = upstreamsOf(busyServer());
  const Json& endpoint = upstreams.at(0).at("endpoints").at(1);
  CHECK(endpoint.at("reuse_ratio").is_null());
  CHECK(endpoint.at("learned_idle_s").is_null());
  CHECK(endpoint.at("learned_unused_idle_s").is_null());
  CHECK(endpoint.at("closed") == Json::parse(R"({"total": 0})"));
  const Json& quiet = upstreams.at(1);
  CHECK(quiet.at("reuse_ratio").is_null());
  const Json none = Json::parse(R"({"count": 0, "p50": null, "p90": null, "p99": null})");
  for (const char* times : {"latency_ms", "wait_ms", "connect_ms", "first_byte_ms"})
    CHECK(quiet.at(times) == none);
  CHECK(quiet.at("endpoints") == Json::array());
}

TEST_CASE("an upstream's reuse ratio is of all its endpoints") {
  ServerReport report = busyServer();
  EndpointReport& second = report.upstreams[0].endpoints[1];
  second.acquired = 100;
  second.reused = 0;
  CHECK(upstreamsOf(report).at(0).at("reuse_ratio") == 0.45);
}

TEST_CASE("an endpoint without TLS has none, one that nothing has happened to has nothing of it") {
  ServerReport report = busyServer();
  CHECK(upstreamsOf(report).at(0).at("endpoints").at(1).at("tls").is_null());
  report.upstreams[0].endpoints[1].tls = true;
  CHECK(upstreamsOf(report).at(0).at("endpoints").at(1).at("tls") == Json::parse(R"({
    "verify": false, "handshakes": {"full": 0, "resumed": 0, "failed": 0},
    "resumption_ratio": null, "tickets_refused": 0, "sessions": 0,
    "handshake_ms": {"p50": null, "p90": null, "p99": null}, "certificate_errors": {}
  })"));
}

TEST_CASE("an upstream's resumption ratio is of all its endpoints, null without TLS") {
  ServerReport report = busyServer();
  EndpointReport& second = report.upstreams[0].endpoints[1];
  second.tls = true;
  second.handshakesFull = 20;
  CHECK(upstreamsOf(report).at(0).at("resumption_ratio") == 0.5);
  CHECK(upstreamsOf(report).at(1).at("resumption_ratio").is_null());
}

TEST_CASE("an upstream that does not verify its servers warns, once, and first of all") {
  ServerReport report = busyServer();
  EndpointReport& second = report.upstreams[0].endpoints[1];
  CHECK(upstreamsOf(report).at(0).at("warnings") == Json::array());
  second.tls = true;
  second.tlsVerify = false;
  CHECK(upstreamsOf(report).at(0).at("warnings") == Json::parse(R"(["tls verify is off"])"));
  report.upstreams[0].endpoints[0].tlsVerify = false;
  CHECK(upstreamsOf(report).at(0).at("warnings").size() == 1);
  CHECK(upstreamsOf(report).at(1).at("warnings") == Json::array());
  const std::string text = upstreamsJson(report);
  CHECK(text.find("\"warnings\"") < text.find("\"keepalive\""));
}

TEST_CASE("without upstreams the list is empty") {
  CHECK(Json::parse(upstreamsJson({})) == Json::parse(R"({"upstreams": []})"));
}

TEST_CASE("names of any bytes make valid JSON") {
  ServerReport report = busyServer();
  report.upstreams[0].endpoints[0].address = "unix:/tmp/\"a\\b\n\xff";
  CHECK(upstreamsOf(report).at(0).at("endpoints").at(0).at("address") ==
        "unix:/tmp/\"a\\b\n\xef\xbf\xbd");
}

TEST_CASE("members stand in the documented order and the text ends with its line") {
  const std::string text = upstreamsJson(busyServer());
  CHECK(text.back() == '\n');
  CHECK(text.find("\"name\"") < text.find("\"keepalive\""));
  CHECK(text.find("\"queue\"") < text.find("\"endpoints\""));
}
