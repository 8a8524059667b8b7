// docs/bad-inputs.md, part L: what must not happen to whoever uses a connection next.

#include <doctest/doctest.h>

#include "tests/integration/support/fake_upstream.h"
#include "tests/integration/support/oxbow.h"
#include "tests/integration/support/raw_client.h"
#include "tests/integration/support/samples.h"

namespace oxbow::integration {

namespace {

// Sends the first half of a response of `size` bytes, and the rest when `go` opens; then serves on.
FakeUpstream::Script inHalves(size_t size, Gate& go) {
  return [size, &go](UpstreamConn& conn) {
    if (!conn.request()) return;
    const std::string whole = ok(std::string(size, 'x'));
    conn.send(whole.substr(0, whole.size() / 2));
    go.await();
    if (!conn.send(whole.substr(whole.size() / 2))) return;
    while (conn.request()) conn.send(ok("same connection"));
  };
}

}  // namespace

TEST_CASE("L.1 a client that leaves in the middle of a small response") {
  Gate rest;
  FakeUpstream upstream({inHalves(20000, rest), answering(ok("other connection"))});
  Oxbow oxbow(Setup{.servers = {upstream.address()}, .top = kAdmin});
  {
    RawClient client(oxbow.address());
    client.send(get());
    REQUIRE(client.awaitText("xxx"));
    client.stream().reset();
  }
  REQUIRE(oxbow.awaitMetric(clientsEndedFor("client_reset"), 1));
  rest.open();
  // Drained within a bound, and as good as new: nobody gets the rest of that response.
  REQUIRE(oxbow.awaitMetric(idleOf(upstream), 1));
  RawClient next(oxbow.address());
  CHECK(next.ask(get()).body == "same connection");
  CHECK(upstream.connections() == 1);
}

TEST_CASE("L.1 a client that leaves in the middle of a large response") {
  Gate rest;
  FakeUpstream upstream({inHalves(1 << 20, rest), answering(ok("other connection"))});
  Oxbow oxbow(Setup{.servers = {upstream.address()}, .top = kAdmin});
  {
    RawClient client(oxbow.address());
    client.send(get());
    REQUIRE(client.awaitText("xxx"));
    client.stream().reset();
  }
  REQUIRE(oxbow.awaitMetric(clientsEndedFor("client_reset"), 1));
  rest.open();
  CHECK(upstream.awaitEnd(0));
  RawClient next(oxbow.address());
  CHECK(next.ask(get()).body == "other connection");
}

TEST_CASE("L.1 a client that leaves before the response, and the server takes its time") {
  FakeUpstream upstream({[](UpstreamConn& conn) {
                           conn.request();
                           conn.awaitEnd();
                         },
                         answering(ok("other connection"))});
  Oxbow oxbow(Setup{.servers = {upstream.address()}});
  {
    RawClient client(oxbow.address());
    client.send(get());
    REQUIRE(upstream.awaitRequests(1));
    client.stream().reset();
  }
  CHECK(upstream.awaitEnd(0));  // the bound of draining in time
  RawClient next(oxbow.address());
  CHECK(next.ask(get()).body == "other connection");
}

TEST_CASE("L.1 a client that leaves in the middle of an upload") {
  bool reset = false;
  std::string request;
  SUBCASE("FIN, of known length") {
    request =
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + std::string(30000, 'x');
  }
  SUBCASE("RST, of known length") {
    reset = true;
    request =
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + std::string(30000, 'x');
  }
  SUBCASE("RST, chunked") {
    reset = true;
    request = postChunked("5\r\nhello\r\n");
  }
  FakeUpstream upstream({answering(ok("half a request")), answering(ok("other connection"))});
  Oxbow oxbow(Setup{.servers = {upstream.address()}});
  RawClient client(oxbow.address());
  client.send(request);
  REQUIRE(upstream.awaitReceived("POST / "));
  reset ? client.stream().reset() : client.stream().finish();
  CHECK(upstream.awaitEnd(0));
  CHECK(upstream.requests() == 0);
  RawClient next(oxbow.address());
  CHECK(next.ask(get()).body == "other connection");
}

TEST_CASE("L.2 a POST that meets a stale connection is never sent twice") {
  // The origin closes when the second request comes: as late as can be, as if the FIN had crossed
  // it.
  FakeUpstream upstream({[](UpstreamConn& conn) {
                           if (conn.request()) conn.send(ok());
                           conn.request();
                         },
                         answering(ok("replayed"))});
  Oxbow oxbow(Setup{.servers = {upstream.address()}});
  RawClient client(oxbow.address());
  REQUIRE(client.ask(get()).status() == 200);
  const Message answer = client.ask(post("order", {}, "/order"));
  CHECK(answer.status() == 502);
  CHECK(tokenOf(answer) == "connection_terminated");
  oxbow.stop();
  upstream.settle();
  const std::string all = upstream.received();
  const size_t first = all.find("POST /order");
  CHECK(first != std::string::npos);
  CHECK(all.find("POST /order", first + 1) == std::string::npos);
  CHECK(upstream.connections() == 1);
}

TEST_CASE("L.3 connection-bound authentication") {
  FakeUpstream upstream(answering(
      "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Negotiate\r\nContent-Length: 0\r\n\r\n"));
  Oxbow oxbow(Setup{.servers = {upstream.address()}});
  RawClient other(oxbow.address());
  {
    RawClient one(oxbow.address());
    CHECK(one.ask(get("/", "Authorization: Negotiate abc=\r\n")).status() == 401);
    CHECK(other.ask(get("/")).status() == 401);
    CHECK(upstream.connections() == 2);
    // Each keeps its own.
    CHECK(one.ask(get("/", "Authorization: Negotiate def=\r\n")).status() == 401);
    CHECK(other.ask(get("/")).status() == 401);
    CHECK(upstream.connections() == 2);
    CHECK(upstream.received(0).find("def=") != std::string::npos);
  }
  // Nobody inherits what its client has left.
  CHECK(upstream.awaitEnd(0));
  RawClient third(oxbow.address());
  CHECK(third.ask(get("/")).status() == 401);
  CHECK(upstream.connections() == 3);
}

TEST_CASE("L.3 connection-bound authentication, and the client leaves before the response") {
  std::string credentials;
  std::string answer = ok("secret");
  SUBCASE("NTLM") { credentials = "Authorization: NTLM TlRMTVNTUAAD\r\n"; }
  SUBCASE("Negotiate") { credentials = "Authorization: negotiate YIIabc==\r\n"; }
  SUBCASE("towards a proxy") { credentials = "Proxy-Authorization: NTLM TlRMTVNTUAAD\r\n"; }
  SUBCASE("only the server tells") {
    answer =
        "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\", NTLM\r\n"
        "Content-Length: 0\r\n\r\n";
  }
  Gate gone;
  FakeUpstream upstream({answeringBehind(gone, answer), answering(ok("other connection"))});
  Oxbow oxbow(Setup{.servers = {upstream.address()}, .top = kAdmin});
  {
    RawClient client(oxbow.address());
    client.send(get("/", credentials));
    REQUIRE(upstream.awaitRequests(1));
    client.stream().reset();
  }
  REQUIRE(oxbow.awaitMetric(clientsEndedFor("client_reset"), 1));
  gone.open();
  CHECK(upstream.awaitEnd(0));
  RawClient next(oxbow.address());
  CHECK(next.ask(get()).body == "other connection");
}

TEST_CASE("L.3 a challenge that is not the first of its line") {
  FakeUpstream upstream(
      answering("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"a, b\", NTLM\r\n"
                "Content-Length: 0\r\n\r\n"));
  Oxbow oxbow(Setup{.servers = {upstream.address()}});
  RawClient one(oxbow.address());
  CHECK(one.ask(get()).status() == 401);
  RawClient other(oxbow.address());
  CHECK(other.ask(get()).status() == 401);
  CHECK(upstream.connections() == 2);
  CHECK(one.ask(get()).status() == 401);
  CHECK(upstream.connections() == 2);
}

TEST_CASE("L.3 credentials that the configuration sets bind like those of a client") {
  FakeUpstream upstream(answering(ok()));
  Oxbow oxbow(Setup{.servers = {upstream.address()},
                    .routes =
                        "- { proxy_pass: up, location: /a, proxy_set_header: { Authorization: NTLM "
                        "TlRMTVNTUAAD } }\n- { proxy_pass: up, location: /b, proxy_set_header: { "
                        "Authorization: \"\" } }"});
  {
    RawClient one(oxbow.address());
    CHECK(one.ask(get("/a")).status() == 200);
    RawClient other(oxbow.address());
    CHECK(other.ask(get("/b")).status() == 200);
    CHECK(upstream.connections() == 2);
  }
  // What never reached the upstream bound nothing.
  RawClient dropped(oxbow.address());
  CHECK(dropped.ask(get("/b", "Authorization: NTLM TlRMTVNTUAAD\r\n")).status() == 200);
  RawClient another(oxbow.address());
  CHECK(another.ask(get("/b")).status() == 200);
  CHECK(upstream.connections() == 2);
}

}  // namespace oxbow::integration
