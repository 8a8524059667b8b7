#include "proxy/codec/http1/section_memo.h"

#include <string>

#include "tests/unit/codec/parsing.h"

namespace oxbow::http1 {
namespace {

const std::string kLines = "Host: a.example\r\nAccept: */*\r\nContent-Length: 3\r\n\r\n";

// Parses with a memo, into storage of its own.
struct Remembering {
  explicit Remembering(std::string_view text, SectionMemo& memo, const HeadLimits& limits = {})
      : bytes(text), result(parseRequestHead(bytes.view(), limits, fields, head, &memo)) {}

  http::Field fields[kMaxFields];
  ExactBytes bytes;
  http::RequestHead head;
  ParseResult result;
};

struct RememberingResponse {
  RememberingResponse(std::string_view text, SectionMemo& memo,
                      http::Method method = http::Method::Get)
      : bytes(text), result(parseResponseHead(bytes.view(), method, {}, fields, head, &memo)) {}

  http::Field fields[kMaxFields];
  ExactBytes bytes;
  http::ResponseHead head;
  ParseResult result;
};

// Whether `text` ends with a section that the memo knows.
bool recalls(SectionMemo& memo, std::string_view section, const HeadLimits& limits = {}) {
  const ExactBytes bytes(section);
  const http::Input input{bytes.view().data(), bytes.view().data() + bytes.view().size()};
  http::Field storage[kMaxFields];
  http::FieldBlock block;
  SectionMeaning meaning;
  return memo.recall(input, input.begin, limits, storage, block, meaning) != nullptr;
}

}  // namespace

TEST_CASE("a section that comes again means the same behind another request line") {
  SectionMemo memo;
  Remembering first("GET /one HTTP/1.1\r\n" + kLines, memo);
  REQUIRE(first.result.status == ParseStatus::Done);
  REQUIRE(recalls(memo, kLines));
  const std::string text = "PUT /two/three?x HTTP/1.1\r\n" + kLines + "abc";
  Remembering second(text, memo);
  REQUIRE(second.result.status == ParseStatus::Done);
  CHECK(second.result.consumed == text.size() - 3);
  CHECK(second.head.method == http::Method::Put);
  CHECK(second.head.path == "/two/three");
  CHECK(second.head.authority == "a.example");
  CHECK(second.head.body == http::BodyKind::Length);
  CHECK(second.head.contentLength == 3);
  CHECK(second.head.keepAlive);
  CHECK(second.head.fields.has(http::Name::ContentLength));
  CHECK(textOf(second.head.fields) == "Host=a.example;Accept=*/*;Content-Length=3;");
  CHECK(second.head.authority.data() > second.bytes.view().data());
}

TEST_CASE("what is dropped of a recalled section is there again the next time") {
  SectionMemo memo;
  const std::string text = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, x\r\nX: 1\r\n\r\n";
  for (int i = 0; i < 3; ++i) {
    Remembering request(text, memo);
    CHECK_FALSE(request.head.keepAlive);
    CHECK(textOf(request.head.fields) == "Host=a;Connection=close, x;X=1;");
    dropHopByHop(request.head.fields);
    CHECK(textOf(request.head.fields) == "Host=a;");
  }
}

TEST_CASE("a section in part, or longer by a line, is not taken for the one before") {
  SectionMemo memo;
  Remembering first("GET / HTTP/1.1\r\n" + kLines, memo);
  for (size_t size = 0; size < kLines.size(); ++size)
    CHECK_FALSE(recalls(memo, kLines.substr(0, size)));
  CHECK_FALSE(recalls(memo, kLines.substr(0, kLines.size() - 2) + "X: 1\r\n\r\n"));
  CHECK_FALSE(recalls(memo, "host: a.example\r\nAccept: */*\r\nContent-Length: 3\r\n\r\n"));
}

TEST_CASE("limits hold for what is remembered too") {
  SectionMemo memo;
  Remembering first("GET / HTTP/1.1\r\n" + kLines, memo);
  HeadLimits few;
  few.fieldCount = 2;
  Remembering second("GET / HTTP/1.1\r\n" + kLines, memo, few);
  CHECK(second.result.httpStatus == 431);
  HeadLimits small;
  small.fieldBytes = static_cast<uint32_t>(kLines.size() - 10);
  Remembering third("GET / HTTP/1.1\r\n" + kLines, memo, small);
  CHECK(third.result.httpStatus == 431);
}

TEST_CASE("names with an underscore are judged anew, listener by listener") {
  SectionMemo memo;
  HeadLimits keep;
  keep.keepUnderscores = true;
  const std::string text = "GET / HTTP/1.1\r\nHost: a\r\nx_y: 1\r\n\r\n";
  Remembering kept(text, memo, keep);
  CHECK(textOf(kept.head.fields) == "Host=a;x_y=1;");
  Remembering dropped(text, memo);
  CHECK(textOf(dropped.head.fields) == "Host=a;");
  CHECK(dropped.head.underscoreNames == 1);
}

TEST_CASE("HTTP/1.0 and the absolute form read the same lines their own way") {
  SectionMemo memo;
  Remembering first("GET / HTTP/1.1\r\n" + kLines, memo);
  REQUIRE(recalls(memo, kLines));
  Remembering old("GET / HTTP/1.0\r\n" + kLines, memo);
  CHECK_FALSE(old.head.keepAlive);
  Remembering absolute("GET http://b.example/ HTTP/1.1\r\n" + kLines, memo);
  CHECK(absolute.head.authority == "b.example");
}

TEST_CASE("a section with an error is never remembered") {
  SectionMemo memo;
  const std::string lines = "Host: a\r\nExpect: more\r\n\r\n";
  for (int i = 0; i < 2; ++i) {
    Remembering request("GET / HTTP/1.1\r\n" + lines, memo);
    CHECK(request.result.httpStatus == 417);
  }
  CHECK_FALSE(recalls(memo, lines));
}

TEST_CASE("a recalled response is framed by its own status and method") {
  SectionMemo memo;
  const std::string lines = "Content-Length: 5\r\nConnection: close\r\n\r\n";
  RememberingResponse first("HTTP/1.1 200 OK\r\n" + lines, memo);
  REQUIRE(recalls(memo, lines));
  RememberingResponse again("HTTP/1.1 404 Not Found\r\n" + lines, memo);
  CHECK(again.head.body == http::BodyKind::Length);
  CHECK(again.head.contentLength == 5);
  CHECK_FALSE(again.head.keepAlive);
  RememberingResponse head("HTTP/1.1 200 OK\r\n" + lines, memo, http::Method::Head);
  CHECK(head.head.body == http::BodyKind::None);
  CHECK(head.head.hasContentLength);
  RememberingResponse unchanged("HTTP/1.1 304 Not Modified\r\n" + lines, memo);
  CHECK(unchanged.head.body == http::BodyKind::None);
}

TEST_CASE("a response that ends with its connection is recalled as such") {
  SectionMemo memo;
  const std::string text = "HTTP/1.1 200 OK\r\nServer: s\r\n\r\n";
  for (int i = 0; i < 2; ++i) {
    RememberingResponse response(text, memo);
    CHECK(response.head.body == http::BodyKind::UntilClose);
    CHECK_FALSE(response.head.keepAlive);
  }
}

TEST_CASE("the memo follows a peer that changes, though not at once") {
  SectionMemo memo;
  Remembering first("GET / HTTP/1.1\r\n" + kLines, memo);
  const std::string other = "Host: b\r\n\r\n";
  int tries = 0;
  for (; !recalls(memo, other) && tries < 100; ++tries)
    Remembering("GET / HTTP/1.1\r\n" + other, memo);
  CHECK(tries > 1);
  CHECK(tries < 20);
}

TEST_CASE("sections larger than the memo are parsed all the same") {
  SectionMemo memo;
  const std::string lines = "Host: a\r\nX: " + std::string(600, 'x') + "\r\n\r\n";
  for (int i = 0; i < 2; ++i) {
    Remembering request("GET / HTTP/1.1\r\n" + lines, memo);
    CHECK(request.result.status == ParseStatus::Done);
  }
  CHECK_FALSE(recalls(memo, lines));
}

}  // namespace oxbow::http1
