#include <string>
#include <vector>

#include "tests/unit/codec/parsing.h"

// Responses that are understood, and those of part K of the bad inputs (the numbers) that a parser
// refuses.

namespace oxbow::http1 {
namespace {

using http::BodyKind;
using http::Method;
using http::Version;
using namespace std::string_literals;

void checkRefused(const std::string& text) {
  CAPTURE(escaped(text));
  const ParsedResponse response(text);
  CHECK(response.result.status == ParseStatus::Error);
  CHECK(response.result.httpStatus == 0);
  CHECK(std::string_view(response.result.detail) != "");
}

void checkFieldsRefused(const std::vector<std::string>& fields) {
  for (const std::string& field : fields) checkRefused(responseWith(field));
}

TEST_CASE("a plain response") {
  const std::string text =
      "HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Mon, 20 Nov 2023 12:00:00 GMT\r\n"
      "Content-Length: 66\r\nConnection: keep-alive\r\nX_Y: z\r\n\r\n";
  const ParsedResponse response(text + std::string(66, '\r'));
  REQUIRE(response.result.status == ParseStatus::Done);
  CHECK(response.result.consumed == text.size());
  const http::ResponseHead& head = response.head;
  CHECK(head.status == 200);
  CHECK(head.version == Version::Http11);
  CHECK(head.reason == "OK");
  CHECK(head.body == BodyKind::Length);
  CHECK(head.hasContentLength);
  CHECK(head.contentLength == 66);
  CHECK(head.keepAlive);
  CHECK(head.added.count == 0);
  CHECK(textOf(head.fields) ==
        "Server=nginx;Date=Mon, 20 Nov 2023 12:00:00 GMT;Content-Length=66;Connection=keep-alive;"
        "X_Y=z;");
}

TEST_CASE("status lines") {
  struct Case {
    const char* line;
    int status;
    const char* reason;
  };
  const Case cases[] = {
      {"HTTP/1.1 100 Continue", 100, "Continue"},
      {"HTTP/1.1 599 x", 599, "x"},
      {"HTTP/1.1 204 ", 204, ""},
      {"HTTP/1.1 404", 404, ""},  // K8
      {"HTTP/1.0 200 OK", 200, "OK"},
      {"HTTP/1.1 200  a  b ", 200, " a  b "},
      {"HTTP/1.1 200 \xc3\xa4\t", 200, "\xc3\xa4\t"},
      {"HTTP/1.1 500 A reason that needs more than a block", 500,
       "A reason that needs more than a block"},
  };
  for (const Case& one : cases) {
    const ParsedResponse response(one.line + "\r\n\r\n"s);
    CAPTURE(one.line);
    REQUIRE(response.result.status == ParseStatus::Done);
    CHECK(response.head.status == one.status);
    CHECK(response.head.reason == one.reason);
  }
  CHECK(ParsedResponse("HTTP/1.0 200 OK\r\n\r\n").head.version == Version::Http10);
}

TEST_CASE("K5: status lines that are none") {
  for (const char* line : {"HTTP/1.1 99 x",
                           "HTTP/1.1 1000 x",
                           "HTTP/1.1 abc x",
                           "HTTP/1.1 099 x",
                           "HTTP/1.1 600 x",
                           "HTTP/1.1 999 x",
                           "HTTP/1.1 000 x",
                           "HTTP/1.1 -20 x",
                           "HTTP/1.1 20",
                           "HTTP/1.1 20 ",
                           "HTTP/1.1 2000",
                           "HTTP/1.1 200x",
                           "HTTP/1.1  200 OK",
                           "HTTP/1.1\t200 OK",
                           "HTTP/1.1200 OK",
                           "HTTP/1.1 200\tOK",
                           "HTTP/2.0 200 OK",
                           "HTTP/2 200",
                           "HTTP/1.2 200 OK",
                           "HTTP/1.10 200 OK",
                           "HTTP/0.9 200 OK",
                           "http/1.1 200 OK",
                           "HTTP 200 OK",
                           "ICY 200 OK",
                           " HTTP/1.1 200 OK",
                           "SSH-2.0-OpenSSH_9.2",
                           "\x15\x03\x03",
                           "<html>",
                           "",
                           "HTTP/1.1 200 O\x01K",
                           "HTTP/1.1 200 O\x7fK",
                           "HTTP/1.1 200 OK\r",
                           "HTTP/1.1 200\r",
                           "HTTP/1.1",
                           "HTTP/1.1 2 0 OK"})
    checkRefused(line + "\r\n\r\n"s);
  checkRefused("HTTP/1.1 200 OK\n\r\n");
  checkRefused("HTTP/1.1 200\n\r\n");
  checkRefused("HTTP/1.1 200 OK\0\r\n\r\n"s);
  // At their first wrong byte.
  for (const char* part :
       {"S", "\x15", "<", "HTTP/2", "HTTP/1.1 0", "HTTP/1.1 6", "HTTP/1.1 2x", "\r"})
    checkRefused(part);
}

TEST_CASE("how the body ends") {
  struct Case {
    Method method;
    const char* line;
    const char* fields;
    BodyKind body;
    bool keepAlive;
  };
  const char* const length = "Content-Length: 5\r\n";
  const char* const chunked = "Transfer-Encoding: Chunked\r\n";
  const Case cases[] = {
      {Method::Get, "HTTP/1.1 200 OK", length, BodyKind::Length, true},
      {Method::Get, "HTTP/1.1 200 OK", chunked, BodyKind::Chunked, true},
      {Method::Get, "HTTP/1.1 200 OK", "", BodyKind::UntilClose, false},
      {Method::Get, "HTTP/1.1 200 OK", "Connection: keep-alive\r\n", BodyKind::UntilClose, false},
      {Method::Get, "HTTP/1.0 200 OK", length, BodyKind::Length, false},
      {Method::Get, "HTTP/1.1 404 no", "Content-Length: 0\r\n", BodyKind::Length, true},
      {Method::Head, "HTTP/1.1 200 OK", length, BodyKind::None, true},
      {Method::Head, "HTTP/1.1 200 OK", chunked, BodyKind::None, true},
      {Method::Head, "HTTP/1.1 200 OK", "", BodyKind::None, true},
      {Method::Get, "HTTP/1.1 204 x", "", BodyKind::None, true},
      {Method::Get, "HTTP/1.1 204 x", length, BodyKind::None, true},
      {Method::Get, "HTTP/1.1 304 x", length, BodyKind::None, true},
      {Method::Get, "HTTP/1.1 304 x", "", BodyKind::None, true},
      {Method::Get, "HTTP/1.1 100 x", "", BodyKind::None, true},
      {Method::Get, "HTTP/1.1 103 x", length, BodyKind::None, true},
      {Method::Get, "HTTP/1.1 101 x", "Upgrade: a\r\n", BodyKind::None, true},
      {Method::Connect, "HTTP/1.1 200 x", length, BodyKind::None, true},
      {Method::Connect, "HTTP/1.1 403 x", length, BodyKind::Length, true},
      {Method::Get, "HTTP/1.1 205 x", length, BodyKind::Length, true},
      {Method::Get, "HTTP/1.1 200 OK", "Content-Length: 5\r\nConnection: close\r\n",
       BodyKind::Length, false},
      {Method::Get, "HTTP/1.0 200 OK", "Content-Length: 5\r\nConnection: keep-alive\r\n",
       BodyKind::Length, true},
      {Method::Head, "HTTP/1.0 200 OK", length, BodyKind::None, false},
  };
  for (const Case& one : cases) {
    const ParsedResponse response(one.line + "\r\n"s + one.fields + "\r\n", one.method);
    CAPTURE(one.line);
    CAPTURE(one.fields);
    REQUIRE(response.result.status == ParseStatus::Done);
    CHECK(response.head.body == one.body);
    CHECK(response.head.keepAlive == one.keepAlive);
    const bool told = std::string_view(one.fields).find("Length: 5") != std::string_view::npos;
    CHECK(response.head.contentLength == (told ? 5 : 0));
  }
}

TEST_CASE("a head that was used before is set anew") {
  ParsedResponse response(responseWith("Content-Length: 5\r\n"));
  response.head.added = response.head.fields;
  const ParseResult result =
      parseResponseHead("HTTP/1.1 200\r\n\r\n", Method::Get, {}, response.fields, response.head);
  REQUIRE(result.status == ParseStatus::Done);
  CHECK(response.head.reason.empty());
  CHECK_FALSE(response.head.hasContentLength);
  CHECK(response.head.contentLength == 0);
  CHECK(response.head.fields.count == 0);
  CHECK(response.head.added.count == 0);
}

TEST_CASE("K4: framing that is ambiguous or malformed") {
  checkFieldsRefused({"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                      "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
                      "Content-Length: 5\r\nContent-Length: 6\r\n",
                      "Content-Length: 5\r\nContent-Length: 5\r\n", "Content-Length: 5, 5\r\n",
                      "Content-Length: +5\r\n", "Content-Length: -1\r\n", "Content-Length:\r\n",
                      "Content-Length: 9223372036854775808\r\n", "A: \0\r\n"s, "A: b\rc\r\n",
                      "A: b\n", "A : b\r\n", "A: b\r\n c\r\n", " A: b\r\n", ": b\r\n", "A\r\n",
                      "A\x80: b\r\n", "A: b\x01\r\n"});
  checkRefused("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (const char* coding :
       {"gzip", "gzip, chunked", "identity", "xchunked", "", "chunked, chunked", ",chunked"}) {
    const ParsedResponse response(responseWith("Transfer-Encoding: "s + coding + "\r\n"));
    CAPTURE(coding);
    CHECK(response.result.status == ParseStatus::Error);
    CHECK(response.result.transferCoding);
    CHECK_FALSE(response.result.tooLarge);
  }
  CHECK(ParsedResponse(responseWith("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"))
            .result.transferCoding);
  // Also where the body is empty anyway.
  CHECK(ParsedResponse(responseWith("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
                       Method::Head)
            .result.status == ParseStatus::Error);
}

TEST_CASE("K6: heads over the limits") {
  const auto tooLarge = [](const std::string& text) {
    const ParsedResponse response(text);
    return response.result.status == ParseStatus::Error && response.result.tooLarge;
  };
  CHECK(tooLarge("HTTP/1.1 200 " + std::string(8192, 'r')));
  CHECK(tooLarge("HTTP/1.1 200 OK\r\nX: " + std::string(32768, 'v')));
  CHECK(tooLarge(responseWith("X: " + std::string(1000000, 'v') + "\r\n")));
  std::string lines;
  for (int i = 0; i < 20000; ++i) lines += "A: b\r\n";
  CHECK(tooLarge(responseWith(lines)));
  CHECK(tooLarge(responseWith(std::string(1024, 'n') + ": v\r\n")));
  CHECK_FALSE(tooLarge(responseWith("A: \x01\r\n")));
}

TEST_CASE("growing prefixes") {
  for (const char* text :
       {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: something or other\r\n\r\nhello",
        "HTTP/1.0 404\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "HTTP/1.1 2000 OK\r\n", "HTTP/1.1 200 O\x01",
        "HTTP/1.1 200 OK\rx"}) {
    CAPTURE(escaped(text));
    const std::string_view all = text;
    const ParsedResponse whole(all);
    REQUIRE(whole.result.status != ParseStatus::NeedMore);
    bool decided = false;
    for (size_t size = 0; size <= all.size(); ++size) {
      CAPTURE(size);
      const ParsedResponse part(all.substr(0, size));
      if (part.result.status == ParseStatus::NeedMore) {
        CHECK_FALSE(decided);
        continue;
      }
      decided = true;
      CHECK(part.result.status == whole.result.status);
      CHECK(part.result.consumed == whole.result.consumed);
      CHECK(std::string_view(part.result.detail) == whole.result.detail);
    }
  }
}

}  // namespace
}  // namespace oxbow::http1
