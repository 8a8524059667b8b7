// What the metrics count, against what went over the wire.

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/integration/support/fake_upstream.h"
#include "tests/integration/support/oxbow.h"
#include "tests/integration/support/raw_client.h"
#include "tests/integration/support/samples.h"

namespace oxbow::integration {

namespace {

const std::string kUp = "{upstream=\"up\"}";
const std::string kListener = "{listener=\"127.0.0.1:0\"}";

std::string bucketOf(const std::string& family, const std::string& bound) {
  return family + "_bucket{upstream=\"up\",le=\"" + bound + "\"}";
}

}  // namespace

TEST_CASE("bytes of clients are counted both ways, heads included") {
  const std::string answer = ok(std::string(1000, 'x'));
  FakeUpstream upstream(answering(answer));
  Oxbow oxbow(Setup{.servers = {upstream.address()}, .top = kAdmin});
  RawClient client(oxbow.address());
  const std::string request = post(std::string(300, 'b'));
  for (int i = 0; i < 3; ++i) REQUIRE(client.ask(request).status() == 200);
  CHECK(oxbow.awaitMetric("oxbow_listener_received_bytes_total" + kListener,
                          3.0 * static_cast<double>(request.size())));
  // What the upstream sent and the Date that was added to it.
  CHECK(oxbow.metric("oxbow_listener_sent_bytes_total" + kListener) >=
        3.0 * static_cast<double>(answer.size()));
  CHECK(oxbow.metric("oxbow_listener_sent_bytes_total" + kListener) <=
        3.0 * static_cast<double>(answer.size() + 64));
}

TEST_CASE("a response that its client takes late is counted once") {
  const std::string body(8 << 20, 'x');
  FakeUpstream upstream(answering(ok(body)));
  Oxbow oxbow(Setup{.servers = {upstream.address()}, .top = kAdmin});
  RawClient client(oxbow.address(), 16 << 10);
  CHECK(client.ask(get()).body.size() == body.size());
  const std::string sent = "oxbow_listener_sent_bytes_total" + kListener;
  const auto size = static_cast<double>(body.size());
  CHECK(oxbow.awaitMetricAtLeast(sent, size));
  CHECK(oxbow.metric(sent) < size + 1000);
}

TEST_CASE("bodies are counted by size") {
  FakeUpstream upstream(answering(ok(std::string(5000, 'x'))));
  Oxbow oxbow(Setup{.servers = {upstream.address()}, .top = kAdmin});
  RawClient client(oxbow.address());
  REQUIRE(client.ask(get()).status() == 200);
  REQUIRE(client.ask(post(std::string(100, 'b'))).status() == 200);
  const std::string requests = "oxbow_upstream_request_body_size_bytes";
  const std::string responses = "oxbow_upstream_response_body_size_bytes";
  CHECK(oxbow.awaitMetric(requests + "_count" + kUp, 2));
  CHECK(oxbow.metric(requests + "_sum" + kUp) == 100);
  CHECK(oxbow.metric(bucketOf(requests, "64")) == 1);
  CHECK(oxbow.metric(bucketOf(requests, "256")) == 2);
  CHECK(oxbow.metric(responses + "_sum" + kUp) == 10000);
  CHECK(oxbow.metric(bucketOf(responses, "4096")) == 0);
  CHECK(oxbow.metric(bucketOf(responses, "16384")) == 2);
}

TEST_CASE("the first byte is counted of every answer, also of oxbow's own") {
  FakeUpstream upstream(answering(ok()));
  Oxbow oxbow(Setup{.servers = {upstream.address()},
                    .routes = "- { location: /none, return: 404 }\n- { proxy_pass: up }",
                    .top = kAdmin});
  RawClient client(oxbow.address());
  CHECK(client.ask(get()).status() == 200);
  CHECK(client.ask(get("/none")).status() == 404);
  CHECK(oxbow.awaitMetric("oxbow_listener_first_byte_duration_seconds_count" + kListener, 2));
}

TEST_CASE("a connect that fails and a request that goes on is a retry") {
  FakeUpstream upstream(answering(ok()));
  FakeUpstream gone(answering(ok()));
  gone.stopListening();
  Oxbow oxbow(Setup{.servers = {gone.address(), upstream.address()}, .top = kAdmin});
  // Round robin, so one of two meets the one that is gone.
  for (int i = 0; i < 2; ++i) {
    RawClient client(oxbow.address());
    CHECK(client.ask(get("/", "Connection: close\r\n")).status() == 200);
  }
  CHECK(oxbow.awaitMetricAtLeast("oxbow_upstream_retries_total" + kUp, 1));
  CHECK(oxbow.metric("oxbow_upstream_replays_total" + kUp) == 0);
}

TEST_CASE("loops, memory and the process are told") {
  FakeUpstream upstream(answering(ok()));
  Oxbow oxbow(Setup{.servers = {upstream.address()}, .top = kAdmin + "\nworkers: 2"});
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 4; ++i) clients.push_back(std::make_unique<RawClient>(oxbow.address()));
  for (int i = 0; i < 50; ++i)
    for (auto& client : clients) REQUIRE(client->ask(get()).status() == 200);
  for (const char* loop : {"main", "worker-0", "worker-1"}) {
    const std::string labels = std::string("{loop=\"") + loop + "\"}";
    CAPTURE(loop);
    CHECK(oxbow.metric("oxbow_loop_turns_total" + labels) > 0);
    CHECK(oxbow.metric("oxbow_loop_messages_total" + labels) > 0);
    CHECK(oxbow.awaitMetricAtLeast("oxbow_loop_lag_seconds_count" + labels, 2));
  }
  CHECK(oxbow.awaitMetricAtLeast("oxbow_loop_turn_duration_seconds_count{loop=\"worker-0\"}", 1));
  for (const char* kind : {"clients", "connections", "exchanges", "workers"})
    CHECK(oxbow.metric(std::string("oxbow_memory_bytes{kind=\"") + kind + "\"}") > 0);
  CHECK(oxbow.metric("process_resident_memory_bytes") > 1 << 20);
  CHECK(oxbow.metric("process_open_fds") > 8);
  CHECK(oxbow.metric("process_max_fds") >= oxbow.metric("process_open_fds"));
  CHECK(oxbow.metric("process_start_time_seconds") > 1.6e9);
  CHECK(oxbow.metric("process_cpu_seconds_total") > 0);
}

TEST_CASE("memory of clients and connections goes with them") {
  FakeUpstream upstream(answering(ok()));
  Oxbow oxbow(Setup{.servers = {upstream.address()}, .top = kAdmin});
  const std::string ofClients = "oxbow_memory_bytes{kind=\"clients\"}";
  CHECK(oxbow.metric(ofClients) == 0);
  {
    RawClient one(oxbow.address()), other(oxbow.address());
    CHECK(one.ask(get()).status() == 200);
    const double each = oxbow.metric("oxbow_memory_bytes{kind=\"connections\"}");
    CHECK(each > 100);
    CHECK(other.ask(get()).status() == 200);
    CHECK(oxbow.metric(ofClients) > 200);
    CHECK(oxbow.metric("oxbow_memory_bytes{kind=\"buffers\"}") >= 0);
  }
  CHECK(oxbow.awaitMetric(ofClients, 0));
}

}  // namespace oxbow::integration
