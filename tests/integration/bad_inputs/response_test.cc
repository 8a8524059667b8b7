// docs/bad-inputs.md, parts G.5 and K: an upstream is not trusted either.

#include <doctest/doctest.h>

#include "tests/integration/support/bad_input.h"
#include "tests/integration/support/bad_response.h"
#include "tests/integration/support/memory.h"
#include "tests/integration/support/samples.h"

using namespace std::string_literals;

namespace oxbow::integration {

namespace {

const std::string kClose = "Connection: close\r\n";

// A response with these lines, whose body a client must not see.
std::string responseWith(const std::string& lines) {
  return "HTTP/1.1 200 OK\r\n" + lines + "\r\nevil\r\n0\r\n\r\n";
}

std::string withStatusLine(const std::string& line) {
  return line + "\r\nContent-Length: 4\r\n\r\nevil";
}

// Answers the first request with `bytes` and, unlike sending(), more requests with 200: what a
// connection that wrongly went back to the pool would show.
FakeUpstream::Script answeringFirst(std::string bytes) {
  return [bytes = std::move(bytes)](UpstreamConn& conn) {
    if (!conn.request()) return;
    conn.send(bytes);
    while (conn.request()) conn.send(ok("of the first connection"));
  };
}

struct TwoConnections {
  explicit TwoConnections(std::string first)
      : upstream({answeringFirst(std::move(first)), answering(ok("of the second connection"))}),
        oxbow(Setup{.servers = {upstream.address()}}) {}

  // The next request must go out over a new connection, the first having been closed by oxbow.
  void checkNotReused() {
    CHECK(upstream.awaitEnd(0));
    RawClient next(oxbow.address());
    CHECK(next.ask(get("/next")).body == "of the second connection");
    CHECK(upstream.connections() == 2);
  }
  void checkReused() {
    RawClient next(oxbow.address());
    CHECK(next.ask(get("/next")).body == "of the first connection");
    CHECK(upstream.connections() == 1);
  }

  FakeUpstream upstream;
  Oxbow oxbow;
};

}  // namespace

TEST_CASE("G.5 an upstream that never answers") {
  const Outcome outcome =
      outcomeOf(sending(""), get("/", kClose), {.upstream = "read_timeout: 150ms"});
  CHECK(outcome.answer.status() == 504);
  CHECK(tokenOf(outcome.answer) == "connection_read_timeout");
  CHECK(outcome.end == Read::Fin);
}

TEST_CASE("G.5 an upstream that stops in the head of its answer") {
  const Outcome outcome = outcomeOf(sending("HTTP/1.1 200 OK\r\nX-Evil: evil\r\n"),
                                    get("/", kClose), {.upstream = "read_timeout: 150ms"});
  CHECK(outcome.answer.status() == 504);
  CHECK(outcome.bytes.find("evil") == std::string::npos);
}

TEST_CASE("G.5 an upstream that is slow and not silent") {
  const auto dripping = [](UpstreamConn& conn) {
    if (!conn.request()) return;
    std::string none;
    for (const char byte : ok("slow")) {
      conn.stream().receive(none, milliseconds(40));
      conn.send({&byte, 1});
    }
    conn.awaitEnd();
  };
  const Outcome outcome =
      outcomeOf(dripping, get("/", kClose), {.upstream = "read_timeout: 1s\nkeepalive: 0"});
  CHECK(outcome.answer.body == "slow");
}

TEST_CASE("K.1 bytes that nobody asked for, while the connection is idle") {
  Gate asked;
  FakeUpstream upstream({[&asked](UpstreamConn& conn) {
                           if (!conn.request()) return;
                           conn.send(ok("first"));
                           asked.await();
                           conn.send(ok("evil"));
                           conn.awaitEnd();
                         },
                         answering(ok("second"))});
  Oxbow oxbow(Setup{.servers = {upstream.address()}});
  RawClient client(oxbow.address());
  CHECK(client.ask(get()).body == "first");
  asked.open();
  CHECK(upstream.awaitEnd(0));
  CHECK(client.ask(get()).body == "second");
}

TEST_CASE("K.1 bytes that nobody asked for, in one piece with a response") {
  TwoConnections pair(ok("first") + ok("evil"));
  RawClient client(pair.oxbow.address());
  CHECK(client.ask(get()).body == "first");
  CHECK(client.isQuietFor(milliseconds(20)));
  pair.checkNotReused();
}

TEST_CASE("K.1 bytes before any request") {
  FakeUpstream upstream([](UpstreamConn& conn) {
    conn.send("SSH-2.0-evil\r\n");
    conn.awaitEnd();
  });
  Oxbow oxbow(Setup{.servers = {upstream.address()}});
  RawClient client(oxbow.address());
  const Message answer = client.ask(get());
  CHECK(answer.status() == 502);
  CHECK(answer.body.find("evil") == std::string::npos);
}

TEST_CASE("K.2 a 408 for an idle connection answers nobody") {
  Gate late;
  FakeUpstream upstream({[&late](UpstreamConn& conn) {
                           if (!conn.request()) return;
                           conn.send(ok("first"));
                           late.await();
                           conn.send(
                               "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n"
                               "Content-Length: 0\r\n\r\n");
                         },
                         answering(ok("second"))});
  Oxbow oxbow(Setup{.servers = {upstream.address()}});
  RawClient client(oxbow.address());
  CHECK(client.ask(get()).body == "first");
  late.open();
  CHECK(upstream.awaitEnd(0));
  CHECK(client.ask(post("x")).body == "second");
}

TEST_CASE("K.2 a 408 that crosses a request: it is sent again where that is safe") {
  const auto late408 = [](UpstreamConn& conn) {
    if (!conn.request()) return;
    conn.send(ok("first"));
    if (conn.request())
      conn.send("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  };
  FakeUpstream upstream({late408, answering(ok("second"))});
  Oxbow oxbow(Setup{.servers = {upstream.address()}});
  RawClient client(oxbow.address());
  CHECK(client.ask(get()).body == "first");
  SUBCASE("GET") {
    CHECK(client.ask(get()).body == "second");
    CHECK(upstream.connections() == 2);
  }
  SUBCASE("POST: the client gets the 408 and decides") {
    CHECK(client.ask(post("x")).status() == 408);
    CHECK(upstream.connections() == 1);
  }
}

TEST_CASE("K.2 a 408 on a new connection is an answer") {
  FakeUpstream upstream(
      sending("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"));
  Oxbow oxbow(Setup{.servers = {upstream.address()}});
  RawClient client(oxbow.address());
  CHECK(client.ask(get()).status() == 408);
  CHECK(upstream.requests() == 1);
}

TEST_CASE("K.2 a FIN or RST on an idle connection") {
  Gate leave;
  bool reset = false;
  SUBCASE("FIN") { reset = false; }
  SUBCASE("RST") { reset = true; }
  FakeUpstream upstream({[&](UpstreamConn& conn) {
                           if (!conn.request()) return;
                           conn.send(ok("first"));
                           leave.await();
                           if (reset) conn.stream().reset();
                         },
                         answering(ok("second"))});
  Oxbow oxbow(Setup{.servers = {upstream.address()}, .top = kAdmin});
  RawClient client(oxbow.address());
  CHECK(client.ask(get()).body == "first");
  leave.open();
  CHECK(oxbow.awaitMetric(closedFor(upstream, reset ? "server_reset" : "server_closed"), 1));
  CHECK(client.ask(post("x")).body == "second");
  CHECK(upstream.requests() == 2);
}

TEST_CASE("K.3 a final response before the request's body has ended") {
  FakeUpstream upstream({[](UpstreamConn& conn) {
                           if (!conn.awaitText("hel")) return;
                           conn.send(ok("early"));
                           conn.awaitEnd();
                         },
                         answering(ok("second"))});
  Oxbow oxbow(Setup{.servers = {upstream.address()}});
  RawClient client(oxbow.address());
  client.send(postChunked("3\r\nhel\r\n"));
  const Message answer = client.receive();
  CHECK(answer.body == "early");
  CHECK(answer.field("Connection") == "close");
  CHECK(upstream.awaitEnd(0));
  client.send("2\r\nlo\r\n0\r\n\r\n" + get("/behind"));
  CHECK(client.readToEnd().empty());
  RawClient next(oxbow.address());
  CHECK(next.ask(get("/next")).body == "second");
  CHECK(upstream.received(0).find("/next") == std::string::npos);
}

TEST_CASE("K.4 Content-Length and Transfer-Encoding of a response") {
  const std::string coding = "http_response_transfer_coding";
  checkBadResponse("both", responseWith("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"));
  checkBadResponse("both, the other way",
                   responseWith("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n"));
  checkBadResponse("two lengths", responseWith("Content-Length: 4\r\nContent-Length: 5\r\n"));
  checkBadResponse("two equal lengths", responseWith("Content-Length: 4\r\nContent-Length: 4\r\n"));
  for (const std::string value : {"+4", "-4", "0x4", "4 4", "4, 4", "", "9223372036854775808"})
    checkBadResponse("Content-Length: " + value, responseWith("Content-Length: " + value + "\r\n"));
  for (const std::string value :
       {"xchunked", "chunked, chunked", "gzip", "gzip, chunked", ",chunked", "identity"})
    checkBadResponse("Transfer-Encoding: " + value,
                     responseWith("Transfer-Encoding: " + value + "\r\n"), coding);
  checkBadResponse("two codings",
                   responseWith("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
                   coding);
  checkBadResponse("Transfer-Encoding in HTTP/1.0",
                   "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n");
}

TEST_CASE("K.4 bytes that no head has") {
  checkBadResponse("NUL in a value", responseWith("X: a\0b\r\nContent-Length: 4\r\n"s));
  checkBadResponse("bare CR in a value", responseWith("X: a\rb\r\nContent-Length: 4\r\n"));
  checkBadResponse("bare LF", responseWith("X: a\nY: b\r\nContent-Length: 4\r\n"));
  checkBadResponse("VT in Transfer-Encoding", responseWith("Transfer-Encoding: chunked\v\r\n"));
  checkBadResponse("folding", responseWith("X: a\r\n evil\r\nContent-Length: 4\r\n"));
  checkBadResponse("white space before the colon", responseWith("Content-Length : 4\r\n"));
  checkBadResponse("an empty name", responseWith(": x\r\nContent-Length: 4\r\n"));
  checkBadResponse("NUL in the reason", withStatusLine("HTTP/1.1 200 O\0K"s));
  checkBadResponse("bare CR in the reason", withStatusLine("HTTP/1.1 200 O\rK"));
}

TEST_CASE("K.4 a chunked response that is malformed cuts the client off") {
  for (const std::string body : {"zz\r\nevil", "4\r\ngoodevil\r\n", "4\ngood\r\n0\r\n\r\n",
                                 "4\r\ngood\r\n-1\r\nevil", "4\r\ngood\r\n0\r\nevil\r\n\r\n"}) {
    CAPTURE(body);
    const Outcome outcome = outcomeOf(
        sending("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body), get("/", kClose));
    // The head may be out by then; if so the message must not look complete.
    if (outcome.answer.status() == 200)
      CHECK_FALSE(outcome.answer.complete);
    else
      CHECK(outcome.answer.status() == 502);
    CHECK(outcome.bytes.find("0\r\n\r\n") == std::string::npos);
  }
}

TEST_CASE("K.5 what is no status line of HTTP/1") {
  checkBadResponse("99", withStatusLine("HTTP/1.1 99 OK"));
  checkBadResponse("099", withStatusLine("HTTP/1.1 099 OK"));
  checkBadResponse("1000", withStatusLine("HTTP/1.1 1000 OK"));
  checkBadResponse("abc", withStatusLine("HTTP/1.1 abc OK"));
  checkBadResponse("20", withStatusLine("HTTP/1.1 20 OK"));
  checkBadResponse("none", withStatusLine("HTTP/1.1  OK"));
  checkBadResponse("HTTP/2.0", withStatusLine("HTTP/2.0 200 OK"));
  checkBadResponse("HTTP/1.10", withStatusLine("HTTP/1.10 200 OK"));
  checkBadResponse("lower case", withStatusLine("http/1.1 200 OK"));
  checkBadResponse("ICY", withStatusLine("ICY 200 OK"));
  checkBadResponse("white space before it", withStatusLine(" HTTP/1.1 200 OK"));
  checkBadResponse("an empty line before it", withStatusLine("\r\nHTTP/1.1 200 OK"));
  checkBadResponse("junk", "evil evil evil\r\n\r\n");
  checkBadResponse("HTML", "<html>evil</html>");
  checkBadResponse("an SSH banner", "SSH-2.0-OpenSSH_evil\r\n");
  checkBadResponse("a TLS alert", "\x15\x03\x03\x00\x02\x02\x46 evil"s);
  checkBadResponse("HTTP/2 SETTINGS", "\0\0\0\x04\0\0\0\0\0evil"s);
}

TEST_CASE("K.6 a response head over the limits") {
  const std::string token = "http_response_header_section_size";
  std::string megabyte, many;
  while (megabyte.size() < 1 << 20) megabyte += "X-Evil: " + std::string(1000, 'e') + "evil\r\n";
  for (int i = 0; i < 20000; ++i) many += "evil: y\r\n";
  checkBadResponse("1 MB of fields", responseWith(megabyte + "Content-Length: 4\r\n"), token);
  checkBadResponse("20,000 fields", responseWith(many + "Content-Length: 4\r\n"), token);
  checkBadResponse("257 short ones", responseWith(many.substr(0, 9 * 257)), token);
  checkBadResponse("a long reason", withStatusLine("HTTP/1.1 200 evil" + std::string(10000, 'e')),
                   token);
}

TEST_CASE("K.6 fields without end") {
  const long before = residentBytes();
  size_t sent = 0;
  FakeUpstream upstream([&sent](UpstreamConn& conn) {
    if (!conn.request()) return;
    conn.send("HTTP/1.1 200 OK\r\n");
    const std::string line = "X-Evil: " + std::string(4000, 'e') + "\r\n";
    while (conn.send(line)) sent += line.size();
  });
  {
    Oxbow oxbow(Setup{.servers = {upstream.address()}});
    RawClient client(oxbow.address());
    CHECK(client.ask(get()).status() == 502);
    CHECK(upstream.awaitEnd(0));
  }
  if (kMemoryTells) CHECK(residentBytes() - before < 4 << 20);
  CHECK(sent < 16 << 20);  // what the kernel takes
}

TEST_CASE("K.7 informational responses before the final one") {
  for (const std::string head :
       {"HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 102 Processing\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nLink: </s.css>\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </s.css>\r\n\r\n"}) {
    CAPTURE(head);
    TwoConnections pair(head + ok("final"));
    RawClient client(pair.oxbow.address());
    CHECK(client.ask(get()).body == "final");
    pair.checkReused();
  }
}

TEST_CASE("K.7 20,000 informational responses") {
  std::string many;
  for (int i = 0; i < 20000; ++i) many += "HTTP/1.1 102 Processing\r\n\r\n";
  const Outcome outcome = outcomeOf(sending(many + ok("evil")), get("/", kClose));
  // Those that were forwarded are HTTP; behind them comes our own answer.
  CHECK(outcome.bytes.find("HTTP/1.1 502 ") != std::string::npos);
  CHECK(outcome.bytes.find("evil") == std::string::npos);
}

TEST_CASE("K.8 what is tolerated of a response") {
  SUBCASE("a status line without a reason and its space") {
    TwoConnections pair("HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok");
    RawClient client(pair.oxbow.address());
    const Message answer = client.ask(get());
    CHECK(answer.status() == 200);
    CHECK(answer.body == "ok");
    pair.checkReused();
  }
  SUBCASE("a status line without a reason") {
    TwoConnections pair("HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok");
    RawClient client(pair.oxbow.address());
    CHECK(client.ask(get()).body == "ok");
    pair.checkReused();
  }
  SUBCASE("a stray CRLF behind the body; the connection closes") {
    TwoConnections pair("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok\r\n");
    RawClient client(pair.oxbow.address());
    CHECK(client.ask(get()).body == "ok");
    CHECK(client.isQuietFor(milliseconds(20)));
    pair.checkNotReused();
  }
}

TEST_CASE("K.9 a body where there is none") {
  const std::string body = "evil evil evil evil";
  std::string request = get(), head;
  SUBCASE("HEAD") {
    request = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n";
    head = "HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n";
  }
  SUBCASE("HEAD, chunked") {
    request = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n";
    head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n13\r\n";
  }
  SUBCASE("204") { head = "HTTP/1.1 204 No Content\r\n\r\n"; }
  SUBCASE("204 with a length") { head = "HTTP/1.1 204 No Content\r\nContent-Length: 19\r\n\r\n"; }
  SUBCASE("304") { head = "HTTP/1.1 304 Not Modified\r\nContent-Length: 19\r\n\r\n"; }
  TwoConnections pair(head + body);
  RawClient client(pair.oxbow.address());
  const Message answer = client.ask(request, true);
  CHECK(answer.status() == std::stoi(head.substr(9, 3)));
  CHECK(client.isQuietFor(milliseconds(20)));  // the bytes went to nobody
  CHECK(client.ask(get("/again")).body == "of the second connection");
  pair.checkNotReused();
}

TEST_CASE("K.9 HEAD with Content-Length keeps it and has no body") {
  TwoConnections pair("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nETag: \"x\"\r\n\r\n");
  RawClient client(pair.oxbow.address());
  const Message answer = client.ask("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", true);
  CHECK(answer.field("Content-Length") == "1000");
  CHECK(client.isQuietFor(milliseconds(20)));
  pair.checkReused();
}

TEST_CASE("K.10 an upstream that dies in the middle of a body") {
  bool reset = false;
  SUBCASE("FIN") { reset = false; }
  SUBCASE("RST") { reset = true; }
  const auto dying = [&reset](const std::string& bytes) {
    return [&reset, bytes](UpstreamConn& conn) {
      if (!conn.request()) return;
      conn.send(bytes);
      if (reset) conn.stream().reset();
    };
  };
  const std::string chunkedHead = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  // A RST may overtake what was sent before it, so a 502 is right as well there.
  const auto checkCut = [&reset](const Outcome& outcome) {
    if (outcome.answer.status() == 502) {
      CHECK(reset);
      return;
    }
    CHECK(outcome.answer.status() == 200);
    CHECK_FALSE(outcome.answer.complete);
    CHECK(outcome.end != Read::Late);
  };
  for (const std::string body : {"5\r\nhello\r\n", "5\r\nhel", "5\r\nhello", "5\r\nhello\r\n0\r\n",
                                 "5\r\nhello\r\n0\r\nX: y\r\n", "5"}) {
    CAPTURE(body);
    checkCut(outcomeOf(dying(chunkedHead + body), get("/", kClose)));
    // HTTP/1.0 has no last chunk to leave out: only RST tells.
    const Outcome old = outcomeOf(dying(chunkedHead + body), "GET / HTTP/1.0\r\nHost: a\r\n\r\n");
    if (old.answer.status() == 200) CHECK(old.end == Read::Reset);
  }
  checkCut(
      outcomeOf(dying("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"), get("/", kClose)));
  if (reset) checkCut(outcomeOf(dying("HTTP/1.1 200 OK\r\n\r\nhello"), get("/", kClose)));
}

TEST_CASE("K.10 an upstream that stops in the middle of a body") {
  const Outcome outcome =
      outcomeOf(sending("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"),
                get("/", kClose), {.upstream = "read_timeout: 150ms"});
  CHECK(outcome.answer.status() == 200);
  CHECK(outcome.answer.body == "hello");
  CHECK_FALSE(outcome.answer.complete);
  CHECK(outcome.end != Read::Late);
}

}  // namespace oxbow::integration
