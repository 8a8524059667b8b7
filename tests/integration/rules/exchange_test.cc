// Exchanges that are not a small request and a small response.

#include <doctest/doctest.h>

#include <string>

#include "tests/integration/support/fake_upstream.h"
#include "tests/integration/support/oxbow.h"
#include "tests/integration/support/raw_client.h"

namespace oxbow::integration {

namespace {

struct Plain {
  explicit Plain(FakeUpstream::Script script, Setup setup = {})
      : upstream(std::move(script)), oxbow(complete(std::move(setup))), client(oxbow.address()) {}

  Setup complete(Setup setup) {
    setup.servers = {upstream.address()};
    return setup;
  }

  FakeUpstream upstream;
  Oxbow oxbow;
  RawClient client;
};

}  // namespace

TEST_CASE("100 (Continue) is the upstream's word, and 103 passes too") {
  Plain test([](UpstreamConn& conn) {
    conn.awaitText("\r\n\r\n");
    conn.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n");
    conn.request();
    conn.send(ok("done"));
    conn.awaitEnd();
  });
  test.client.send(
      "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  REQUIRE(test.client.awaitText("100 Continue\r\n\r\n"));
  test.client.send("body");
  const Message response = test.client.receive();
  CHECK(response.body == "done");
  REQUIRE(test.client.informational().size() == 2);
  CHECK(test.client.informational()[0].status() == 103);
  CHECK(test.client.informational()[0].field("Link") == "</a>");
  CHECK(test.upstream.lastRequest().body == "body");
}

TEST_CASE("a final answer to Expect ends both connections behind it") {
  Plain test([](UpstreamConn& conn) {
    conn.awaitText("\r\n\r\n");
    conn.send("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno");
    conn.awaitEnd();
  });
  const Message response = test.client.ask(
      "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  CHECK(response.status() == 417);
  CHECK(response.field("Connection") == "close");
  CHECK(test.client.readToEnd().empty());
  CHECK(test.upstream.awaitEnd(0));
}

TEST_CASE("chunked bodies and their trailers pass both ways, in our own chunks") {
  Plain test(
      answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                "3;ext=1\r\nabc\r\n4\r\ndefg\r\n0\r\nX-Sum: 7\r\n\r\n"));
  const Message response = test.client.ask(
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2;q=\"x\"\r\nhi\r\n"
      "1\r\n!\r\n0\r\nX-Req: 1\r\n\r\n");
  CHECK(response.body == "abcdefg");
  CHECK(response.trailer("X-Sum") == "7");
  CHECK(test.upstream.lastRequest().body == "hi!");
  CHECK(test.upstream.lastRequest().trailer("X-Req") == "1");
  CHECK(test.upstream.received().find(";q=") == std::string::npos);
}

TEST_CASE("an HTTP/1.0 client gets no chunks, and its connection ends the body") {
  Plain test(answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked("plain")));
  test.client.send("GET / HTTP/1.0\r\n\r\n");
  const std::string all = test.client.readToEnd();
  CHECK(all.substr(all.find("\r\n\r\n") + 4) == "plain");
  CHECK(all.find("chunked") == std::string::npos);
  CHECK(test.client.end() == Read::Fin);
}

TEST_CASE("an HTTP/1.0 client that asks for keep-alive keeps its connection") {
  Plain test(answering(ok("x")));
  const std::string request = "GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n";
  CHECK(test.client.ask(request).field("Connection") == "keep-alive");
  CHECK(test.client.ask(request).status() == 200);
}

TEST_CASE("a response that its connection's end delimits becomes chunked") {
  Plain test([](UpstreamConn& conn) {
    conn.request();
    conn.send("HTTP/1.1 200 OK\r\n\r\nuntil the end");
  });
  const Message response = test.client.ask(get());
  CHECK(response.chunked);
  CHECK(response.complete);
  CHECK(response.body == "until the end");
  CHECK(test.client.ask(get()).status() == 200);
}

TEST_CASE("HEAD, 204 and 304 have no body, and keep both connections") {
  Plain test([](UpstreamConn& conn) {
    conn.request();
    conn.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
    conn.request();
    conn.send("HTTP/1.1 204 No Content\r\n\r\n");
    conn.request();
    conn.send("HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nContent-Length: 10\r\n\r\n");
    conn.request();
    conn.send(ok("last"));
    conn.awaitEnd();
  });
  const Message head = test.client.ask("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", true);
  CHECK(head.field("Content-Length") == "10");
  CHECK(test.client.ask(get()).status() == 204);
  CHECK(test.client.ask(get(), true).status() == 304);
  CHECK(test.client.ask(get()).body == "last");
  CHECK(test.upstream.connections() == 1);
}

TEST_CASE("fixed answers without a body tell no length, and the connection goes on") {
  Plain test(
      answering(ok()),
      Setup{.routes = "- { location: /204, return: 204 }\n- { location: /304, return: 304 }\n"
                      "- { location: /200, return: { status: 200, body: text } }"});
  for (const std::string status : {"204", "304"}) {
    const Message response = test.client.ask(get("/" + status), true);
    CHECK(std::to_string(response.status()) == status);
    CHECK_FALSE(response.has("Content-Length"));
  }
  CHECK(test.client.ask(get("/200")).body == "text");
  CHECK(test.upstream.connections() == 0);
}

TEST_CASE("a thousand pipelined requests are answered in order") {
  Plain test([](UpstreamConn& conn) {
    while (const auto request = conn.request()) {
      const std::string& line = request->startLine;
      if (!conn.send(ok(line.substr(4, line.find(' ', 4) - 4)))) return;
    }
  });
  std::string all;
  for (int i = 0; i < 1000; ++i) all += get("/" + std::to_string(i));
  test.client.send(all);
  for (int i = 0; i < 1000; ++i) REQUIRE(test.client.receive().body == "/" + std::to_string(i));
  CHECK(test.upstream.requests() == 1000);
  CHECK(test.upstream.connections() == 1);
}

TEST_CASE("a client's FIN behind a whole request is a half-close: it gets its answer") {
  Gate gate;
  Plain test([&gate](UpstreamConn& conn) {
    conn.request();
    gate.await();
    conn.send(ok("answered"));
    conn.awaitEnd();
  });
  test.client.send(get());
  REQUIRE(test.upstream.awaitRequests(1));
  test.client.stream().finish();
  gate.open();
  CHECK(test.client.receive().body == "answered");
  CHECK(test.client.readToEnd().empty());
}

TEST_CASE("an early answer reaches a client that is still sending, and ends the upload") {
  Plain test([](UpstreamConn& conn) {
    conn.awaitText("\r\n\r\n");
    conn.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig");
    conn.awaitEnd();
  });
  test.client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n");
  test.client.send(std::string(1000, 'x'));
  const Message response = test.client.receive();
  CHECK(response.status() == 413);
  CHECK(response.body == "big");
  CHECK(response.field("Connection") == "close");
  CHECK(test.upstream.awaitEnd(0));
}

TEST_CASE("what a client leaves behind is drained when it is small") {
  Gate gate;
  Plain test([&gate](UpstreamConn& conn) {
    conn.request();
    gate.await();
    conn.send(ok(std::string(1000, 'x')));
    conn.request();
    conn.send(ok("second"));
    conn.awaitEnd();
  });
  test.client.send(get());
  REQUIRE(test.upstream.awaitRequests(1));
  test.client.stream().reset();
  gate.open();
  RawClient other(test.oxbow.address());
  // The connection comes back when the rest has been read; until then this opens another, which
  // the script of a first connection serves as well.
  CHECK(other.ask(get()).status() == 200);
}

TEST_CASE("a large response that a client leaves closes its upstream connection") {
  Plain test([](UpstreamConn& conn) {
    conn.request();
    conn.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n" + std::string(100000, 'x'));
    conn.awaitEnd();
  });
  test.client.send(get());
  REQUIRE(test.client.awaitText("xxx"));
  test.client.stream().reset();
  CHECK(test.upstream.awaitEnd(0));
}

TEST_CASE("everything may come byte by byte") {
  Plain test([](UpstreamConn& conn) {
    conn.request();
    conn.stream().sendBytewise("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" +
                               chunked("slow", "X-T: 1\r\n"));
    conn.awaitEnd();
  });
  test.client.stream().sendBytewise(post("slow body"));
  const Message response = test.client.receive();
  CHECK(response.body == "slow");
  CHECK(response.trailer("X-T") == "1");
  CHECK(test.upstream.lastRequest().body == "slow body");
}

TEST_CASE("deadlines of a client: header, body") {
  Plain test(answering(ok()), Setup{.listener = "client_header_timeout: 150ms\n"
                                                "client_body_timeout: 150ms"});
  test.client.send("GET / HTTP/1.1\r\nHost: a\r\n");
  CHECK(test.client.receive().status() == 408);
  CHECK(test.client.readToEnd().empty());
  RawClient other(test.oxbow.address());
  other.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
  CHECK(other.receive().status() == 408);
  CHECK(other.readToEnd().empty());
  CHECK(test.upstream.requests() == 0);
}

TEST_CASE("client_max_body_size holds for told and for chunked bodies") {
  Plain test(answering(ok()), Setup{.listener = "client_max_body_size: 10"});
  CHECK(test.client.ask(post("0123456789")).status() == 200);
  RawClient told(test.oxbow.address());
  CHECK(told.ask(post("0123456789A")).status() == 413);
  CHECK(told.readToEnd().empty());
  RawClient streamed(test.oxbow.address());
  CHECK(streamed
            .ask("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
                 chunked("0123456789A"))
            .status() == 413);
}

TEST_CASE("a drain finishes what is in progress, says close, and takes nobody new") {
  Gate gate;
  Plain test([&gate](UpstreamConn& conn) {
    conn.request();
    gate.await();
    conn.send(ok("finished"));
    conn.awaitEnd();
  });
  RawClient idle(test.oxbow.address());
  test.client.send(get());
  REQUIRE(test.upstream.awaitRequests(1));
  test.oxbow.drain();
  CHECK(idle.readToEnd().empty());
  CHECK_FALSE(RawClient(test.oxbow.address()).connected());
  gate.open();
  const Message response = test.client.receive();
  CHECK(response.body == "finished");
  CHECK(response.field("Connection") == "close");
  CHECK(test.oxbow.awaitStopped());
}

TEST_CASE("a drain ends at shutdown_timeout whatever is in progress") {
  Plain test([](UpstreamConn& conn) { conn.awaitEnd(); }, Setup{.top = "shutdown_timeout: 200ms"});
  test.client.send(get());
  REQUIRE(test.upstream.awaitConnections(1));
  test.oxbow.drain();
  CHECK(test.oxbow.awaitStopped(milliseconds(3000)));
}

}  // namespace oxbow::integration
