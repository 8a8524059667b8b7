// How long an upstream connection stays, and in which order idle ones are used.

#include <doctest/doctest.h>

#include <memory>
#include <vector>

#include "tests/integration/support/fake_upstream.h"
#include "tests/integration/support/oxbow.h"
#include "tests/integration/support/raw_client.h"
#include "tests/integration/support/samples.h"

namespace oxbow::integration {

namespace {

// Opens `count` connections at once and gives all of them back.
void openTogether(Oxbow& oxbow, FakeUpstream& upstream, size_t count, Gate& gate) {
  std::vector<std::unique_ptr<RawClient>> clients;
  for (size_t i = 0; i < count; ++i) {
    clients.push_back(std::make_unique<RawClient>(oxbow.address()));
    clients.back()->send(get());
    REQUIRE(upstream.awaitRequests(i + 1));
  }
  gate.open();
  for (const auto& client : clients) REQUIRE(client->receive().status() == 200);
}

FakeUpstream::Script numbered(Gate& gate) {
  return [&gate](UpstreamConn& conn) {
    while (conn.request()) {
      gate.await();
      conn.send(ok(std::to_string(conn.index())));
    }
    conn.awaitEnd();
  };
}

}  // namespace

TEST_CASE("keepalive_timeout closes an idle connection") {
  FakeUpstream upstream(answering(ok()));
  Oxbow oxbow(Setup{
      .servers = {upstream.address()}, .upstream = "keepalive_timeout: 150ms", .top = kAdmin});
  RawClient client(oxbow.address());
  CHECK(client.ask(get()).status() == 200);
  const auto start = std::chrono::steady_clock::now();
  CHECK(upstream.awaitEnd(0));
  const auto idle = std::chrono::steady_clock::now() - start;
  CHECK(idle > milliseconds(100));
  CHECK(idle < milliseconds(4000));  // the default is a minute
  CHECK(oxbow.metric(closedFor(upstream, "keepalive_timeout")) == 1);
  CHECK(client.ask(get()).status() == 200);
  CHECK(upstream.connections() == 2);
}

TEST_CASE("keepalive_requests retires a connection, and the last request says so") {
  FakeUpstream upstream(answering(ok()));
  Oxbow oxbow(
      Setup{.servers = {upstream.address()}, .upstream = "keepalive_requests: 3", .top = kAdmin});
  RawClient client(oxbow.address());
  for (int i = 0; i < 7; ++i) CHECK(client.ask(get()).status() == 200);
  CHECK(upstream.connections() == 3);
  for (size_t i = 0; i < 7; ++i)
    CHECK(upstream.request(i).field("Connection") == (i % 3 == 2 ? "close" : ""));
  CHECK(oxbow.metric(closedFor(upstream, "keepalive_requests")) == 2);
}

TEST_CASE("keepalive_time retires a connection, busy or not") {
  FakeUpstream upstream(answering(ok()));
  Oxbow oxbow(Setup{.servers = {upstream.address()},
                    .upstream = "keepalive_time: 200ms\nkeepalive_requests: 1000000",
                    .top = kAdmin});
  RawClient client(oxbow.address());
  const auto start = std::chrono::steady_clock::now();
  while (upstream.connections() < 3 && std::chrono::steady_clock::now() - start < kPatience)
    REQUIRE(client.ask(get()).status() == 200);
  const auto lived = std::chrono::steady_clock::now() - start;
  CHECK(lived > milliseconds(350));  // two of them, a tick of the clock early at most
  CHECK(lived < milliseconds(4000));
  CHECK(oxbow.metric(closedFor(upstream, "keepalive_time")) == 2);
}

TEST_CASE("keepalive: 0 closes after each exchange, and says so") {
  FakeUpstream upstream(answering(ok()));
  Oxbow oxbow(Setup{.servers = {upstream.address()}, .upstream = "keepalive: 0"});
  RawClient client(oxbow.address());
  for (int i = 0; i < 3; ++i) CHECK(client.ask(get()).status() == 200);
  CHECK(upstream.connections() == 3);
  for (size_t i = 0; i < 3; ++i) CHECK(upstream.request(i).field("Connection") == "close");
}

TEST_CASE("keepalive bounds the idle connections") {
  Gate gate;
  FakeUpstream upstream(numbered(gate));
  Oxbow oxbow(Setup{.servers = {upstream.address()}, .upstream = "keepalive: 2", .top = kAdmin});
  openTogether(oxbow, upstream, 5, gate);
  CHECK(oxbow.awaitMetric(closedFor(upstream, "keepalive_full"), 3));
  CHECK(oxbow.metric(idleOf(upstream)) == 2);
}

TEST_CASE("the server's Keep-Alive: timeout is honoured") {
  FakeUpstream upstream(answering(ok("x", "Keep-Alive: max=100, timeout=2\r\n")));
  Oxbow oxbow(Setup{.servers = {upstream.address()}, .top = kAdmin});
  RawClient client(oxbow.address());
  CHECK(client.ask(get()).status() == 200);
  // Ahead of the two seconds after which the server would close it.
  CHECK(upstream.awaitEnd(0, milliseconds(1990)));
  CHECK(oxbow.metric(closedFor(upstream, "server_keep_alive")) == 1);
}

TEST_CASE("Keep-Alive: timeout=0 means not at all") {
  FakeUpstream upstream(answering(ok("x", "Keep-Alive: timeout=0\r\n")));
  Oxbow oxbow(Setup{.servers = {upstream.address()}});
  RawClient client(oxbow.address());
  CHECK(client.ask(get()).status() == 200);
  CHECK(client.ask(get()).status() == 200);
  CHECK(upstream.connections() == 2);
}

TEST_CASE("a response that says close ends its connection") {
  std::string response;
  SUBCASE("Connection: close") { response = ok("x", "Connection: close\r\n"); }
  SUBCASE("among others, in other case") { response = ok("x", "Connection: Foo, CLOSE\r\n"); }
  SUBCASE("HTTP/1.0") { response = "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx"; }
  FakeUpstream upstream(answering(response));
  Oxbow oxbow(Setup{.servers = {upstream.address()}});
  RawClient client(oxbow.address());
  for (int i = 0; i < 2; ++i) {
    const Message answer = client.ask(get());
    CHECK(answer.body == "x");
    CHECK_FALSE(answer.has("Connection"));  // that was between the upstream and us
  }
  CHECK(upstream.awaitEnd(0));
  CHECK(upstream.connections() == 2);
}

TEST_CASE("a response of HTTP/1.0 that says keep-alive keeps its connection") {
  FakeUpstream upstream(
      answering("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx"));
  Oxbow oxbow(Setup{.servers = {upstream.address()}});
  RawClient client(oxbow.address());
  CHECK(client.ask(get()).body == "x");
  CHECK(client.ask(get()).body == "x");
  CHECK(upstream.connections() == 1);
}

TEST_CASE("keepalive_min keeps connections warm before the first request") {
  FakeUpstream upstream(answering(ok()));
  Oxbow oxbow(
      Setup{.servers = {upstream.address()}, .upstream = "keepalive_min: 2", .top = kAdmin});
  CHECK(oxbow.awaitMetric(idleOf(upstream), 2));
  CHECK(upstream.received().empty());
  RawClient client(oxbow.address());
  CHECK(client.ask(get()).status() == 200);
  CHECK(upstream.connections() == 2);
}

TEST_CASE("scheduling: which idle connection is used next") {
  std::string upstreamKeys, expected;
  SUBCASE("lifo, the default") { expected = "1"; }
  SUBCASE("fifo") {
    upstreamKeys = "scheduling: fifo";
    expected = "0";
  }
  // Connection 0 is given back first, then connection 1.
  Gate gates[2];
  FakeUpstream upstream([&gates](UpstreamConn& conn) {
    while (conn.request()) {
      gates[conn.index()].await();
      conn.send(ok(std::to_string(conn.index())));
    }
  });
  Oxbow oxbow(Setup{.servers = {upstream.address()}, .upstream = upstreamKeys});
  RawClient one(oxbow.address()), other(oxbow.address());
  one.send(get());
  REQUIRE(upstream.awaitRequests(1));
  other.send(get());
  REQUIRE(upstream.awaitRequests(2));
  gates[0].open();
  REQUIRE(one.receive().body == "0");
  gates[1].open();
  REQUIRE(other.receive().body == "1");
  CHECK(one.ask(get()).body == expected);
}

TEST_CASE("a server's idle timeout is learned, and connections retire before it") {
  // Closes each connection when it has been idle for 500 ms, and never says so.
  FakeUpstream upstream([](UpstreamConn& conn) {
    std::string bytes;
    while (conn.stream().receive(bytes, milliseconds(500)) == Read::Bytes) conn.send(ok());
  });
  Oxbow oxbow(Setup{.servers = {upstream.address()}, .top = kAdmin});
  RawClient client(oxbow.address());
  // Three closes at the same age tell it; a machine under load may make them differ.
  int closes = 0;
  while (closes < 3 || (oxbow.metric(learnedAgeOf(upstream)) < 0 && closes < 12)) {
    CHECK(client.ask(get()).status() == 200);
    REQUIRE(oxbow.awaitMetric(closedFor(upstream, "server_closed"), ++closes));
    if (closes < 3) CHECK(oxbow.metric(learnedAgeOf(upstream)) < 0);
  }
  const double learned = oxbow.metric(learnedAgeOf(upstream));
  CHECK(learned > 0.4);
  CHECK(learned < 1.0);
  CHECK(client.ask(get()).status() == 200);
  CHECK(oxbow.awaitMetric(closedFor(upstream, "learned_age"), 1));
  CHECK(oxbow.metric(closedFor(upstream, "server_closed")) == closes);
}

TEST_CASE("a connection that is one client's own retires as others do, and counts as reused") {
  const std::string ask = get("/", "Authorization: NTLM abc=\r\n");
  FakeUpstream upstream(answering(ok()));
  const auto setup = [&upstream](const std::string& keys) {
    return Setup{.servers = {upstream.address()}, .upstream = keys, .top = kAdmin};
  };
  SUBCASE("keepalive_requests") {
    Oxbow oxbow(setup("keepalive_requests: 2"));
    RawClient client(oxbow.address());
    for (int i = 0; i < 4; ++i) CHECK(client.ask(ask).status() == 200);
    CHECK(upstream.connections() == 2);
    CHECK(oxbow.metric(closedFor(upstream, "keepalive_requests")) == 1);  // the other is kept
    CHECK(oxbow.metric(reusedOf(upstream)) == 2);
  }
  SUBCASE("keepalive_time") {
    Oxbow oxbow(setup("keepalive_time: 100ms"));
    RawClient client(oxbow.address());
    CHECK(client.ask(ask).status() == 200);
    CHECK_FALSE(Gate().await(milliseconds(110)));
    CHECK(client.ask(ask).status() == 200);
    CHECK(upstream.connections() == 2);
  }
}

}  // namespace oxbow::integration
