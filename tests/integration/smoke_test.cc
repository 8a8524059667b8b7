// The main path once each way: when these fail, look here first.

#include <doctest/doctest.h>

#include "tests/integration/support/fake_upstream.h"
#include "tests/integration/support/oxbow.h"
#include "tests/integration/support/raw_client.h"

namespace oxbow::integration {

namespace {

struct Smoke {
  FakeUpstream upstream{answering(ok("hello"))};
  Oxbow oxbow{Setup{.servers = {upstream.address()}}};
  RawClient client{oxbow.address()};
};

}  // namespace

TEST_CASE_FIXTURE(Smoke, "a GET is answered by the upstream") {
  const Message response = client.ask(get("/x?y=1"));
  CHECK(response.startLine == "HTTP/1.1 200 OK");
  CHECK(response.body == "hello");
  CHECK(upstream.received().substr(0, 21) == "GET /x?y=1 HTTP/1.1\r\n");
}

TEST_CASE_FIXTURE(Smoke, "a POST reaches the upstream with its body") {
  CHECK(client.ask(post("some body")).status() == 200);
  const std::string received = upstream.received();
  CHECK(received.find("Content-Length: 9\r\n") != std::string::npos);
  CHECK(received.substr(received.size() - 13) == "\r\n\r\nsome body");
}

TEST_CASE_FIXTURE(Smoke, "requests of one client go over one upstream connection") {
  for (int i = 0; i < 5; ++i) CHECK(client.ask(get()).status() == 200);
  CHECK(upstream.requests() == 5);
  CHECK(upstream.connections() == 1);
}

TEST_CASE_FIXTURE(Smoke, "clients share an upstream connection one after the other") {
  CHECK(client.ask(get()).status() == 200);
  RawClient other(oxbow.address());
  CHECK(other.ask(get()).status() == 200);
  CHECK(upstream.connections() == 1);
}

TEST_CASE_FIXTURE(Smoke, "a client that asks for it is closed") {
  const Message response = client.ask(get("/", "Connection: close\r\n"));
  CHECK(response.field("Connection") == "close");
  CHECK(client.readToEnd().empty());
  CHECK(client.end() == Read::Fin);
}

TEST_CASE_FIXTURE(Smoke, "no request, no upstream connection") {
  RawClient idle(oxbow.address());
  CHECK(idle.isQuietFor(milliseconds(50)));
  CHECK(upstream.connections() == 0);
}

TEST_CASE_FIXTURE(Smoke, "a malformed request is answered with 400") {
  const Message response = client.ask("GET / HTTP/1.1\r\n\r\n");
  CHECK(response.status() == 400);
  CHECK(upstream.connections() == 0);
}

TEST_CASE("an upstream that nobody listens on is a 502") {
  FakeUpstream upstream(answering(ok()));
  upstream.stopListening();
  Oxbow oxbow(Setup{.servers = {upstream.address()}});
  RawClient client(oxbow.address());
  const Message response = client.ask(get());
  CHECK(response.status() == 502);
  CHECK(tokenOf(response) == "connection_refused");
}

TEST_CASE_FIXTURE(Smoke, "stopping closes clients and upstream connections") {
  CHECK(client.ask(get()).status() == 200);
  oxbow.stop();
  client.readToEnd();
  CHECK(client.end() == Read::Fin);
  CHECK(upstream.awaitEnd(0));
  CHECK_FALSE(RawClient(oxbow.address()).connected());
}

TEST_CASE("the metrics tell what happened") {
  FakeUpstream upstream(answering(ok()));
  Oxbow oxbow(Setup{.servers = {upstream.address()}, .top = kAdmin});
  RawClient client(oxbow.address());
  client.ask(get());
  client.ask(get());
  const std::string endpoint = "{upstream=\"up\",endpoint=\"" + upstream.address() + "\"}";
  CHECK(oxbow.metric("oxbow_endpoint_connections_opened_total" + endpoint) == 1);
  CHECK(oxbow.metric("oxbow_endpoint_connections_reused_total" + endpoint) == 1);
}

}  // namespace oxbow::integration
