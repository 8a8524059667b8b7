#include "proxy/top/sample.h"

#include <doctest/doctest.h>

using namespace oxbow;
using namespace oxbow::top;
using namespace std::chrono_literals;

namespace {

constexpr char kUpstreams[] = R"({"upstreams": [{
  "name": "api", "warnings": ["tls verify is off"], "max_total_conns": 200,
  "queue": {"size": 1024, "waiting": 9, "served": 1, "refused": {"full": 11, "late": 12, "no_endpoint": 13}},
  "requests": {"none": 1, "1xx": 2, "2xx": 30, "3xx": 4, "4xx": 5, "5xx": 6},
  "replays": 14, "reuse_ratio": 0.9, "resumption_ratio": 0.75,
  "latency_ms": {"p50": 1.5, "p90": 2.5, "p99": null}, "wait_ms": {"p50": 0.001, "p99": 0.2},
  "endpoints": [{
    "address": "127.0.0.1:80", "standby": true, "max_conns": 64, "idle": 3, "active": 4,
    "connecting": 5, "opened": 20, "connect_failed": 2, "acquired": 100, "reused": 90,
    "reuse_ratio": 0.9, "closed": {"total": 7, "demand": 6, "server_closed": 1},
    "learned_idle_s": 4.5, "tls": {"verify": false, "resumption_ratio": 0.75}}]}]})";
constexpr char kDns[] = R"({"names": [{"name": "api.test", "state": "stale", "age_s": 12.5,
  "ttl_s": 30.0, "addresses": ["10.0.0.1", "10.0.0.2"], "last_error": "servfail"}]})";
constexpr char kErrors[] = R"({"errors": [{"age_s": 1.25, "count": 3, "status": 503,
  "upstream": "api", "endpoint": null, "error": "connection_limit_reached", "detail": "full",
  "advice": "raise it"}]})";

UpstreamSample counted(uint64_t requests, uint64_t errors, uint64_t acquired, uint64_t reused) {
  UpstreamSample upstream;
  upstream.requests = requests;
  upstream.errors = errors;
  upstream.endpoints.resize(1);
  upstream.endpoints[0].acquired = acquired;
  upstream.endpoints[0].reused = reused;
  return upstream;
}

}  // namespace

TEST_CASE("a sample has what the pages told") {
  const auto read = readSample(kUpstreams, kDns, kErrors, TimePoint(5s));
  REQUIRE(read.ok());
  const Sample& sample = read.value();
  CHECK(sample.at == TimePoint(5s));
  REQUIRE(sample.upstreams.size() == 1);
  const UpstreamSample& u = sample.upstreams[0];
  CHECK(u.name == "api");
  CHECK(u.warnings == std::vector<std::string>{"tls verify is off"});
  CHECK(u.maxTotalConns == 200);
  CHECK(u.queueSize == 1024);
  CHECK(u.waiting == 9);
  CHECK(u.refusedFull == 11);
  CHECK(u.refusedLate == 12);
  CHECK(u.refusedNoEndpoint == 13);
  CHECK(u.requests == 48);
  CHECK(u.errors == 6);
  CHECK(u.replays == 14);
  CHECK(u.reuse == Known(0.9));
  CHECK(u.resumption == Known(0.75));
  CHECK(u.waitP50 == Known(0.001));
  CHECK(u.waitP99 == Known(0.2));
  CHECK(u.totalP50 == Known(1.5));
  CHECK_FALSE(u.totalP99.has_value());
  REQUIRE(u.endpoints.size() == 1);
  const EndpointSample& e = u.endpoints[0];
  CHECK(e.address == "127.0.0.1:80");
  CHECK(e.standby);
  CHECK(e.verifyOff);
  CHECK(e.maxConns == 64);
  CHECK(e.active == 4);
  CHECK(e.idle == 3);
  CHECK(e.connecting == 5);
  CHECK(e.opened == 20);
  CHECK(e.connectFailed == 2);
  CHECK(e.closed == 7);
  CHECK(e.learnedIdle == Known(4.5));
  CHECK(e.resumption == Known(0.75));
  CHECK(e.closes ==
        std::vector<std::pair<std::string, uint64_t>>{{"demand", 6}, {"server_closed", 1}});
  REQUIRE(sample.names.size() == 1);
  CHECK(sample.names[0].state == "stale");
  CHECK(sample.names[0].addresses.size() == 2);
  CHECK(sample.names[0].lastError == "servfail");
  REQUIRE(sample.errors.size() == 1);
  CHECK(sample.errors[0].status == 503);
  CHECK(sample.errors[0].count == 3);
  CHECK(sample.errors[0].endpoint.empty());
}

TEST_CASE("what is no JSON is told, whatever is missing is not") {
  CHECK_FALSE(readSample("<html>", kDns, kErrors, {}).ok());
  CHECK_FALSE(readSample(kUpstreams, "", kErrors, {}).ok());
  CHECK_FALSE(readSample(kUpstreams, kDns, "[]", {}).ok());
  const auto empty = readSample("{}", "{}", "{}", {});
  REQUIRE(empty.ok());
  CHECK(empty.value().upstreams.empty());
  // Of other types than they should be.
  const auto odd = readSample(R"({"upstreams": [{"name": 7, "queue": [], "endpoints": {"a": 1},
    "requests": "x", "reuse_ratio": "much", "warnings": null}, 3]})",
                              R"({"names": 7})", R"({"errors": [null]})", {});
  REQUIRE(odd.ok());
  CHECK(odd.value().upstreams.size() == 2);
}

TEST_CASE("rates are what happened between two samples") {
  const UpstreamSample before = counted(100, 5, 90, 80), now = counted(150, 6, 130, 110);
  const Rates rates = ratesOf(now, &before, 2s);
  CHECK(rates.requests == Known(25));
  CHECK(rates.errors == Known(0.5));
  CHECK(rates.reuse == Known(0.75));
}

TEST_CASE("rates of nothing, of the first sample and of another process are not known") {
  const UpstreamSample before = counted(100, 5, 90, 80);
  CHECK_FALSE(ratesOf(before, nullptr, 2s).requests.has_value());
  CHECK_FALSE(ratesOf(before, &before, 0s).requests.has_value());
  CHECK(ratesOf(before, &before, 1s).requests == Known(0));
  CHECK_FALSE(ratesOf(before, &before, 1s).reuse.has_value());
  const UpstreamSample restarted = counted(3, 0, 3, 2);
  CHECK_FALSE(ratesOf(restarted, &before, 1s).requests.has_value());
  CHECK_FALSE(ratesOf(counted(200, 5, 3, 2), &before, 1s).reuse.has_value());
}
