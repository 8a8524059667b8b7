// What a client may send, and how long it may take.

#include <doctest/doctest.h>

#include "tests/integration/support/bad_input.h"
#include "tests/integration/support/samples.h"

namespace oxbow::integration {

namespace {

// Between the time that was set and one that only a missing timer explains.
void checkTook(std::chrono::steady_clock::time_point start, milliseconds least) {
  const auto took = std::chrono::steady_clock::now() - start;
  CHECK(took >= least - milliseconds(10));
  CHECK(took < least + milliseconds(10000));  // the shortest default is 15 s
}

}  // namespace

TEST_CASE("client_max_body_size") {
  Forwarding pair({.listener = "client_max_body_size: 1k"});
  SUBCASE("a body as large as that passes") {
    CHECK(pair.forwarded(post(std::string(1024, 'x'))).body.size() == 1024);
    CHECK(pair.forwarded(postChunked(chunked(std::string(1024, 'x')))).body.size() == 1024);
  }
  SUBCASE("a larger Content-Length is refused before a byte is forwarded") {
    pair.checkAnswered(post(std::string(1025, 'x')), 413);
    pair.checkAnswered("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999999\r\n\r\n", 413);
    CHECK(pair.upstream.connections() == 0);
  }
  SUBCASE("a chunked body is refused where it passes the limit") {
    RawClient client(pair.oxbow.address());
    client.send(postChunked(chunked(std::string(1025, 'x'))));
    const Message answer = client.receive();
    CHECK(answer.status() == 413);
    CHECK(answer.field("Connection") == "close");
    CHECK(client.readToEnd().empty());
    CHECK(client.end() == Read::Fin);
    pair.oxbow.stop();
    pair.upstream.settle();
    CHECK(pair.upstream.requests() == 0);
  }
}

TEST_CASE("client_header_timeout: 408 for half a head") {
  Forwarding pair({.listener = "client_header_timeout: 150ms"});
  RawClient client(pair.oxbow.address());
  const auto start = std::chrono::steady_clock::now();
  client.send("GET / HTTP/1.1\r\nHost:");
  const Message answer = client.receive();
  checkTook(start, milliseconds(150));
  CHECK(answer.status() == 408);
  CHECK(answer.field("Connection") == "close");
  client.readToEnd();
  CHECK(client.end() == Read::Fin);
}

TEST_CASE("client_header_timeout is for the whole head, however often a byte comes") {
  Forwarding pair({.listener = "client_header_timeout: 200ms"});
  RawClient client(pair.oxbow.address());
  const auto start = std::chrono::steady_clock::now();
  const std::string head = get("/", "X: " + std::string(500, 'y') + "\r\n");
  size_t sent = 0;
  while (client.isQuietFor(milliseconds(20)) && sent < head.size() - 1)
    client.send(head.substr(sent++, 1));
  CHECK(client.receive().status() == 408);
  checkTook(start, milliseconds(200));
}

TEST_CASE("client_header_timeout: a client that sends nothing is closed without an answer") {
  Forwarding pair({.listener = "client_header_timeout: 150ms"});
  RawClient client(pair.oxbow.address());
  CHECK(client.readToEnd().empty());
  CHECK(client.end() == Read::Fin);
}

TEST_CASE("keepalive_timeout of clients") {
  Forwarding pair({.listener = "keepalive_timeout: 150ms"});
  RawClient client(pair.oxbow.address());
  const auto start = std::chrono::steady_clock::now();
  CHECK(client.ask(get()).status() == 200);
  CHECK(client.readToEnd().empty());
  CHECK(client.end() == Read::Fin);
  checkTook(start, milliseconds(150));
}

TEST_CASE("keepalive_requests of clients") {
  Forwarding pair({.listener = "keepalive_requests: 2"});
  RawClient client(pair.oxbow.address());
  CHECK_FALSE(client.ask(get()).has("Connection"));
  CHECK(client.ask(get()).field("Connection") == "close");
  client.readToEnd();
  CHECK(client.end() == Read::Fin);
}

TEST_CASE("client_body_timeout: 408 for a body that stops") {
  Forwarding pair({.listener = "client_body_timeout: 150ms"});
  RawClient client(pair.oxbow.address());
  const auto start = std::chrono::steady_clock::now();
  SUBCASE("small, of known length: not a byte is forwarded") {
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhello");
  }
  SUBCASE("large") {
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nhello");
  }
  SUBCASE("chunked") { client.send(postChunked("5\r\nhello\r\n")); }
  const Message answer = client.receive();
  CHECK(answer.status() == 408);
  CHECK(answer.field("Connection") == "close");
  checkTook(start, milliseconds(150));
  client.readToEnd();
  CHECK(client.end() == Read::Fin);
  pair.oxbow.stop();
  pair.upstream.settle();
  CHECK(pair.upstream.requests() == 0);
}

TEST_CASE("client_body_timeout is between two bytes, where any rate will do") {
  Forwarding pair({.listener = "client_body_timeout: 2s\nclient_min_rate: 0"});
  RawClient client(pair.oxbow.address());
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n");
  for (int i = 0; i < 20; ++i) {
    REQUIRE(client.isQuietFor(milliseconds(150)));
    client.send("x");
  }
  CHECK(client.receive().status() == 200);
}

TEST_CASE("large_client_header_buffers and max_headers") {
  Forwarding pair({.listener = "large_client_header_buffers: 1k\nmax_headers: 10"});
  CHECK(pair.forwarded(get("/", "X: " + std::string(900, 'y') + "\r\n")).has("X"));
  pair.checkAnswered(get("/", "X: " + std::string(1100, 'y') + "\r\n"), 431);
  std::string lines;
  for (int i = 0; i < 9; ++i) lines += "X: y\r\n";
  CHECK(pair.forwarded(get("/", lines)).count("X") == 9);
  pair.checkAnswered(get("/", lines + "X: y\r\n"), 431);
}

TEST_CASE("send_timeout: a client that takes nothing of a response") {
  FakeUpstream upstream(answering(ok(std::string(8 << 20, 'x'))));
  Oxbow oxbow(Setup{.servers = {upstream.address()},
                    .listener = "send_timeout: 200ms\nsndbuf: 64k",
                    .top = kAdmin});
  RawClient client(oxbow.address(), 64 << 10);
  client.send(get());
  CHECK(oxbow.awaitMetric(clientsEndedFor("send_timeout"), 1));
  const Message answer = client.receive();
  CHECK_FALSE(answer.complete);
  CHECK(client.end() == Read::Reset);
  CHECK(upstream.awaitEnd(0));
}

}  // namespace oxbow::integration
