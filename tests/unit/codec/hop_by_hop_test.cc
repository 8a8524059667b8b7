#include <string>

#include "tests/unit/codec/parsing.h"

namespace oxbow::http1 {
namespace {

using namespace std::string_literals;

std::string forwarded(const std::string& fields) {
  ParsedRequest request(requestWith(fields));
  CAPTURE(fields);
  REQUIRE(request.result.status == ParseStatus::Done);
  dropHopByHop(request.head.fields);
  return textOf(request.head.fields);
}

TEST_CASE("fields of one hop are dropped") {
  for (const char* line : {"Connection: close", "Connection: keep-alive", "Keep-Alive: timeout=5",
                           "Proxy-Connection: keep-alive", "TE: trailers",
                           "Transfer-Encoding: chunked", "Upgrade: h2c", "Connection:"})
    CHECK(forwarded("A: b\r\n"s + line + "\r\nC: d\r\n") == "Host=a;A=b;C=d;");
  CHECK(forwarded("A: b\r\n") == "Host=a;A=b;");
}

TEST_CASE("those of all hops stay") {
  CHECK(forwarded("Trailer: X\r\nProxy-Authorization: p\r\nVia: v\r\n") ==
        "Host=a;Trailer=X;Proxy-Authorization=p;Via=v;");
}

TEST_CASE("what Connection names is dropped, before and behind it") {
  CHECK(forwarded("X-A: 1\r\nConnection: x-a, , X-B,close\r\nX-B: 2\r\nX-A: 3\r\nX-C: 4\r\n") ==
        "Host=a;X-C=4;");
  CHECK(forwarded("X-A: 1\r\nX-B: 2\r\nConnection: x-a\r\nConnection: x-b\r\n") == "Host=a;");
  CHECK(forwarded("HTTP2-Settings: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n") ==
        "Host=a;");
  CHECK(forwarded("Trailer: X\r\nConnection: trailer\r\n") == "Host=a;");
}

TEST_CASE("Connection names lines of another block too") {
  ParsedRequest trailers(requestWith("X-A: 1\r\nX-B: 2\r\nCookie: c\r\n"));
  dropNamed(trailers.head.fields, "close, x-b,, cookie, X-C");
  CHECK(textOf(trailers.head.fields) == "Host=a;X-A=1;Cookie=c;");
}

TEST_CASE("A17: what must not be removed that way stays") {
  for (const char* name :
       {"Content-Length", "Authorization", "X-Forwarded-For", "X-Forwarded-Anything", "Forwarded",
        "Cookie", "Content-Type", "Via", "Date", "Cache-Control", "Server", "Origin",
        "Idempotency-Key", "Content-Encoding", "Range", "If-None-Match", "X-Request-Id",
        "Proxy-Authorization"}) {
    const std::string text = forwarded("Connection: close, "s + name + "\r\n" + name + ": 1\r\n");
    CHECK(text == "Host=a;"s + name + "=1;");
  }
  CHECK(forwarded("Connection: host\r\n") == "Host=a;");
}

TEST_CASE("a Connection line that was dropped before names nothing") {
  ParsedRequest request(requestWith("Connection: X-A\r\nX-A: 1\r\n"));
  request.head.fields.drop(http::Name::Connection);
  dropHopByHop(request.head.fields);
  CHECK(textOf(request.head.fields) == "Host=a;X-A=1;");
}

}  // namespace
}  // namespace oxbow::http1
