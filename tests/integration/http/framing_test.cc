// How bodies are delimited on both sides, and what comes before and between them.

#include <doctest/doctest.h>

#include "tests/integration/support/bad_input.h"
#include "tests/integration/support/bad_response.h"

namespace oxbow::integration {

namespace {

const std::string kChunkedHead = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

// An upstream that answers everything with `bytes`, and one client.
struct Answering {
  explicit Answering(std::string bytes, const std::string& upstreamKeys = {})
      : upstream(answering(std::move(bytes))),
        oxbow(Setup{.servers = {upstream.address()}, .upstream = upstreamKeys}),
        client(oxbow.address()) {}

  FakeUpstream upstream;
  Oxbow oxbow;
  RawClient client;
};

}  // namespace

TEST_CASE("a chunked response stays chunked, with its trailers") {
  Answering pair(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
      "5;x\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 11\r\nContent-Length: 3\r\n\r\n");
  for (int i = 0; i < 2; ++i) {
    const Message answer = pair.client.ask(get());
    CHECK(answer.chunked);
    CHECK_FALSE(answer.has("Content-Length"));
    CHECK(answer.body == "hello world");
    REQUIRE(answer.trailers.size() == 1);  // a length has no business there
    CHECK(answer.trailer("X-Sum") == "11");
  }
  CHECK(pair.upstream.connections() == 1);
}

TEST_CASE("an empty chunked response") {
  Answering pair(kChunkedHead + "0\r\n\r\n");
  const Message answer = pair.client.ask(get());
  CHECK(answer.complete);
  CHECK(answer.body.empty());
  CHECK(pair.client.ask(get()).complete);
  CHECK(pair.upstream.connections() == 1);
}

TEST_CASE_FIXTURE(Forwarding, "a chunked request stays chunked, with its trailers") {
  const Message got =
      forwarded(postChunked("4\r\nhell\r\n1\r\no\r\n0\r\nX-Sum: 5\r\n\r\n", "Trailer: X-Sum\r\n"));
  CHECK(got.chunked);
  CHECK(got.count("Transfer-Encoding") == 1);
  CHECK(got.body == "hello");
  CHECK(got.trailer("X-Sum") == "5");
}

TEST_CASE_FIXTURE(Forwarding, "trailers of a request that Connection names are of this hop") {
  const Message got = forwarded(postChunked("1\r\nx\r\n0\r\nX-Hop: 2\r\nX-Sum: 1\r\n\r\n",
                                            "Connection: keep-alive, x-hop\r\n"));
  CHECK(got.body == "x");
  REQUIRE(got.trailers.size() == 1);
  CHECK(got.trailer("X-Sum") == "1");
}

TEST_CASE("trailers of a response that Connection names are of this hop") {
  const std::string second =
      "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n"
      "Transfer-Encoding: chunked\r\n\r\n";
  FakeUpstream upstream([&second](UpstreamConn& conn) {
    const std::string body = chunked("x", "X-Hop: 2\r\nX-Other: 3\r\nX-Sum: 1\r\n");
    conn.request();
    conn.send(
        "HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nConnection: keep-alive, x-other\r\n"
        "Transfer-Encoding: chunked\r\n\r\n" +
        body);
    while (conn.request()) conn.send(second + body);
  });
  Oxbow oxbow(Setup{.servers = {upstream.address()}});
  RawClient client(oxbow.address());
  const Message answer = client.ask(get());
  CHECK(answer.body == "x");
  REQUIRE(answer.trailers.size() == 1);
  CHECK(answer.trailer("X-Sum") == "1");
  // What one response says is not true of the next.
  CHECK(client.ask(get()).trailers.size() == 3);
}

TEST_CASE_FIXTURE(Forwarding, "request bodies of every kind arrive whole") {
  for (const size_t size : {0, 1, 4096, 16384, 16385, 65535, 65536, 65537, 300000}) {
    CAPTURE(size);
    const std::string body = pattern(size);
    CHECK(forwarded(post(body)).body == body);
    CHECK(forwarded(postChunked(chunked(body))).body == body);
    CHECK(
        forwarded("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(body))
            .body == body);  // kept for a replay, as long as it fits
  }
}

TEST_CASE("response bodies of every size arrive whole") {
  std::string upstreamKeys;
  SUBCASE("") {}
  SUBCASE("read far ahead") { upstreamKeys = "proxy_buffers: 4m"; }
  SUBCASE("hardly read ahead") { upstreamKeys = "proxy_buffers: 4k"; }
  for (const size_t size :
       {0, 1, 4095, 4096, 4097, 65535, 65536, 65537, 131072, 1000000, 5000000}) {
    CAPTURE(size);
    const std::string body = pattern(size);
    Answering plain(ok(body), upstreamKeys), inChunks(kChunkedHead + chunked(body), upstreamKeys);
    for (int i = 0; i < 2; ++i) {
      CHECK(same(plain.client.ask(get()).body, body));
      CHECK(same(inChunks.client.ask(get()).body, body));
    }
    CHECK(plain.upstream.connections() == 1);
    CHECK(inChunks.upstream.connections() == 1);
  }
}

TEST_CASE("everything a byte at a time, both ways") {
  const std::string responses[] = {ok("hello"), kChunkedHead + "5\r\nhello\r\n0\r\nX: y\r\n\r\n"};
  const std::string requests[] = {get(), post("hello"), postChunked(chunked("hello"))};
  for (const std::string& response : responses) {
    FakeUpstream upstream([&response](UpstreamConn& conn) {
      while (conn.request()) conn.stream().sendBytewise(response);
    });
    Oxbow oxbow(Setup{.servers = {upstream.address()}});
    RawClient client(oxbow.address());
    for (const std::string& request : requests) {
      CAPTURE(request);
      CAPTURE(response);
      client.stream().sendBytewise(request);
      const Message answer = client.receive();
      CHECK(answer.complete);
      CHECK(answer.body == "hello");
      CHECK(answer.trailer("X") == (answer.chunked ? "y" : ""));
      CHECK(upstream.lastRequest().body == (request[0] == 'G' ? "" : "hello"));
    }
    CHECK(upstream.connections() == 1);
  }
}

TEST_CASE("HEAD has the fields of a GET and no body") {
  Answering pair("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\n");
  for (int i = 0; i < 2; ++i) {
    const Message answer = pair.client.ask("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", true);
    CHECK(answer.field("Content-Length") == "5");
    CHECK(answer.field("X") == "y");
  }
  CHECK(pair.client.isQuietFor(milliseconds(10)));
  CHECK(pair.upstream.connections() == 1);
}

TEST_CASE("204 has neither body nor length") {
  Answering pair("HTTP/1.1 204 No Content\r\n\r\n");
  for (int i = 0; i < 2; ++i) {
    const Message answer = pair.client.ask(get());
    CHECK(answer.startLine == "HTTP/1.1 204 No Content");
    CHECK_FALSE(answer.has("Content-Length"));
    CHECK_FALSE(answer.has("Transfer-Encoding"));
  }
  CHECK(pair.upstream.connections() == 1);
}

TEST_CASE("304 may tell the length of what it does not send") {
  Answering pair("HTTP/1.1 304 Not Modified\r\nETag: \"e\"\r\nContent-Length: 5\r\n\r\n");
  for (int i = 0; i < 2; ++i) {
    const Message answer = pair.client.ask(get());
    CHECK(answer.status() == 304);
    CHECK(answer.field("ETag") == "\"e\"");
  }
  CHECK(pair.client.isQuietFor(milliseconds(10)));
  CHECK(pair.upstream.connections() == 1);
}

TEST_CASE("HTTP/1.0 clients") {
  Answering pair(ok("hello"));
  SUBCASE("without keep-alive the connection closes") {
    const Message answer = pair.client.ask("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
    CHECK(answer.body == "hello");
    CHECK(answer.field("Connection") == "close");
    pair.client.readToEnd();
    CHECK(pair.client.end() == Read::Fin);
  }
  SUBCASE("with keep-alive it stays, and is told so") {
    for (int i = 0; i < 2; ++i) {
      const Message answer =
          pair.client.ask("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
      CHECK(answer.body == "hello");
      CHECK(answer.field("Connection") == "keep-alive");
    }
  }
  CHECK(pair.upstream.request(0).startLine == "GET / HTTP/1.1");
  CHECK(pair.upstream.connections() == 1);
}

TEST_CASE("HTTP/1.0 clients get a chunked response up to the end of the connection") {
  Answering pair(kChunkedHead + "5\r\nhello\r\n0\r\nX: y\r\n\r\n");
  const Message answer =
      pair.client.ask("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
  CHECK(answer.untilClose);
  CHECK(answer.complete);
  CHECK(answer.body == "hello");
  CHECK_FALSE(answer.has("Transfer-Encoding"));
  CHECK(pair.client.end() == Read::Fin);
}

TEST_CASE("a response that ends with its connection") {
  FakeUpstream upstream([](UpstreamConn& conn) {
    if (!conn.request()) return;
    conn.send("HTTP/1.1 200 OK\r\n\r\nhel");
    conn.send("lo");
  });
  Oxbow oxbow(Setup{.servers = {upstream.address()}});
  RawClient client(oxbow.address());
  for (int i = 0; i < 2; ++i) {
    const Message answer = client.ask(get());
    CHECK(answer.chunked);  // so that the client's connection can stay
    CHECK(answer.complete);
    CHECK(answer.body == "hello");
  }
  CHECK(upstream.connections() == 2);
}

TEST_CASE("informational responses are forwarded in order, 103 with its fields") {
  Answering pair(
      "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n"
      "Connection: x\r\n\r\n" +
      ok("final"));
  const Message answer = pair.client.ask(get());
  CHECK(answer.body == "final");
  REQUIRE(pair.client.informational().size() == 2);
  CHECK(pair.client.informational()[0].status() == 102);
  CHECK(pair.client.informational()[1].status() == 103);
  CHECK(pair.client.informational()[1].field("Link") == "</a.css>");
  CHECK_FALSE(pair.client.informational()[1].has("Connection"));
}

TEST_CASE("informational responses are not for HTTP/1.0 clients") {
  Answering pair("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" + ok("final"));
  CHECK(pair.client.ask("GET / HTTP/1.0\r\nHost: a\r\n\r\n").body == "final");
  CHECK(pair.client.informational().empty());
}

TEST_CASE("Expect: 100-continue, and the upstream says go on, behind a 103") {
  FakeUpstream upstream([](UpstreamConn& conn) {
    while (conn.awaitText("\r\n\r\n")) {
      conn.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n");
      if (!conn.request()) return;
      conn.send(ok("done"));
    }
  });
  Oxbow oxbow(Setup{.servers = {upstream.address()}});
  RawClient client(oxbow.address());
  for (int i = 0; i < 2; ++i) {
    client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    REQUIRE(client.awaitText("HTTP/1.1 100 Continue\r\n\r\n"));
    client.send("hello");
    CHECK(client.receive().body == "done");
    CHECK(upstream.lastRequest().body == "hello");
    CHECK(upstream.lastRequest().field("Expect") == "100-continue");
  }
  REQUIRE(client.informational().size() == 4);
  for (size_t i = 0; i < 4; i += 2) {
    CHECK(client.informational()[i].status() == 103);
    CHECK(client.informational()[i].field("Link") == "</a>");
    CHECK(client.informational()[i + 1].status() == 100);
  }
  CHECK(upstream.connections() == 1);
}

TEST_CASE_FIXTURE(Forwarding,
                  "Expect: 100-continue of HTTP/1.0 means nothing and goes no further") {
  const Message got = forwarded(
      "POST / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello");
  CHECK_FALSE(got.has("Expect"));
  CHECK(got.body == "hello");
}

TEST_CASE("Expect: 100-continue of a client that does not wait") {
  Answering pair(ok("done"));
  CHECK(pair.client.ask(post("hello", "Expect: 100-continue\r\n")).body == "done");
  CHECK(pair.upstream.lastRequest().body == "hello");
  CHECK(pair.client.ask(get()).body == "done");
  CHECK(pair.upstream.connections() == 1);
}

TEST_CASE("a client's FIN behind a complete request is a half-close") {
  Gate answer;
  FakeUpstream upstream(answeringBehind(answer, ok("late")));
  Oxbow oxbow(Setup{.servers = {upstream.address()}});
  RawClient client(oxbow.address());
  size_t responses = 1;
  std::string request = get();
  SUBCASE("a GET") {}
  SUBCASE("a POST") { request = post("hello"); }
  SUBCASE("three pipelined") {
    request = get("/1") + get("/2") + get("/3");
    responses = 3;
  }
  client.send(request);
  client.stream().finish();
  REQUIRE(upstream.awaitRequests(1));
  answer.open();
  for (size_t i = 0; i < responses; ++i) CHECK(client.receive().body == "late");
  CHECK(client.readToEnd().empty());
  CHECK(client.end() == Read::Fin);
  CHECK(upstream.requests() == responses);
}

TEST_CASE("a large refused upload still gets its answer when the client has sent its FIN") {
  Oxbow oxbow(Setup{.servers = {"127.0.0.1:1"}});
  RawClient client(oxbow.address());
  client.send("POST / HTTP/1.1\r\n\r\n" + std::string(200000, 'x'));
  client.stream().finish();
  CHECK(client.receive().status() == 400);
}

TEST_CASE("an upstream that refuses an upload early and closes: the client gets its answer") {
  FakeUpstream upstream([](UpstreamConn& conn) {
    if (!conn.awaitText("\r\n\r\n")) return;
    conn.send(
        "HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig");
    // What was sent and not read makes the end a RST.
  });
  Oxbow oxbow(Setup{.servers = {upstream.address()}});
  RawClient client(oxbow.address());
  client.stream().sendSome(
      "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n" + std::string(3000000, 'x'),
      milliseconds(200));
  const Message answer = client.receive();
  CHECK(answer.status() == 413);
  CHECK(answer.body == "big");
}

}  // namespace oxbow::integration
