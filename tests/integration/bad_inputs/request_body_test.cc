// docs/bad-inputs.md, parts A and B: bodies, chunked ones, and pipelines.

#include <doctest/doctest.h>

#include <thread>

#include "tests/integration/support/bad_input.h"
#include "tests/integration/support/memory.h"

using namespace std::string_literals;

namespace oxbow::integration {

namespace {

// The head of a chunked request goes out before its body can be judged; what counts is that the
// upstream never takes the request for complete, and gets nothing from behind the fault.
struct BrokenChunks {
  FakeUpstream upstream{answering(ok())};
  Oxbow oxbow{Setup{.servers = {upstream.address()}}};

  ~BrokenChunks() {
    oxbow.stop();
    upstream.settle();
    CHECK(upstream.requests() == 0);
    CHECK(upstream.received().find("evil") == std::string::npos);
  }

  void checkRefused(std::string_view what, const std::string& body, int status = 400) {
    CAPTURE(what);
    const std::string request = postChunked(body + "evil\r\n0\r\n\r\n" + get("/evil"));
    for (const bool bytewise : {false, true}) {
      if (bytewise && request.size() > 1000) break;
      CAPTURE(bytewise);
      RawClient client(oxbow.address());
      bytewise ? client.stream().sendBytewise(request) : client.send(request);
      const Message answer = client.receive();
      CHECK(answer.status() == status);
      CHECK(answer.field("Connection") == "close");
      CHECK(client.readToEnd().empty());
      CHECK(client.end() == Read::Fin);
    }
  }
};

// Answers with the target of the request.
void echoTarget(UpstreamConn& conn) {
  while (const auto request = conn.request())
    conn.send(ok(request->startLine.substr(4, request->startLine.size() - 13)));
}

void answerBeforeBody(UpstreamConn& conn) {
  if (!conn.awaitText("\r\n\r\n")) return;
  conn.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
  conn.awaitEnd();
}

}  // namespace

TEST_CASE("A.21 Expect: 100-continue and the final answer comes first") {
  FakeUpstream upstream({answerBeforeBody, answering(ok())});
  Oxbow oxbow(Setup{.servers = {upstream.address()}});
  RawClient client(oxbow.address());
  const Message answer =
      client.ask("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  CHECK(answer.status() == 403);
  CHECK(answer.body == "no");
  CHECK(client.informational().empty());
  // The body may follow or not: only the connection's end makes the difference.
  CHECK(answer.field("Connection") == "close");
  CHECK(client.readToEnd().empty());
  CHECK(client.end() == Read::Fin);
  CHECK(upstream.awaitEnd(0));
  RawClient next(oxbow.address());
  CHECK(next.ask(get("/next")).status() == 200);
  CHECK(upstream.received(0).find("/next") == std::string::npos);
  CHECK(upstream.connections() == 2);
}

TEST_CASE("A.22 the body of a request that oxbow answers itself is no request") {
  Forwarding pair({.routes = "- { location: /fixed, return: 404 }\n- { proxy_pass: up }"});
  RawClient client(pair.oxbow.address());
  const std::string inner = get("/inner");
  SUBCASE("read, when it is small") {
    CHECK(client.ask(post(inner, {}, "/fixed")).status() == 404);
    CHECK(client.ask(get("/behind")).status() == 200);
  }
  SUBCASE("read, when it comes later") {
    const std::string whole = post(inner, {}, "/fixed");
    CHECK(client.ask(whole.substr(0, whole.size() - inner.size())).status() == 404);
    CHECK(client.ask(inner + get("/behind")).status() == 200);
  }
  CHECK(pair.upstream.requests() == 1);
  CHECK(pair.upstream.lastRequest().startLine == "GET /behind HTTP/1.1");
}

TEST_CASE("A.22 the connection closes when the body is large or of unknown length") {
  Forwarding pair({.routes = "- { location: /fixed, return: 404 }\n- { proxy_pass: up }"});
  RawClient client(pair.oxbow.address());
  SUBCASE("large") {
    client.send("POST /fixed HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" +
                get("/inner"));
  }
  SUBCASE("chunked") {
    client.send("POST /fixed HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  }
  const Message answer = client.receive();
  CHECK(answer.status() == 404);
  CHECK(answer.field("Connection") == "close");
  client.send(get("/inner"));
  CHECK(client.readToEnd().empty());
  CHECK(pair.upstream.connections() == 0);
}

TEST_CASE("A.24 pipelined requests are answered in order, each once") {
  constexpr int kRequests = 1000;
  FakeUpstream upstream(echoTarget);
  Oxbow oxbow(Setup{.servers = {upstream.address()}});
  RawClient client(oxbow.address());
  std::string all;
  for (int i = 0; i < kRequests; ++i) all += get("/" + std::to_string(i));
  REQUIRE(client.send(all));
  for (int i = 0; i < kRequests; ++i) {
    CAPTURE(i);
    REQUIRE(client.receive().body == "/" + std::to_string(i));
  }
  CHECK(upstream.requests() == kRequests);
  for (size_t i = 0; i < kRequests; ++i)
    CHECK(upstream.request(i).startLine == "GET /" + std::to_string(i) + " HTTP/1.1");
  CHECK(client.isQuietFor(milliseconds(10)));
}

TEST_CASE("A.24 behind a request that takes long, few of 100,000 pipelined ones are read") {
  Gate stalled;
  FakeUpstream upstream(answeringBehind(stalled));
  Oxbow oxbow(Setup{.servers = {upstream.address()}, .listener = "rcvbuf: 64k"});
  RawClient client(oxbow.address(), 64 << 10);
  std::string all;
  for (int i = 0; i < 100000; ++i) all += get("/");
  const size_t sent = client.stream().sendSome(all, milliseconds(100));
  // The kernel doubles what it is asked for, on both sides; oxbow's own share is 64 KiB.
  CHECK(sent < (2 * 64 + 2 * 64 + 64) * 1024);
  CHECK(upstream.requests() == 1);
  stalled.open();
  for (int i = 0; i < 1000; ++i) REQUIRE(client.receive().status() == 200);
}

TEST_CASE("A.24 100,000 pipelined requests that oxbow answers itself") {
  constexpr size_t kRequests = 100000;
  Oxbow oxbow(Setup{.servers = {"127.0.0.1:1"}, .routes = "- { return: 204 }"});
  RawClient client(oxbow.address());
  std::thread sender([&client] {
    std::string all;
    for (size_t i = 0; i + 1 < kRequests; ++i) all += get("/");
    client.send(all + get("/", "Connection: close\r\n"));
  });
  const std::string answers = client.readToEnd();
  sender.join();
  CHECK(client.end() == Read::Fin);
  size_t count = 0;
  for (size_t at = 0; (at = answers.find("HTTP/1.1 204 ", at)) != std::string::npos; ++at) ++count;
  CHECK(count == kRequests);
}

TEST_CASE_FIXTURE(BrokenChunks, "B.1 a malformed chunk size") {
  for (const std::string size : {"0x5",
                                 "+5",
                                 "-0",
                                 "-5",
                                 "5 ",
                                 " 5",
                                 "5;",
                                 "5; ",
                                 "",
                                 "g",
                                 "5g",
                                 "5\t",
                                 "5 5",
                                 "5;=b",
                                 "5;a ",
                                 "5;a=b ",
                                 "5;a=\"b\"\t",
                                 "5 ;",
                                 "5;a=",
                                 "5;a=\"b",
                                 "5;a b",
                                 "00000000000000005",
                                 "10000000000000002",
                                 "8000000000000000",
                                 "FFFFFFFFFFFFFFFF",
                                 "5\0"})
    checkRefused(size, size + "\r\nhello\r\n");
  checkRefused("NUL", "5\0\r\nhello\r\n"s);
  checkRefused("the second one", "5\r\nhello\r\n0x5\r\n");
  checkRefused("sizes whose sum is over 2^63", "5\r\nhello\r\n7FFFFFFFFFFFFFFF\r\n");
}

TEST_CASE_FIXTURE(BrokenChunks, "B.2 LF alone in the chunked coding") {
  checkRefused("in the size line", "5\nhello\r\n");
  checkRefused("in an extension", "5;a\nhello\r\n");
  checkRefused("in a quoted extension", "5;a=\"\n\"\r\nhello\r\n");
  checkRefused("behind the data", "5\r\nhello\n");
  checkRefused("CR CR LF in the size line", "5\r\r\nhello\r\n");
  checkRefused("CR in an extension", "5;a\rb\r\nhello\r\n");
  checkRefused("in the last size line", "5\r\nhello\r\n0\n\r\n");
  checkRefused("in the trailers", "5\r\nhello\r\n0\r\nX: y\n\r\n");
  checkRefused("at their end", "5\r\nhello\r\n0\r\n\n");
}

TEST_CASE_FIXTURE(BrokenChunks, "B.3 no CRLF behind the data of a chunk") {
  checkRefused("nothing", "5\r\nhello5\r\n");
  checkRefused("a byte more", "5\r\nhellox\r\n");
  checkRefused("CR alone", "5\r\nhello\r5\r\n");
  checkRefused("white space", "5\r\nhello \r\n");
}

TEST_CASE_FIXTURE(BrokenChunks, "B.4 chunk extensions over 4 KiB") {
  checkRefused("one", "5;a=" + std::string(4096, 'x') + "\r\nhello\r\n");
  std::string many;
  for (int i = 0; i < 5; ++i) many += "1;a=" + std::string(1000, 'x') + "\r\nh\r\n";
  checkRefused("together", many);
  checkRefused("without an end", "5;" + std::string(5000, 'x'));
}

TEST_CASE_FIXTURE(Forwarding, "B.4 chunk extensions under 4 KiB are dropped") {
  const Message got = forwarded(
      postChunked("5;a=" + std::string(4000, 'x') + ";b=\"q\\\"q\"\r\nhello\r\n0\r\n\r\n"));
  CHECK(got.body == "hello");
  CHECK(upstream.received().find("xx") == std::string::npos);
}

TEST_CASE_FIXTURE(BrokenChunks, "B.4 white space of chunk extensions counts") {
  checkRefused("behind the size", "5" + std::string(4097, ' ') + ";a\r\nhello\r\n");
  checkRefused("before a name", "5;" + std::string(4096, '\t') + "a\r\nhello\r\n");
}

TEST_CASE_FIXTURE(Forwarding, "B.4 chunk extensions may have white space around their marks") {
  for (const std::string extension :
       {"; a=b", ";a = b", " ;a", ";a=b ;c", "\t;\ta\t=\t\"b\"\t;\tc", ";a ;b"}) {
    CAPTURE(extension);
    CHECK(
        forwarded(postChunked("5" + extension + "\r\nhello\r\n0" + extension + "\r\n\r\n")).body ==
        "hello");
  }
}

TEST_CASE_FIXTURE(Forwarding, "B.5 trailers that control something are dropped") {
  const Message got = forwarded(postChunked(
      "5\r\nhello\r\n0\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\nHost: evil\r\n"
      "Authorization: Basic x\r\nCookie: a=b\r\nConnection: close\r\nContent-Type: a/b\r\n"
      "X-Forwarded-For: 6.6.6.6\r\nExpect: x\r\nTE: x\r\nCache-Control: x\r\nIf-Match: x\r\n"
      "Trailer: x\r\nContent-Encoding: gzip\r\nContent-Range: x\r\nSet-Cookie: x\r\n"
      "X_Forwarded_For: 6.6.6.6\r\nX-Checksum: 1234\r\n\r\n"));
  CHECK(got.body == "hello");
  REQUIRE(got.trailers.size() == 1);
  CHECK(got.trailer("X-Checksum") == "1234");
}

TEST_CASE_FIXTURE(BrokenChunks, "B.6 trailers over the limits of fields") {
  checkRefused("33 KB", "5\r\nhello\r\n0\r\nX: " + std::string(33000, 'v') + "\r\n", 431);
  std::string many;
  for (int i = 0; i < 101; ++i) many += "X: y\r\n";
  checkRefused("101", "5\r\nhello\r\n0\r\n" + many, 431);
  checkRefused("a long name", "5\r\nhello\r\n0\r\n" + std::string(1024, 'n') + ": v\r\n", 431);
}

TEST_CASE_FIXTURE(BrokenChunks, "B.6 malformed trailers") {
  checkRefused("no colon", "5\r\nhello\r\n0\r\nX\r\n");
  checkRefused("white space before the colon", "5\r\nhello\r\n0\r\nX : y\r\n");
  checkRefused("folding", "5\r\nhello\r\n0\r\nX: y\r\n z\r\n");
  checkRefused("NUL", "5\r\nhello\r\n0\r\nX: \0\r\n"s);
}

TEST_CASE_FIXTURE(Forwarding, "B.7 oxbow writes its own chunks") {
  const Message got =
      forwarded(postChunked("0005;x=y\r\nhello\r\n00A\r\n0123456789\r\n000\r\n\r\n"));
  CHECK(got.body == "hello0123456789");
  const std::string bytes = upstream.received();
  const std::string body = bytes.substr(bytes.find("\r\n\r\n") + 4);
  // Chunks may be joined; sizes are without leading zeros, and the last one is one zero.
  const bool joined = body == "f\r\nhello0123456789\r\n0\r\n\r\n";
  const bool apart = body == "5\r\nhello\r\na\r\n0123456789\r\n0\r\n\r\n";
  CHECK((joined || apart));
}

TEST_CASE("B.8 a client that ends before the last chunk") {
  FakeUpstream upstream(answering(ok()));
  Oxbow oxbow(Setup{.servers = {upstream.address()}});
  RawClient client(oxbow.address());
  std::string part;
  SUBCASE("behind the head") { part = ""; }
  SUBCASE("in a size") { part = "5\r\nhello\r\n1"; }
  SUBCASE("in the data") { part = "5\r\nhe"; }
  SUBCASE("behind a chunk") { part = "5\r\nhello\r\n"; }
  SUBCASE("behind the last size") { part = "5\r\nhello\r\n0\r\n"; }
  SUBCASE("in the trailers") { part = "5\r\nhello\r\n0\r\nX: y\r\n"; }
  client.send(postChunked(part));
  REQUIRE(upstream.awaitReceived("POST / "));
  client.stream().finish();
  CHECK(upstream.awaitEnd(0));
  CHECK(client.receive().status() != 200);
  CHECK(client.end() != Read::Late);
  CHECK(upstream.requests() == 0);
  RawClient next(oxbow.address());
  CHECK(next.ask(get("/next")).status() == 200);
  CHECK(upstream.connections() == 2);
}

TEST_CASE("B.9 a million chunks of one byte") {
  FakeUpstream upstream([](UpstreamConn& conn) {
    conn.discardUntil("0\r\n\r\n");
    conn.send(ok());
  });
  Oxbow oxbow(Setup{.servers = {upstream.address()}});
  const auto cpuOf = [&oxbow](int chunks) {
    std::string body;
    for (int i = 0; i < chunks; ++i) body += "1\r\nx\r\n";
    body = postChunked(body + "0\r\n\r\n");
    const double before = cpuSeconds();
    const long memory = residentBytes();
    RawClient client(oxbow.address());
    CHECK(client.ask(body).status() == 200);
    if (kMemoryTells) CHECK(residentBytes() - memory < 2 << 20);
    return cpuSeconds() - before;
  };
  cpuOf(1000);
  const double tenth = cpuOf(100000);
  const double whole = cpuOf(1000000);
  CHECK(whole < 30 * (tenth + 0.005));
}

}  // namespace oxbow::integration
