// Caps, the queue in front of them, and the choice among servers.

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "proxy/net/socket.h"
#include "tests/integration/support/fake_upstream.h"
#include "tests/integration/support/oxbow.h"
#include "tests/integration/support/raw_client.h"

namespace oxbow::integration {

namespace {

const std::string kWaiting = "oxbow_upstream_waiting{upstream=\"up\"}";

// `count` clients that have sent a request each.
std::vector<std::unique_ptr<RawClient>> clientsOf(const Oxbow& oxbow, int count) {
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < count; ++i) {
    clients.push_back(std::make_unique<RawClient>(oxbow.address()));
    clients.back()->send(get("/" + std::to_string(i)));
  }
  return clients;
}

}  // namespace

TEST_CASE("max_conns is exact: 100 clients, again and again, 3 connections") {
  FakeUpstream upstream(answering(ok()));
  Oxbow oxbow(Setup{.servers = {upstream.address()}, .upstream = "max_conns: 3"});
  const auto clients = clientsOf(oxbow, 100);
  for (int round = 0; round < 6; ++round)
    for (const auto& client : clients) {
      CHECK(client->receive().status() == 200);
      client->send(get());
    }
  for (const auto& client : clients) CHECK(client->receive().status() == 200);
  CHECK(upstream.requests() == 700);
  CHECK(upstream.connections() == 3);
}

TEST_CASE("max_conns is exact when the server closes each connection") {
  // Nobody knows of the end of such a response before the server has closed.
  FakeUpstream upstream([](UpstreamConn& conn) {
    if (conn.request()) conn.send("HTTP/1.1 200 OK\r\n\r\nx");
  });
  Oxbow oxbow(Setup{.servers = {upstream.address()}, .upstream = "max_conns: 3"});
  const auto clients = clientsOf(oxbow, 60);
  for (const auto& client : clients) CHECK(client->receive().status() == 200);
  CHECK(upstream.connections() == 60);
  CHECK(upstream.mostOpen() <= 3);
}

TEST_CASE("a server's own max_conns goes before the upstream's") {
  FakeUpstream upstream(answering(ok()));
  Oxbow oxbow(Setup{.servers = {"{ server: " + upstream.address() + ", max_conns: 2 }"},
                    .upstream = "max_conns: 50"});
  const auto clients = clientsOf(oxbow, 30);
  for (const auto& client : clients) CHECK(client->receive().status() == 200);
  CHECK(upstream.connections() == 2);
}

TEST_CASE("max_total_conns holds over all servers") {
  FakeUpstream one(answering(ok())), other(answering(ok()));
  Oxbow oxbow(Setup{.servers = {one.address(), other.address()}, .upstream = "max_total_conns: 3"});
  const auto clients = clientsOf(oxbow, 40);
  for (const auto& client : clients) CHECK(client->receive().status() == 200);
  CHECK(one.connections() + other.connections() == 3);
  CHECK(one.requests() + other.requests() == 40);
}

TEST_CASE("a full queue answers 503 at once") {
  Gate gate;
  FakeUpstream upstream(answeringBehind(gate));
  Oxbow oxbow(Setup{.servers = {upstream.address()},
                    .upstream = "max_conns: 1\nqueue: { size: 1, timeout: 30s }",
                    .top = kAdmin});
  RawClient served(oxbow.address()), waiting(oxbow.address()), refused(oxbow.address());
  served.send(get());
  REQUIRE(upstream.awaitRequests(1));
  waiting.send(get());
  REQUIRE(oxbow.awaitMetric(kWaiting, 1));
  const Message answer = refused.ask(get());
  CHECK(answer.status() == 503);
  CHECK(answer.field("Retry-After") == "1");
  CHECK(tokenOf(answer) == "connection_limit_reached");
  CHECK(answer.field("Connection").empty());
  gate.open();
  CHECK(served.receive().status() == 200);
  CHECK(waiting.receive().status() == 200);
  CHECK(refused.ask(get()).status() == 200);  // a 503 costs nobody a connection
  CHECK(upstream.connections() == 1);
}

TEST_CASE("a queue of size 0: nobody waits") {
  Gate gate;
  FakeUpstream upstream(answeringBehind(gate));
  Oxbow oxbow(
      Setup{.servers = {upstream.address()}, .upstream = "max_conns: 1\nqueue: { size: 0 }"});
  RawClient served(oxbow.address()), refused(oxbow.address());
  served.send(get());
  REQUIRE(upstream.awaitRequests(1));
  CHECK(refused.ask(get()).status() == 503);
  gate.open();
  CHECK(served.receive().status() == 200);
}

TEST_CASE("a wait in the queue has a deadline") {
  Gate gate;
  FakeUpstream upstream(answeringBehind(gate));
  Oxbow oxbow(Setup{.servers = {upstream.address()},
                    .upstream = "max_conns: 1\nqueue: { size: 10, timeout: 150ms }"});
  RawClient served(oxbow.address()), late(oxbow.address());
  served.send(get());
  REQUIRE(upstream.awaitRequests(1));
  const auto start = std::chrono::steady_clock::now();
  const Message answer = late.ask(get());
  const auto waited = std::chrono::steady_clock::now() - start;
  CHECK(answer.status() == 503);
  CHECK(answer.field("Retry-After") == "1");
  CHECK(tokenOf(answer) == "connection_limit_reached");
  CHECK(waited >= milliseconds(149));
  CHECK(waited < milliseconds(4000));  // not the 5 s of the default
  gate.open();
  CHECK(served.receive().status() == 200);
  CHECK(upstream.requests() == 1);
}

TEST_CASE("the queue is first come, first served") {
  Gate gate;
  FakeUpstream upstream(answeringBehind(gate));
  Oxbow oxbow(Setup{.servers = {upstream.address()}, .upstream = "max_conns: 1", .top = kAdmin});
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 6; ++i) {
    clients.push_back(std::make_unique<RawClient>(oxbow.address()));
    clients.back()->send(get("/" + std::to_string(i)));
    if (i == 0) REQUIRE(upstream.awaitRequests(1));
    REQUIRE(oxbow.awaitMetric(kWaiting, i));
  }
  gate.open();
  for (const auto& client : clients) CHECK(client->receive().status() == 200);
  for (size_t i = 0; i < 6; ++i)
    CHECK(upstream.request(i).startLine == "GET /" + std::to_string(i) + " HTTP/1.1");
}

TEST_CASE("a client that leaves the queue is not served") {
  Gate gate;
  FakeUpstream upstream(answeringBehind(gate));
  Oxbow oxbow(Setup{.servers = {upstream.address()}, .upstream = "max_conns: 1", .top = kAdmin});
  RawClient served(oxbow.address()), leaving(oxbow.address()), patient(oxbow.address());
  served.send(get("/served"));
  REQUIRE(upstream.awaitRequests(1));
  leaving.send(get("/leaving"));
  REQUIRE(oxbow.awaitMetric(kWaiting, 1));
  patient.send(get("/patient"));
  REQUIRE(oxbow.awaitMetric(kWaiting, 2));
  leaving.stream().reset();
  REQUIRE(oxbow.awaitMetric(kWaiting, 1));
  gate.open();
  CHECK(patient.receive().status() == 200);
  CHECK(upstream.requests() == 2);
  CHECK(upstream.request(1).startLine == "GET /patient HTTP/1.1");
}

TEST_CASE("max_connecting bounds the attempts, not the connections") {
  FakeUpstream upstream(answering(ok()));
  Oxbow oxbow(Setup{.servers = {upstream.address()}, .upstream = "max_connecting: 1"});
  const auto clients = clientsOf(oxbow, 20);
  for (const auto& client : clients) CHECK(client->receive().status() == 200);
  CHECK(upstream.requests() == 20);
}

TEST_CASE("weights are exact over sequential requests") {
  FakeUpstream heavy(answering(ok())), light(answering(ok()));
  Oxbow oxbow(
      Setup{.servers = {"{ server: " + heavy.address() + ", weight: 2 }", light.address()}});
  RawClient client(oxbow.address());
  for (int i = 0; i < 30; ++i) CHECK(client.ask(get()).status() == 200);
  CHECK(heavy.requests() == 20);
  CHECK(light.requests() == 10);
}

TEST_CASE("round robin without weights alternates") {
  FakeUpstream one(answering(ok("one"))), other(answering(ok("other")));
  Oxbow oxbow(Setup{.servers = {one.address(), other.address()}});
  RawClient client(oxbow.address());
  const std::string first = client.ask(get()).body;
  for (int i = 0; i < 10; ++i) {
    CAPTURE(i);
    CHECK((client.ask(get()).body == first) == (i % 2 == 1));
  }
}

TEST_CASE("least_conn goes where fewer requests are") {
  Gate gate;
  FakeUpstream busy(answeringBehind(gate)), free(answeringBehind(gate));
  Oxbow oxbow(
      Setup{.servers = {busy.address(), free.address()}, .upstream = "balance: least_conn"});
  const auto clients = clientsOf(oxbow, 6);
  CHECK(busy.awaitRequests(3));
  CHECK(free.awaitRequests(3));
  gate.open();
  for (const auto& client : clients) CHECK(client->receive().status() == 200);
}

TEST_CASE("a server that refuses: the other one is tried") {
  FakeUpstream gone(answering(ok())), alive(answering(ok("alive")));
  gone.stopListening();
  Oxbow oxbow(Setup{.servers = {gone.address(), alive.address()}});
  for (int i = 0; i < 10; ++i) {
    RawClient client(oxbow.address());
    CHECK(client.ask(post("even a POST, since nothing was sent")).body == "alive");
  }
  CHECK(alive.requests() == 10);
}

TEST_CASE("when all servers refuse, 502 with connection_refused") {
  FakeUpstream one(answering(ok())), other(answering(ok()));
  one.stopListening();
  other.stopListening();
  Oxbow oxbow(Setup{.servers = {one.address(), other.address()}});
  for (int i = 0; i < 3; ++i) {
    RawClient client(oxbow.address());
    const Message answer = client.ask(get());
    CHECK(answer.status() == 502);
    CHECK(tokenOf(answer) == "connection_refused");
  }
}

TEST_CASE("a server that does not take the connection in time: 504 with connection_timeout") {
  // A listener whose backlog is full drops the SYNs of others.
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  SocketAddress address = SocketAddress::parse("127.0.0.1:0").value();
  REQUIRE(::bind(listener, address.get(), address.length()) == 0);
  REQUIRE(::listen(listener, 0) == 0);
  address = net::localAddress(listener);
  std::vector<int> fillers;
  for (int i = 0; i < 4; ++i) {
    fillers.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    ::connect(fillers.back(), address.get(), address.length());
  }
  {
    Oxbow oxbow(Setup{.servers = {address.text()}, .upstream = "connect_timeout: 150ms"});
    RawClient client(oxbow.address());
    const Message answer = client.ask(get());
    CHECK(answer.status() == 504);
    CHECK(tokenOf(answer) == "connection_timeout");
  }
  for (const int fd : fillers) ::close(fd);
  ::close(listener);
}

TEST_CASE("a server that comes back is used again") {
  auto upstream = std::make_unique<FakeUpstream>(answering(ok()));
  const std::string address = upstream->address();
  Oxbow oxbow(Setup{.servers = {address}});
  RawClient client(oxbow.address());
  CHECK(client.ask(get()).status() == 200);
  upstream->stop();
  CHECK(client.ask(get()).status() == 502);
  upstream = std::make_unique<FakeUpstream>(answering(ok("back")), address);
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  Message answer;
  do {
    answer = client.ask(get());
  } while (answer.status() != 200 && std::chrono::steady_clock::now() < deadline);
  CHECK(answer.body == "back");
}

}  // namespace oxbow::integration
