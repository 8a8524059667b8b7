// When a request is sent a second time, and when never: reused connections that end at every byte
// of a response.

#include <doctest/doctest.h>

#include "tests/integration/support/fake_upstream.h"
#include "tests/integration/support/oxbow.h"
#include "tests/integration/support/raw_client.h"

namespace oxbow::integration {

namespace {

enum class How : uint8_t { Fin, Rst };

const std::string kHead = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\n";
const std::string kResponse = kHead + "hello";

// Serves one request, answers the second with the first bytes of a response, and ends.
FakeUpstream::Script dyingAt(size_t bytes, How how) {
  return [bytes, how](UpstreamConn& conn) {
    if (conn.request()) conn.send(ok("first"));
    if (!conn.request()) return;
    conn.send(kResponse.substr(0, bytes));
    if (how == How::Rst) conn.stream().reset();
  };
}

// A connection that has served a request, and dies at the next one.
struct Dying {
  explicit Dying(const FakeUpstream::Script& first, const std::string& upstreamKeys = {})
      : upstream({first, answering(ok("replayed"))}),
        oxbow(Setup{.servers = {upstream.address()}, .upstream = upstreamKeys}),
        client(oxbow.address()) {
    REQUIRE(client.ask(get("/warm")).body == "first");
  }

  void checkReplayed(const std::string& request) {
    const Message answer = client.ask(request);
    CHECK(answer.status() == 200);
    CHECK(answer.body == "replayed");
    CHECK(upstream.connections() == 2);
    REQUIRE(upstream.requests() == 3);
    CHECK(upstream.request(2).startLine == upstream.request(1).startLine);
    CHECK(upstream.request(2).fields == upstream.request(1).fields);
    CHECK(upstream.request(2).body == upstream.request(1).body);
  }

  // The client learns of it, and the request was seen once.
  void checkFailed(const std::string& request, int status = 502,
                   const std::string& token = "connection_terminated") {
    const Message answer = client.ask(request);
    CHECK(answer.status() == status);
    CHECK(tokenOf(answer) == token);
    checkSeenOnce();
  }

  void checkSeenOnce() {
    oxbow.stop();
    upstream.settle();
    CHECK(upstream.connections() == 1);
    CHECK(upstream.requests() == 2);
  }

  FakeUpstream upstream;
  Oxbow oxbow;
  RawClient client;
};

// Behind `bytes` > 0 bytes of its response a request fails: with 502 while no head is out, else the
// response is cut. A RST may overtake the bytes.
void checkCutOff(Dying& dying, const std::string& request, size_t bytes, How how) {
  const Message answer = dying.client.ask(request);
  const bool headOut = bytes >= kHead.size();
  if (answer.status() != 502) {
    CHECK(headOut);
    CHECK(answer.status() == 200);
    CHECK_FALSE(answer.complete);
    CHECK(dying.client.end() != Read::Late);
    const std::string sent = kResponse.substr(0, bytes).substr(std::min(bytes, kHead.size()));
    CHECK(answer.body == sent.substr(0, how == How::Fin ? sent.size() : answer.body.size()));
  } else {
    CHECK((!headOut || how == How::Rst));
  }
  dying.checkSeenOnce();
}

std::string put(const std::string& body) {
  return "PUT /doc HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

std::string withBody(const std::string& method) {
  return method + " / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody";
}

std::string putChunked(const std::string& body) {
  return "PUT /doc HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + body;
}

}  // namespace

TEST_CASE("a GET whose reused connection ends at byte N of the response") {
  How how = How::Fin;
  SUBCASE("FIN") { how = How::Fin; }
  SUBCASE("RST") { how = How::Rst; }
  for (size_t bytes = 0; bytes < kResponse.size(); ++bytes) {
    CAPTURE(bytes);
    Dying dying(dyingAt(bytes, how));
    if (bytes == 0)
      dying.checkReplayed(get("/doc"));
    else
      checkCutOff(dying, get("/doc"), bytes, how);
  }
}

TEST_CASE("a POST whose reused connection ends at byte N of the response") {
  How how = How::Fin;
  SUBCASE("FIN") { how = How::Fin; }
  SUBCASE("RST") { how = How::Rst; }
  for (size_t bytes = 0; bytes < kResponse.size(); ++bytes) {
    CAPTURE(bytes);
    Dying dying(dyingAt(bytes, how));
    if (bytes == 0)
      dying.checkFailed(post("order"));
    else
      checkCutOff(dying, post("order"), bytes, how);
  }
}

TEST_CASE("a POST with an Idempotency-Key whose reused connection ends at byte N") {
  How how = How::Fin;
  SUBCASE("FIN") { how = How::Fin; }
  SUBCASE("RST") { how = How::Rst; }
  for (size_t bytes = 0; bytes < kResponse.size(); bytes += 7) {
    CAPTURE(bytes);
    Dying dying(dyingAt(bytes, how));
    const std::string request = post("order", "Idempotency-Key: \"k1\"\r\n");
    if (bytes == 0)
      dying.checkReplayed(request);
    else
      checkCutOff(dying, request, bytes, how);
  }
}

TEST_CASE("a response that is whole when its connection ends is a response") {
  How how = How::Fin;
  SUBCASE("FIN") { how = How::Fin; }
  SUBCASE("RST") { how = How::Rst; }
  Dying dying(dyingAt(kResponse.size(), how));
  CHECK(dying.client.ask(post("order")).body == "hello");
  CHECK(dying.client.ask(get("/next")).body == "replayed");  // that is: of the second connection
  CHECK(dying.upstream.connections() == 2);
}

TEST_CASE("methods that are idempotent are replayed, others not") {
  for (const std::string method : {"GET", "HEAD", "OPTIONS", "DELETE", "PUT"}) {
    CAPTURE(method);
    Dying dying(dyingAt(0, How::Fin));
    const Message answer =
        dying.client.ask(method + " / HTTP/1.1\r\nHost: a\r\n\r\n", method == "HEAD");
    CHECK(answer.status() == 200);
    CHECK(dying.upstream.connections() == 2);
  }
  for (const std::string method : {"DELETE", "OPTIONS", "PUT"}) {
    CAPTURE(method);
    Dying(dyingAt(0, How::Fin)).checkReplayed(withBody(method));
  }
  for (const std::string method : {"POST", "PATCH", "get", "LOCK"}) {
    CAPTURE(method);
    Dying dying(dyingAt(0, How::Fin));
    dying.checkFailed(method + " / HTTP/1.1\r\nHost: a\r\n\r\n");
  }
  Dying(dyingAt(0, How::Fin)).checkFailed(withBody("PATCH"));
}

TEST_CASE("a replay carries the whole body") {
  SUBCASE("small") { Dying(dyingAt(0, How::Fin)).checkReplayed(put("document")); }
  SUBCASE("as large as replay_buffer allows") {
    Dying(dyingAt(0, How::Fin)).checkReplayed(put(std::string(64 << 10, 'd')));
  }
  SUBCASE("chunked") {
    Dying(dyingAt(0, How::Fin)).checkReplayed(putChunked("3\r\ndoc\r\n5\r\nument\r\n0\r\n\r\n"));
  }
}

TEST_CASE("a body beyond replay_buffer is not replayed") {
  SUBCASE("of known length") {
    Dying(dyingAt(0, How::Fin)).checkFailed(put(std::string((64 << 10) + 1, 'd')));
  }
  SUBCASE("chunked") {
    Dying dying(dyingAt(0, How::Fin), "replay_buffer: 1k");
    dying.checkFailed(putChunked(chunked(std::string(1025, 'd'))));
  }
}

TEST_CASE("a replay happens once") {
  FakeUpstream upstream(
      {dyingAt(0, How::Fin), [](UpstreamConn& conn) { conn.request(); }, answering(ok("third"))});
  Oxbow oxbow(Setup{.servers = {upstream.address()}});
  RawClient client(oxbow.address());
  REQUIRE(client.ask(get("/warm")).status() == 200);
  CHECK(client.ask(get("/doc")).status() == 502);
  CHECK(upstream.connections() == 2);
  CHECK(upstream.requests() == 3);
}

TEST_CASE("a replay is a try: proxy_next_upstream_tries and _timeout bound it") {
  SUBCASE("one try: no replay") {
    Dying dying(dyingAt(0, How::Fin), "proxy_next_upstream_tries: 1");
    dying.checkFailed(get("/doc"));
  }
  SUBCASE("two: a replay") {
    Dying(dyingAt(0, How::Fin), "proxy_next_upstream_tries: 2").checkReplayed(get("/doc"));
  }
  SUBCASE("too late for a replay") {
    Gate late;
    const auto slow = [&late](UpstreamConn& conn) {
      if (conn.request()) conn.send(ok("first"));
      if (conn.request()) late.await(milliseconds(150));
    };
    Dying dying(slow, "proxy_next_upstream_timeout: 100ms");
    dying.checkFailed(get("/doc"));
  }
}

TEST_CASE("a connection that was opened for the request: no replay") {
  FakeUpstream upstream(std::vector<FakeUpstream::Script>{
      [](UpstreamConn& conn) { conn.request(); }, answering(ok("replayed"))});
  Oxbow oxbow(Setup{.servers = {upstream.address()}});
  RawClient client(oxbow.address());
  CHECK(client.ask(get("/doc")).status() == 502);
  CHECK(upstream.connections() == 1);
  CHECK(upstream.requests() == 1);
}

TEST_CASE("a timeout is no reason to replay") {
  const auto silent = [](UpstreamConn& conn) {
    if (conn.request()) conn.send(ok("first"));
    conn.request();
    conn.awaitEnd();
  };
  Dying dying(silent, "read_timeout: 1s");
  dying.checkFailed(get("/doc"), 504, "connection_read_timeout");
}

TEST_CASE("a replay does not wait for a slot that idle connections hold") {
  // Two connections at the cap; the one used last dies at its next request, the other stays idle.
  Gate both;
  const auto together = [&both](UpstreamConn& conn) {
    if (!conn.request()) return;
    if (conn.index() == 1) both.open();
    both.await();
    conn.send(ok("first"));
    conn.request();
  };
  FakeUpstream upstream({together, together, answering(ok("replayed"))});
  Oxbow oxbow(Setup{.servers = {upstream.address()}, .upstream = "max_conns: 2"});
  RawClient one(oxbow.address()), other(oxbow.address());
  one.send(get());
  other.send(get());
  CHECK(one.receive().body == "first");
  CHECK(other.receive().body == "first");
  CHECK(one.ask(get()).body == "replayed");
  CHECK(upstream.mostOpen() <= 2);
}

TEST_CASE("replays are counted, and refusals to replay") {
  FakeUpstream upstream(dyingAt(0, How::Fin));
  Oxbow oxbow(Setup{.servers = {upstream.address()}, .top = kAdmin});
  RawClient client(oxbow.address());
  client.ask(get());
  client.ask(post("x"));  // dies, refused
  client.ask(get());
  client.ask(get());  // dies, replayed
  CHECK(oxbow.metric("oxbow_upstream_replays_total{upstream=\"up\"}") == 1);
  CHECK(oxbow.metric("oxbow_upstream_replays_refused_total{upstream=\"up\"}") == 1);
}

}  // namespace oxbow::integration
