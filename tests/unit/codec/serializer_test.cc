#include "proxy/codec/http1/serializer.h"

#include <string>

#include "proxy/codec/http/field_writer.h"
#include "tests/unit/codec/parsing.h"

namespace oxbow::http1 {
namespace {

using http::BodyKind;
using http::Name;
using namespace std::string_literals;

std::string written(const http::RequestHead& head, std::string_view target,
                    std::string_view authority, const Framing& framing) {
  std::string out(requestHeadBound(head, target.size(), authority.size()), '?');
  const char* end = writeRequestHead(out.data(), head, target, authority, framing);
  REQUIRE(static_cast<size_t>(end - out.data()) <= out.size());
  out.resize(static_cast<size_t>(end - out.data()));
  return out;
}

std::string written(const http::RequestHead& head, const Framing& framing = {}) {
  return written(head, head.target, head.authority, framing);
}

std::string written(const http::ResponseHead& head, const Framing& framing = {}) {
  std::string out(responseHeadBound(head), '?');
  const char* end = writeResponseHead(out.data(), head, framing);
  REQUIRE(static_cast<size_t>(end - out.data()) <= out.size());
  out.resize(static_cast<size_t>(end - out.data()));
  return out;
}

TEST_CASE("a request is written as it came") {
  const std::string text = "GET /a?b HTTP/1.1\r\nHost: h\r\nA:  b \r\nC:d\r\n\r\n";
  const ParsedRequest request(text);
  CHECK(written(request.head) == text);
}

TEST_CASE("dropped lines leave no trace, wherever they are") {
  const std::string text = "GET / HTTP/1.1\r\nA: 1\r\nHost: h\r\nB: 2\r\nC: 3\r\nD: 4\r\n\r\n";
  const auto without = [&text](std::initializer_list<const char*> names) {
    ParsedRequest request(text);
    for (const char* name : names) request.head.fields.drop(name);
    return written(request.head);
  };
  CHECK(without({"A"}) == "GET / HTTP/1.1\r\nHost: h\r\nB: 2\r\nC: 3\r\nD: 4\r\n\r\n");
  CHECK(without({"D"}) == "GET / HTTP/1.1\r\nA: 1\r\nHost: h\r\nB: 2\r\nC: 3\r\n\r\n");
  CHECK(without({"B", "C"}) == "GET / HTTP/1.1\r\nA: 1\r\nHost: h\r\nD: 4\r\n\r\n");
  CHECK(without({"A", "B", "C", "D"}) == "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
}

TEST_CASE("target, authority and version are those of this hop") {
  const ParsedRequest request("POST http://x/y HTTP/1.0\r\nA: 1\r\nHost: h\r\nB: 2\r\n\r\n");
  CHECK(written(request.head, "/z", "h", {}) ==
        "POST /z HTTP/1.1\r\nA: 1\r\nHost: h\r\nB: 2\r\n\r\n");
  CHECK(written(request.head, "/z", "i", {}) ==
        "POST /z HTTP/1.1\r\nA: 1\r\nHost: i\r\nB: 2\r\n\r\n");
  CHECK(written(request.head) == "POST /y HTTP/1.1\r\nA: 1\r\nHost: x\r\nB: 2\r\n\r\n");
}

TEST_CASE("a request without Host gets one, first") {
  const ParsedRequest request("GET / HTTP/1.0\r\nA: 1\r\n\r\n");
  CHECK(written(request.head, "/", "h:1", {}) == "GET / HTTP/1.1\r\nHost: h:1\r\nA: 1\r\n\r\n");
  CHECK(written(request.head) == "GET / HTTP/1.1\r\nHost: \r\nA: 1\r\n\r\n");
  const ParsedRequest bare("GET / HTTP/1.0\r\n\r\n");
  CHECK(written(bare.head, "/", "h", {}) == "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
}

TEST_CASE("a Host that was dropped is written anew") {
  ParsedRequest request("GET / HTTP/1.1\r\nA: 1\r\nHost: h\r\n\r\n");
  request.head.fields.drop(Name::Host);
  CHECK(written(request.head, "/", "h", {}) == "GET / HTTP/1.1\r\nHost: h\r\nA: 1\r\n\r\n");
}

TEST_CASE("framing of a request") {
  const ParsedRequest request("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 005\r\nA: 1\r\n\r\n");
  const std::string start = "PUT / HTTP/1.1\r\nHost: h\r\n";
  CHECK(written(request.head, {.body = BodyKind::Length}) ==
        start + "Content-Length: 005\r\nA: 1\r\n\r\n");
  CHECK(
      written(request.head, {.body = BodyKind::Length, .writeLength = true, .contentLength = 7}) ==
      start + "A: 1\r\nContent-Length: 7\r\n\r\n");
  CHECK(written(request.head,
                {.body = BodyKind::Length, .writeLength = true, .contentLength = UINT64_MAX}) ==
        start + "A: 1\r\nContent-Length: 18446744073709551615\r\n\r\n");
  CHECK(written(request.head, {.body = BodyKind::Chunked}) ==
        start + "A: 1\r\nTransfer-Encoding: chunked\r\n\r\n");
  CHECK(written(request.head) == start + "A: 1\r\n\r\n");
}

TEST_CASE("the connection of this hop is told, not that of the other") {
  const ParsedRequest request(
      "GET / HTTP/1.1\r\nConnection: a\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string start = "GET / HTTP/1.1\r\nHost: h\r\n";
  CHECK(written(request.head) == start + "\r\n");
  CHECK(written(request.head, {.connection = ConnectionOption::Close}) ==
        start + "Connection: close\r\n\r\n");
  CHECK(written(request.head,
                {.body = BodyKind::Chunked, .connection = ConnectionOption::KeepAlive}) ==
        start + "Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n");
}

TEST_CASE("added lines come behind the received ones") {
  char bytes[200];
  http::Field fields[4];
  http::FieldWriter writer(bytes, sizeof(bytes), fields, 4);
  REQUIRE(writer.add("X-Forwarded-For", "::1"));
  REQUIRE(writer.add("Connection", "upgrade"));
  ParsedRequest request("GET / HTTP/1.1\r\nHost: h\r\nA: 1\r\n\r\n");
  request.head.added = writer.block();
  CHECK(written(request.head, {.body = BodyKind::Length, .writeLength = true}) ==
        "GET / HTTP/1.1\r\nHost: h\r\nA: 1\r\nX-Forwarded-For: ::1\r\nConnection: upgrade\r\n"
        "Content-Length: 0\r\n\r\n");
}

TEST_CASE("added lines can be dropped like received ones") {
  ParsedRequest request("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  char bytes[256];
  http::Field fields[4];
  http::FieldWriter writer(bytes, sizeof bytes, fields, 4);
  REQUIRE(writer.add("X-A", "1"));
  REQUIRE(writer.add("Via", "us"));
  REQUIRE(writer.add("X-B", "2"));
  request.head.added = writer.block();
  CHECK(request.head.added.drop("via") == 1);
  CHECK(written(request.head) == "GET / HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nX-B: 2\r\n\r\n");
}

TEST_CASE("the bound holds for the longest of everything") {
  const ParsedRequest request("M / HTTP/1.0\r\n\r\n");
  const std::string target(300, 't');
  const std::string authority(300, 'a');
  const Framing framing{.body = BodyKind::Length,
                        .writeLength = true,
                        .contentLength = UINT64_MAX,
                        .connection = ConnectionOption::KeepAlive};
  CHECK(written(request.head, target, authority, framing).size() > 600);
  http::ResponseHead response;
  for (int status = 100; status < 600; ++status) {
    response.status = static_cast<uint16_t>(status);
    CHECK(written(response, framing).size() > 60);
  }
}

TEST_CASE("a date goes behind all fields and before the framing") {
  const ParsedResponse response("HTTP/1.1 200 OK\r\nServer: s\r\nContent-Length: 1\r\n\r\n");
  CHECK(written(response.head, {.body = BodyKind::Chunked, .date = "Date: d\r\n"}) ==
        "HTTP/1.1 200 OK\r\nServer: s\r\nDate: d\r\nTransfer-Encoding: chunked\r\n\r\n");
}

TEST_CASE("a response is written as it came, in our version") {
  const ParsedResponse response(
      "HTTP/1.0 418 I'm a teapot\r\nServer: s\r\nContent-Length: 3\r\n\r\n");
  CHECK(written(response.head, {.body = BodyKind::Length}) ==
        "HTTP/1.1 418 I'm a teapot\r\nServer: s\r\nContent-Length: 3\r\n\r\n");
  CHECK(
      written(response.head, {.body = BodyKind::Chunked, .connection = ConnectionOption::Close}) ==
      "HTTP/1.1 418 I'm a teapot\r\nServer: s\r\nTransfer-Encoding: chunked\r\nConnection: "
      "close\r\n\r\n");
  CHECK(written(response.head) == "HTTP/1.1 418 I'm a teapot\r\nServer: s\r\n\r\n");
}

TEST_CASE("a missing reason becomes the standard one") {
  CHECK(written(ParsedResponse("HTTP/1.1 404\r\n\r\n").head) == "HTTP/1.1 404 Not Found\r\n\r\n");
  CHECK(written(ParsedResponse("HTTP/1.1 200 \r\n\r\n").head) == "HTTP/1.1 200 OK\r\n\r\n");
  CHECK(written(ParsedResponse("HTTP/1.1 599\r\n\r\n").head) == "HTTP/1.1 599 \r\n\r\n");
  CHECK(reasonOf(504) == "Gateway Timeout");
  CHECK(reasonOf(418).empty());
}

TEST_CASE("trailers end with the empty line") {
  const auto text = [](const http::FieldBlock& block) {
    std::string out(block.end + 2u, '?');
    const char* end = writeTrailers(out.data(), block);
    return out.substr(0, static_cast<size_t>(end - out.data()));
  };
  CHECK(text({}) == "\r\n");
  CHECK(text(ParsedTrailers("A: 1\r\nHost: x\r\nB: 2\r\n\r\n").block) == "A: 1\r\nB: 2\r\n\r\n");
}

TEST_CASE("what was written is read as the same message") {
  const ParsedRequest request(
      "POST /a/b?c HTTP/1.1\r\nHost: h\r\nConnection: X-Hop, close\r\nX-Hop: 1\r\nX_Y: 2\r\nA: "
      "\xc3\xa4\r\n"
      "Content-Length: 4\r\n\r\n");
  http::RequestHead head = request.head;
  dropHopByHop(head.fields);
  const ParsedRequest again(written(head, {.body = BodyKind::Length}));
  REQUIRE(again.result.status == ParseStatus::Done);
  CHECK(textOf(again.head.fields) == "Host=h;A=\xc3\xa4;Content-Length=4;");
  CHECK(again.head.contentLength == 4);
  CHECK(again.head.target == "/a/b?c");
}

}  // namespace
}  // namespace oxbow::http1
