// Names of servers: found late, moved, gone, back.

#include <doctest/doctest.h>

#include <chrono>
#include <thread>

#include "tests/integration/support/crowd.h"
#include "tests/integration/support/named_servers.h"
#include "tests/integration/support/raw_client.h"

using namespace std::chrono_literals;

namespace oxbow::integration {

namespace {

using Clock = std::chrono::steady_clock;

// A crowd that asks on a thread of its own until it is told to stop.
class Traffic {
 public:
  Traffic(const Oxbow& oxbow, size_t clients) : crowd_(oxbow.address(), clients) {
    thread_ = std::thread([this] {
      while (!stopping_) crowd_.askFor(50ms);
    });
  }
  ~Traffic() { stop(); }
  // Answers other than 200, and connections that ended.
  uint64_t stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
    return crowd_.failures();
  }
  uint64_t answers() const { return crowd_.answers(); }

 private:
  Crowd crowd_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

Setup named(const DnsServer& dns, const FakeUpstream& upstream, std::string resolve = {}) {
  return {.servers = {"api.test:" + portOf(upstream)},
          .upstream = std::move(resolve),
          .top = resolvedBy(dns)};
}

}  // namespace

TEST_CASE("a request that comes before its name is known waits for it") {
  DnsServer dns;
  const auto origin = namedOrigin("a", "127.0.0.1:0");
  dns.set("api.test", DnsType::A, {"127.0.0.1"});
  dns.delayAll(300ms);
  Oxbow oxbow(named(dns, *origin));  // serves already
  RawClient client(oxbow.address());
  const auto begin = Clock::now();
  CHECK(client.ask(get()).status() == 200);
  CHECK(Clock::now() - begin >= 200ms);
  CHECK(oxbow.metric(
            "oxbow_upstream_queue_refused_total{upstream=\"up\",reason=\"no_endpoint\"}") == 0);
}

TEST_CASE("a wait for a name has the queue's deadline") {
  DnsServer dns;
  dns.silence();
  const auto origin = namedOrigin("a", "127.0.0.1:0");
  Setup setup = named(dns, *origin, "queue: { timeout: 200ms }");
  Oxbow oxbow(setup);
  RawClient client(oxbow.address());
  const auto begin = Clock::now();
  const Message answer = client.ask(get());
  CHECK(answer.status() == 503);
  CHECK(answer.has("Retry-After"));
  CHECK(Clock::now() - begin < 4s);  // the default is 5 s
}

TEST_CASE("with no name that resolves there is a 503 that says so, and what comes is picked up") {
  DnsServer dns;
  const auto origin = namedOrigin("a", "127.0.0.1:0");
  Oxbow oxbow(named(dns, *origin));
  RawClient client(oxbow.address());
  const auto begin = Clock::now();
  const Message refused = client.ask(get());
  CHECK(refused.status() == 503);
  CHECK(tokenOf(refused) == "dns_error");
  CHECK(Clock::now() - begin < 4s);  // the default is 5 s
  dns.set("api.test", DnsType::A, {"127.0.0.1"});
  int status = 0;
  while (status != 200 && Clock::now() - begin < 30s) {
    status = client.ask(get()).status();
    std::this_thread::sleep_for(20ms);
  }
  CHECK(status == 200);
}

TEST_CASE("a name that moves takes its traffic along, and no request fails") {
  DnsServer dns;
  const auto before = namedOrigin("before", "127.0.0.2:0");
  const auto behind = namedOrigin("behind", "127.0.0.3:" + portOf(*before));
  dns.set("api.test", DnsType::A, {"127.0.0.2"}, 2s);
  Oxbow oxbow(named(dns, *before, "keepalive: 64"));
  Traffic traffic(oxbow, 16);
  REQUIRE(before->awaitRequests(200));
  const auto moved = Clock::now();
  dns.set("api.test", DnsType::A, {"127.0.0.3"}, 2s);
  REQUIRE(behind->awaitRequests(1));
  std::this_thread::sleep_until(moved + 2s + 2s);  // the TTL, and two seconds
  const size_t last = before->requests();
  std::this_thread::sleep_for(500ms);
  CHECK(before->requests() == last);
  CHECK(traffic.stop() == 0);
  CHECK(behind->requests() > 0);
  // What is idle closes, spread over a moment.
  CHECK(before->open() > 0);
  const auto limit = Clock::now() + 8s;
  while (before->open() > 0 && Clock::now() < limit) std::this_thread::sleep_for(20ms);
  CHECK(before->open() == 0);
}

TEST_CASE("while the resolver is away its last answer is used, and then no longer") {
  DnsServer dns;
  const auto origin = namedOrigin("a", "127.0.0.1:0");
  dns.set("api.test", DnsType::A, {"127.0.0.1"}, 1s);
  Setup setup = named(dns, *origin, "resolve: { stale: 6s }");
  setup.top = resolvedBy(dns, "300ms");
  Oxbow oxbow(setup);
  Traffic traffic(oxbow, 4);
  REQUIRE(origin->awaitRequests(50));
  dns.stop();
  std::this_thread::sleep_for(2500ms);
  CHECK(traffic.stop() == 0);
  CHECK(oxbow.metric("oxbow_dns_stale_serves_total") >= 1);
  RawClient client(oxbow.address());
  const auto begin = Clock::now();
  Message answer;
  do {
    answer = client.ask(get());
    std::this_thread::sleep_for(20ms);
  } while (answer.status() == 200 && Clock::now() - begin < 15s);
  CHECK(answer.status() == 503);
  CHECK(tokenOf(answer) == "dns_timeout");
  dns.start();
  while (answer.status() != 200 && Clock::now() - begin < 40s) {
    answer = client.ask(get());
    std::this_thread::sleep_for(20ms);
  }
  CHECK(answer.status() == 200);
}

TEST_CASE("an answer that flaps costs no connection") {
  DnsServer dns;
  const auto one = namedOrigin("one", "127.0.0.2:0");
  const auto other = namedOrigin("other", "127.0.0.3:" + portOf(*one));
  dns.set("api.test", DnsType::A, {"127.0.0.2"}, 0s);
  Oxbow oxbow(named(dns, *one, "max_conns: 4\nkeepalive_requests: 1000000"));
  Traffic traffic(oxbow, 8);
  REQUIRE(one->awaitRequests(50));
  for (int i = 0; i < 6; ++i) {
    const size_t asked = dns.count("api.test", DnsType::A);
    dns.set("api.test", DnsType::A, {i % 2 == 0 ? "127.0.0.3" : "127.0.0.2"}, 0s);
    REQUIRE(dns.waitFor("api.test", DnsType::A, asked + 1, 5000ms));
  }
  CHECK(traffic.stop() == 0);
  CHECK(one->connections() <= 4);
  CHECK(other->connections() <= 4);
  CHECK(oxbow.metric("oxbow_dns_addresses_drained_total") == 0);
}

TEST_CASE("an address that comes back while it drains goes on, within its cap") {
  DnsServer dns;
  const auto one = namedOrigin("one", "127.0.0.2:0");
  const auto other = namedOrigin("other", "127.0.0.3:" + portOf(*one));
  dns.set("api.test", DnsType::A, {"127.0.0.2", "127.0.0.3"}, 1s);
  Oxbow oxbow(
      named(dns, *one, "max_conns: 3\nkeepalive_requests: 1000000\nresolve: { drain_after: 1 }"));
  Traffic traffic(oxbow, 12);
  REQUIRE(one->awaitRequests(50));
  for (int i = 0; i < 4; ++i) {
    const double drained = oxbow.metric("oxbow_dns_addresses_drained_total");
    dns.set("api.test", DnsType::A, {"127.0.0.3"}, 1s);
    CHECK(oxbow.awaitMetricAtLeast("oxbow_dns_addresses_drained_total", drained + 1));
    const double added = oxbow.metric("oxbow_dns_addresses_added_total");
    dns.set("api.test", DnsType::A, {"127.0.0.2", "127.0.0.3"}, 1s);
    CHECK(oxbow.awaitMetricAtLeast("oxbow_dns_addresses_added_total", added + 1));
  }
  CHECK(traffic.stop() == 0);
  CHECK(one->mostOpen() <= 3);
  CHECK(other->mostOpen() <= 3);
}

// Whether this machine has IPv6 or not: nothing answers at an address for documentation.
const std::string kNowhere = "2001:db8::1";

TEST_CASE("a name with two families is one server: the other family stands by") {
  DnsServer dns;
  const auto origin = namedOrigin("v4", "127.0.0.1:0");
  dns.set("api.test", DnsType::A, {"127.0.0.1"});
  dns.set("api.test", DnsType::Aaaa, {kNowhere});
  Oxbow oxbow(named(dns, *origin, "keepalive: 0"));
  RawClient client(oxbow.address());
  for (int i = 0; i < 20; ++i) CHECK(client.ask(get()).body == "v4");
  CHECK(oxbow.metric("oxbow_endpoint_connections_opened_total{upstream=\"up\",endpoint=\"[" +
                     kNowhere + "]:" + portOf(*origin) + "\"}") == 0);
}

TEST_CASE("a family that does not connect gives way to the other, and that is remembered") {
  DnsServer dns;
  const auto origin = namedOrigin("v4", "127.0.0.1:0");
  dns.set("api.test", DnsType::A, {"127.0.0.1"});
  dns.set("api.test", DnsType::Aaaa, {kNowhere});
  for (const char* workers : {"workers: 1", "workers: 2"}) {
    CAPTURE(workers);
    Setup setup = named(dns, *origin, "keepalive: 0\nresolve: { prefer: ipv6 }");
    setup.top += std::string("\n") + workers;
    Oxbow oxbow(setup);
    for (int i = 0; i < 20; ++i) {
      RawClient client(oxbow.address());
      const Message answer = client.ask(get());
      CHECK(answer.status() == 200);
      CHECK(answer.body == "v4");
    }
    const double tried =
        oxbow.metric("oxbow_endpoint_connections_opened_total{upstream=\"up\",endpoint=\"[" +
                     kNowhere + "]:" + portOf(*origin) + "\"}");
    CHECK(tried >= 1);
    CHECK(tried <= 2);  // once, on each worker that was asked before it was told
  }
}

TEST_CASE("services have priorities: the next group serves when the first is gone") {
  DnsServer dns;
  const auto first = namedOrigin("first", "127.0.0.2:0");
  const auto second = namedOrigin("second", "127.0.0.3:0");
  dns.set(
      "_http._tcp.api.test", DnsType::Srv,
      {"1 10 " + portOf(*first) + " one.api.test", "2 10 " + portOf(*second) + " two.api.test"});
  dns.set("one.api.test", DnsType::A, {"127.0.0.2"});
  dns.set("two.api.test", DnsType::A, {"127.0.0.3"});
  Oxbow oxbow(Setup{.servers = {"{ server: api.test, service: http }"}, .top = resolvedBy(dns)});
  RawClient client(oxbow.address());
  for (int i = 0; i < 10; ++i) CHECK(client.ask(get()).body == "first");
  CHECK(second->connections() == 0);
  const std::string address = first->address();
  first->stop();
  for (int i = 0; i < 10; ++i) CHECK(client.ask(get()).body == "second");
  const auto again = namedOrigin("again", address);
  std::string body;
  const auto begin = Clock::now();
  while (body != "again" && Clock::now() - begin < 30s) {
    body = client.ask(get()).body;
    std::this_thread::sleep_for(20ms);
  }
  CHECK(body == "again");
}

TEST_CASE("services have weights") {
  DnsServer dns;
  const auto small = namedOrigin("small", "127.0.0.2:0");
  const auto large = namedOrigin("large", "127.0.0.3:0");
  dns.set("_http._tcp.api.test", DnsType::Srv,
          {"1 1 " + portOf(*small) + " one.api.test", "1 3 " + portOf(*large) + " two.api.test"});
  dns.set("one.api.test", DnsType::A, {"127.0.0.2"});
  dns.set("two.api.test", DnsType::A, {"127.0.0.3"});
  Oxbow oxbow(Setup{
      .servers = {"_http._tcp.api.test"}, .upstream = "keepalive: 0", .top = resolvedBy(dns)});
  RawClient client(oxbow.address());
  while (oxbow.metric("oxbow_dns_names{state=\"fresh\"}") < 1 ||
         client.ask(get()).status() != 200) {
  }
  const size_t before = small->requests() + large->requests();
  const size_t smallBefore = small->requests();
  for (int i = 0; i < 80; ++i) CHECK(client.ask(get()).status() == 200);
  CHECK(small->requests() + large->requests() == before + 80);
  CHECK(small->requests() - smallBefore >= 19);
  CHECK(small->requests() - smallBefore <= 21);
}

}  // namespace oxbow::integration
