// A connection that ends under an exchange: what is sent a second time, and what never is.

#include <doctest/doctest.h>

#include <string>

#include "tests/integration/support/fake_upstream.h"
#include "tests/integration/support/oxbow.h"
#include "tests/integration/support/raw_client.h"

namespace oxbow::integration {

namespace {

enum class Ending { Fin, Reset };

void end(UpstreamConn& conn, Ending how) {
  if (how == Ending::Reset) conn.stream().reset();
}

// The first connection answers one request, then ends when the second has come, behind `prefix` of
// an answer; later connections answer everything.
FakeUpstream::Script stale(Ending how, std::string prefix = {}) {
  return [how, prefix](UpstreamConn& conn) {
    if (!conn.request()) return;
    conn.send(ok("first"));
    if (!conn.request()) return;
    if (!prefix.empty()) conn.send(prefix);
    end(conn, how);
  };
}

struct Stale {
  explicit Stale(Ending how, const std::string& prefix = {}, const std::string& more = {})
      : upstream({stale(how, prefix), answering(ok("again"))}),
        oxbow(Setup{.servers = {upstream.address()}, .upstream = more}),
        client(oxbow.address()) {
    REQUIRE(client.ask(get()).body == "first");
  }

  FakeUpstream upstream;
  Oxbow oxbow;
  RawClient client;
};

size_t times(const std::string& text, const std::string& what) {
  size_t n = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

}  // namespace

TEST_CASE("a GET on a connection that ends before any byte goes out once more") {
  for (const Ending how : {Ending::Fin, Ending::Reset}) {
    Stale test(how);
    const Message response = test.client.ask(get("/again"));
    CHECK(response.status() == 200);
    CHECK(response.body == "again");
    CHECK(test.upstream.connections() == 2);
    CHECK(times(test.upstream.received(), "GET /again ") == 2);
  }
}

TEST_CASE("a POST is never sent twice") {
  for (const Ending how : {Ending::Fin, Ending::Reset}) {
    Stale test(how);
    const Message response = test.client.ask(post("once", {}, "/once"));
    CHECK(response.status() == 502);
    CHECK(response.field("Proxy-Status").find("error=connection_terminated") != std::string::npos);
    CHECK(times(test.upstream.received(), "POST /once ") == 1);
  }
}

TEST_CASE("a POST with an Idempotency-Key goes out once more, with its body") {
  Stale test(Ending::Fin);
  const Message response = test.client.ask(post("payload", "Idempotency-Key: k1\r\n", "/keyed"));
  CHECK(response.status() == 200);
  CHECK(times(test.upstream.received(), "POST /keyed ") == 2);
  CHECK(test.upstream.lastRequest().body == "payload");
}

TEST_CASE("PUT and DELETE are idempotent, PATCH is not") {
  for (const std::string method : {"PUT", "DELETE", "PATCH"}) {
    Stale test(Ending::Fin);
    const Message response =
        test.client.ask(method + " /m HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
    CAPTURE(method);
    CHECK(response.status() == (method == "PATCH" ? 502 : 200));
  }
}

TEST_CASE("a streamed chunked PUT is at hand for a replay") {
  Stale test(Ending::Fin);
  const Message response = test.client.ask(
      "PUT /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked("streamed"));
  CHECK(response.status() == 200);
  CHECK(test.upstream.lastRequest().body == "streamed");
}

TEST_CASE("a body over replay_buffer is not replayed") {
  Stale test(Ending::Fin, {}, "replay_buffer: 1k");
  const Message response = test.client.ask(
      "PUT /big HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n" + std::string(2000, 'x'));
  CHECK(response.status() == 502);
  CHECK(times(test.upstream.received(), "PUT /big ") == 1);
}

TEST_CASE("a replay happens once") {
  // The second connection ends as well.
  FakeUpstream upstream(
      {stale(Ending::Fin), [](UpstreamConn& conn) { conn.request(); }, answering(ok("third"))});
  Oxbow oxbow(Setup{.servers = {upstream.address()}});
  RawClient client(oxbow.address());
  REQUIRE(client.ask(get()).status() == 200);
  CHECK(client.ask(get("/twice")).status() == 502);
  CHECK(times(upstream.received(), "GET /twice ") == 2);
  CHECK(upstream.connections() == 2);
}

TEST_CASE("a new connection that ends is not a stale one: no replay") {
  FakeUpstream upstream({[](UpstreamConn& conn) { conn.request(); }, answering(ok())});
  Oxbow oxbow(Setup{.servers = {upstream.address()}});
  RawClient client(oxbow.address());
  CHECK(client.ask(get("/first")).status() == 502);
  CHECK(times(upstream.received(), "GET /first ") == 1);
}

TEST_CASE("a timeout is never replayed") {
  FakeUpstream upstream({[](UpstreamConn& conn) {
                           conn.request();
                           conn.send(ok("first"));
                           conn.request();
                           conn.awaitEnd();
                         },
                         answering(ok("again"))});
  Oxbow oxbow(Setup{.servers = {upstream.address()}, .upstream = "read_timeout: 200ms"});
  RawClient client(oxbow.address());
  REQUIRE(client.ask(get()).status() == 200);
  const Message response = client.ask(get("/slow"));
  CHECK(response.status() == 504);
  CHECK(response.field("Proxy-Status").find("error=connection_read_timeout") != std::string::npos);
  CHECK(times(upstream.received(), "GET /slow ") == 1);
}

TEST_CASE("a response cut at any byte is never taken for a whole one, and never replayed") {
  const std::string response = ok("0123456789");
  const size_t head = response.find("\r\n\r\n") + 4;
  for (size_t cut = 1; cut < response.size(); cut += cut < head ? 7 : 1) {
    CAPTURE(cut);
    Stale test(Ending::Fin, response.substr(0, cut));
    const Message got = test.client.ask(get("/cut"));
    if (cut < head) {
      CHECK(got.status() == 502);
    } else {
      CHECK(got.status() == 200);
      CHECK_FALSE(got.complete);
      CHECK(got.body == response.substr(head, cut - head));
    }
    CHECK(times(test.upstream.received(), "GET /cut ") == 1);
    CHECK(test.upstream.connections() == 1);
  }
}

TEST_CASE("a cut chunked response gets no last chunk") {
  Stale test(Ending::Fin, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
  test.client.send(get("/cut"));
  const std::string all = test.client.readToEnd();
  CHECK(all.find("hello") != std::string::npos);
  CHECK(all.find("\r\n0\r\n") == std::string::npos);
}

TEST_CASE("a late 408 on an idle connection is nobody's answer") {
  FakeUpstream upstream({[](UpstreamConn& conn) {
                           conn.request();
                           conn.send(ok("first"));
                           conn.request();  // read, so that it arrives behind the request
                           conn.send(
                               "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n"
                               "Content-Length: 0\r\n\r\n");
                         },
                         answering(ok("again"))});
  Oxbow oxbow(Setup{.servers = {upstream.address()}});
  RawClient client(oxbow.address());
  REQUIRE(client.ask(get()).status() == 200);
  const Message response = client.ask(get("/x"));
  CHECK(response.status() == 200);
  CHECK(response.body == "again");
}

TEST_CASE("bytes on an idle connection close it and reach nobody") {
  FakeUpstream upstream({[](UpstreamConn& conn) {
                           conn.request();
                           conn.send(ok("first"));
                           conn.send(ok("forged"));
                           conn.awaitEnd();
                         },
                         answering(ok("honest"))});
  Oxbow oxbow(Setup{.servers = {upstream.address()}});
  RawClient client(oxbow.address());
  REQUIRE(client.ask(get()).body == "first");
  REQUIRE(upstream.awaitEnd(0));
  CHECK(client.ask(get()).body == "honest");
  CHECK(client.ask(post("x")).body == "honest");
}

}  // namespace oxbow::integration
