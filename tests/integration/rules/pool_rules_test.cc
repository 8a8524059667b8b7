// The pool's limits over real sockets, as the origin counts them.

#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "tests/integration/support/fake_upstream.h"
#include "tests/integration/support/oxbow.h"
#include "tests/integration/support/raw_client.h"

namespace oxbow::integration {

namespace {

// Answers when the gate opens.
FakeUpstream::Script holding(Gate& gate) {
  return [&gate](UpstreamConn& conn) {
    while (conn.request()) {
      gate.await();
      if (!conn.send(ok())) return;
    }
  };
}

}  // namespace

TEST_CASE("max_conns is never exceeded, and everybody is served") {
  FakeUpstream upstream(answering(ok()));
  Oxbow oxbow(Setup{.servers = {upstream.address()}, .upstream = "max_conns: 3"});
  std::atomic<int> good{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 30; ++i)
    clients.emplace_back([&] {
      RawClient client(oxbow.address());
      for (int n = 0; n < 20; ++n) good += client.ask(get()).status() == 200 ? 1 : 0;
    });
  for (std::thread& client : clients) client.join();
  CHECK(good == 600);
  CHECK(upstream.mostOpen() <= 3);
  CHECK(upstream.connections() == 3);
}

TEST_CASE("max_total_conns holds over all servers") {
  FakeUpstream a(answering(ok("a")));
  FakeUpstream b(answering(ok("b")));
  Oxbow oxbow(Setup{.servers = {a.address(), b.address()}, .upstream = "max_total_conns: 2"});
  std::atomic<int> good{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 10; ++i)
    clients.emplace_back([&] {
      RawClient client(oxbow.address());
      for (int n = 0; n < 20; ++n) good += client.ask(get()).status() == 200 ? 1 : 0;
    });
  for (std::thread& client : clients) client.join();
  CHECK(good == 200);
  CHECK(a.mostOpen() + b.mostOpen() <= 2);
}

TEST_CASE("a full queue refuses at once, with the reason and when to come again") {
  Gate gate;
  FakeUpstream upstream(holding(gate));
  Oxbow oxbow(Setup{.servers = {upstream.address()},
                    .upstream = "max_conns: 1\nqueue: { size: 1, timeout: 5s }"});
  RawClient first(oxbow.address());
  first.send(get());
  REQUIRE(upstream.awaitRequests(1));
  RawClient second(oxbow.address());
  second.send(get());
  CHECK(second.isQuietFor(milliseconds(50)));
  RawClient third(oxbow.address());
  const Message refused = third.ask(get());
  CHECK(refused.status() == 503);
  CHECK(refused.field("Retry-After") == "1");
  CHECK(refused.field("Proxy-Status").find("error=connection_limit_reached") != std::string::npos);
  gate.open();
  CHECK(first.receive().status() == 200);
  CHECK(second.receive().status() == 200);
}

TEST_CASE("a wait in the queue ends at its deadline") {
  Gate gate;
  FakeUpstream upstream(holding(gate));
  Oxbow oxbow(Setup{.servers = {upstream.address()},
                    .upstream = "max_conns: 1\nqueue: { size: 8, timeout: 150ms }"});
  RawClient first(oxbow.address());
  first.send(get());
  REQUIRE(upstream.awaitRequests(1));
  RawClient second(oxbow.address());
  const Message refused = second.ask(get());
  CHECK(refused.status() == 503);
  CHECK(refused.field("Proxy-Status").find("error=connection_limit_reached") != std::string::npos);
  gate.open();
  CHECK(first.receive().status() == 200);
  CHECK(upstream.requests() == 1);
}

TEST_CASE("keepalive_requests closes, and says so with the last request") {
  FakeUpstream upstream(answering(ok()));
  Oxbow oxbow(Setup{.servers = {upstream.address()}, .upstream = "keepalive_requests: 3"});
  RawClient client(oxbow.address());
  for (int i = 0; i < 6; ++i) REQUIRE(client.ask(get()).status() == 200);
  CHECK(upstream.connections() == 2);
  for (size_t i = 0; i < 6; ++i)
    CHECK(upstream.request(i).field("Connection") == (i % 3 == 2 ? "close" : ""));
}

TEST_CASE("keepalive 0 takes a new connection each time") {
  FakeUpstream upstream(answering(ok()));
  Oxbow oxbow(Setup{.servers = {upstream.address()}, .upstream = "keepalive: 0"});
  RawClient client(oxbow.address());
  for (int i = 0; i < 4; ++i) REQUIRE(client.ask(get()).status() == 200);
  CHECK(upstream.connections() == 4);
  CHECK(upstream.lastRequest().field("Connection") == "close");
}

TEST_CASE("keepalive_timeout retires an idle connection") {
  FakeUpstream upstream([](UpstreamConn& conn) {
    while (conn.request()) conn.send(ok());
  });
  Oxbow oxbow(Setup{.servers = {upstream.address()}, .upstream = "keepalive_timeout: 100ms"});
  RawClient client(oxbow.address());
  REQUIRE(client.ask(get()).status() == 200);
  CHECK(upstream.awaitEnd(0, milliseconds(2000)));
}

TEST_CASE("the server's own Keep-Alive timeout retires it ahead of that") {
  FakeUpstream upstream([](UpstreamConn& conn) {
    while (conn.request()) conn.send(ok("x", "Keep-Alive: timeout=1\r\n"));
  });
  Oxbow oxbow(Setup{.servers = {upstream.address()}});
  RawClient client(oxbow.address());
  REQUIRE(client.ask(get()).status() == 200);
  CHECK(upstream.awaitEnd(0, milliseconds(1000)));
}

TEST_CASE("weights are kept exactly") {
  FakeUpstream a(answering(ok("a")));
  FakeUpstream b(answering(ok("b")));
  Oxbow oxbow(Setup{.servers = {"{ server: " + a.address() + ", weight: 2 }", b.address()}});
  RawClient client(oxbow.address());
  for (int i = 0; i < 30; ++i) REQUIRE(client.ask(get()).status() == 200);
  CHECK(a.requests() == 20);
  CHECK(b.requests() == 10);
}

TEST_CASE("a server that refuses is passed over") {
  FakeUpstream dead(answering(ok("dead")));
  dead.stopListening();
  FakeUpstream alive(answering(ok("alive")));
  Oxbow oxbow(Setup{.servers = {dead.address(), alive.address()}});
  RawClient client(oxbow.address());
  for (int i = 0; i < 10; ++i) CHECK(client.ask(post("p")).body == "alive");
}

TEST_CASE("a silent server's idle age is learned, and connections retire ahead of it") {
  // Closes what has been idle for 500 ms, and never says so.
  FakeUpstream upstream([](UpstreamConn& conn) {
    for (;;) {
      std::string none;
      if (!conn.request()) return;
      if (!conn.send(ok())) return;
      if (conn.stream().receive(none, milliseconds(500)) != Read::Late) return;
      return;
    }
  });
  Oxbow oxbow(Setup{.servers = {upstream.address()}, .top = "admin: { listen: 127.0.0.1:0 }"});
  RawClient client(oxbow.address());
  const std::string sample = "oxbow_endpoint_learned_idle_age_seconds{upstream=\"up\",endpoint=\"" +
                             upstream.address() + "\",kind=\"used\"}";
  const std::string closes = "oxbow_endpoint_connections_closed_total{upstream=\"up\",endpoint=\"" +
                             upstream.address() + "\",reason=\"server_closed\"}";
  for (int i = 0; i < 3; ++i) {
    REQUIRE(client.ask(get()).status() == 200);
    REQUIRE(oxbow.awaitMetric(closes, i + 1));
  }
  const double learned = oxbow.metric(sample);
  CHECK(learned > 0.45);
  CHECK(learned < 0.60);
}

}  // namespace oxbow::integration
