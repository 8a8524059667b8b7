// The percentiles of /api/upstreams against an upstream that takes its time.

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "tests/integration/support/fake_upstream.h"
#include "tests/integration/support/oxbow.h"
#include "tests/integration/support/raw_client.h"
#include "tests/integration/support/samples.h"

namespace oxbow::integration {

namespace {

using Json = nlohmann::json;

constexpr int kSlowMs = 2000;
constexpr int kQuickMs = 20;

// Answers "/slow" late, and everything else behind a moment.
void takeTime(UpstreamConn& conn) {
  while (const auto request = conn.request()) {
    const bool slow = request->startLine.find("/slow") != std::string::npos;
    std::this_thread::sleep_for(milliseconds(slow ? kSlowMs : kQuickMs));
    if (!conn.send(ok("hello"))) return;
  }
}

Json upstreamOf(const Oxbow& oxbow) {
  RawClient client(oxbow.admin());
  const Message page = client.ask("GET /api/upstreams HTTP/1.1\r\nHost: localhost\r\n\r\n");
  return Json::parse(page.body).at("upstreams").at(0);
}

// The response may be with the client before it is counted.
Json awaitCounted(const Oxbow& oxbow, int requests) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  Json upstream = upstreamOf(oxbow);
  while (upstream.at("latency_ms").at("count") < requests &&
         std::chrono::steady_clock::now() < deadline)
    upstream = upstreamOf(oxbow);
  return upstream;
}

double of(const Json& upstream, const char* times, const char* percentile) {
  return upstream.at(times).at(percentile).get<double>();
}

}  // namespace

TEST_CASE("without requests there are no percentiles") {
  FakeUpstream upstream(answering(ok()));
  Oxbow oxbow(Setup{.servers = {upstream.address()}, .top = kAdmin});
  const Json none = Json::parse(R"({"count": 0, "p50": null, "p90": null, "p99": null})");
  for (const char* times : {"latency_ms", "wait_ms", "connect_ms", "first_byte_ms"})
    CHECK(upstreamOf(oxbow).at(times) == none);
}

TEST_CASE("percentiles of the last minute are those of what the upstream took") {
  FakeUpstream upstream(takeTime);
  Oxbow oxbow(Setup{.servers = {upstream.address()}, .top = kAdmin});
  RawClient client(oxbow.address());
  for (int i = 0; i < 19; ++i) REQUIRE(client.ask(get()).status() == 200);
  REQUIRE(client.ask(get("/slow")).status() == 200);
  const Json seen = awaitCounted(oxbow, 20);
  for (const char* times : {"latency_ms", "first_byte_ms"}) {
    CAPTURE(times);
    CHECK(seen.at(times).at("count") == 20);
    CHECK(of(seen, times, "p50") >= kQuickMs);
    CHECK(of(seen, times, "p50") <= of(seen, times, "p90"));
    CHECK(of(seen, times, "p90") < kSlowMs);
    CHECK(of(seen, times, "p99") >= kSlowMs);
  }
  CHECK(of(seen, "latency_ms", "p99") >= of(seen, "first_byte_ms", "p99"));
  CHECK(seen.at("wait_ms").at("count") == 20);
  CHECK(of(seen, "wait_ms", "p50") == 0.001);  // the connection was there
  CHECK(seen.at("connect_ms").at("count") == upstream.connections());
}

TEST_CASE("who waits for a connection waits as long as the one before it takes") {
  FakeUpstream upstream(takeTime);
  Oxbow oxbow(Setup{.servers = {upstream.address()}, .upstream = "max_conns: 1", .top = kAdmin});
  RawClient first(oxbow.address()), second(oxbow.address());
  first.send(get("/slow"));
  REQUIRE(upstream.awaitRequests(1));
  second.send(get());
  REQUIRE(oxbow.awaitMetric("oxbow_upstream_waiting{upstream=\"up\"}", 1));
  CHECK(first.receive().status() == 200);
  CHECK(second.receive().status() == 200);
  const Json seen = awaitCounted(oxbow, 2);
  CHECK(of(seen, "latency_ms", "p99") >= kSlowMs);
  CHECK(of(seen, "wait_ms", "p99") > of(seen, "wait_ms", "p50"));
  CHECK(of(seen, "wait_ms", "p99") < of(seen, "latency_ms", "p99") * 1.2);
}

TEST_CASE("the percentiles are of all workers together") {
  FakeUpstream upstream(takeTime);
  Oxbow oxbow(Setup{.servers = {upstream.address()}, .top = kAdmin + "\nworkers: 2"});
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 6; ++i) clients.push_back(std::make_unique<RawClient>(oxbow.address()));
  clients[0]->send(get("/slow"));
  for (size_t i = 1; i < clients.size(); ++i)
    for (int n = 0; n < 4; ++n) REQUIRE(clients[i]->ask(get()).status() == 200);
  CHECK(clients[0]->receive().status() == 200);
  CHECK(oxbow.metric("oxbow_worker_clients{worker=\"0\"}") > 0);
  CHECK(oxbow.metric("oxbow_worker_clients{worker=\"1\"}") > 0);
  const Json seen = awaitCounted(oxbow, 21);
  CHECK(seen.at("latency_ms").at("count") == 21);
  CHECK(of(seen, "latency_ms", "p90") < kSlowMs);
  CHECK(of(seen, "latency_ms", "p99") >= kSlowMs);
}

}  // namespace oxbow::integration
