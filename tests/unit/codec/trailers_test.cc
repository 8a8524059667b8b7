#include <string>

#include "tests/unit/codec/parsing.h"

// B5 and B6 of the bad inputs.

namespace oxbow::http1 {
namespace {

using namespace std::string_literals;

TEST_CASE("trailers up to the empty line") {
  const ParsedTrailers none("\r\nGET");
  CHECK(none.result.status == ParseStatus::Done);
  CHECK(none.result.consumed == 2);
  CHECK(none.block.count == 0);

  const ParsedTrailers two("Server-Timing: a\r\ngrpc-status: 0\r\n\r\nrest");
  CHECK(two.result.status == ParseStatus::Done);
  CHECK(two.result.consumed == 36);
  CHECK(textOf(two.block) == "Server-Timing=a;grpc-status=0;");
}

TEST_CASE("B5: control data is dropped") {
  for (const char* name : {"Content-Length",
                           "Transfer-Encoding",
                           "Host",
                           "Authorization",
                           "Proxy-Authorization",
                           "Proxy-Authenticate",
                           "Proxy-Connection",
                           "Proxy-Whatever",
                           "Cookie",
                           "Set-Cookie",
                           "Content-Type",
                           "Content-Encoding",
                           "Content-Range",
                           "Expect",
                           "Range",
                           "Cache-Control",
                           "Max-Forwards",
                           "TE",
                           "te",
                           "Trailer",
                           "Connection",
                           "Keep-Alive",
                           "Upgrade",
                           "Forwarded",
                           "X-Forwarded-For",
                           "X-Forwarded-Port",
                           "Via",
                           "Date",
                           "Location",
                           "LOCATION",
                           "Vary",
                           "Age",
                           "Expires",
                           "If-Match",
                           "if-none-match",
                           "If-Modified-Since",
                           "If-Range",
                           "WWW-Authenticate",
                           "Retry-After",
                           "Pragma"}) {
    const ParsedTrailers trailers(name + ": x\r\nX-Sum: 1\r\n\r\n"s);
    CAPTURE(name);
    REQUIRE(trailers.result.status == ParseStatus::Done);
    CHECK(textOf(trailers.block) == "X-Sum=1;");
  }
  const ParsedTrailers kept("ETag: x\r\nIfx: y\r\nProxy: z\r\nDigest: d\r\n\r\n");
  CHECK(textOf(kept.block) == "ETag=x;Ifx=y;Proxy=z;Digest=d;");
}

TEST_CASE("underscores as in heads") {
  const std::string text = "a_b: c\r\n\r\n";
  CHECK(textOf(ParsedTrailers(text).block) == "");
  HeadLimits keep;
  keep.keepUnderscores = true;
  CHECK(textOf(ParsedTrailers(text, keep).block) == "a_b=c;");
}

TEST_CASE("B6: trailers over the limits, and malformed ones") {
  HeadLimits limits;
  limits.fieldBytes = 10;
  limits.fieldCount = 2;
  CHECK(ParsedTrailers("A: 345\r\n\r\n", limits).result.status == ParseStatus::Done);
  for (const char* text : {"A: 3456789\r\n\r\n", "A: 3456789", "A:\r\nB:\r\nC:\r\n\r\n"}) {
    const ParsedTrailers over(text, limits);
    CAPTURE(text);
    CHECK(over.result.httpStatus == 431);
    CHECK(over.result.tooLarge);
  }
  for (const char* text :
       {"\n", "\rx", " A: b\r\n\r\n", "A : b\r\n\r\n", "A: b\n\r\n", ":\r\n\r\n", "A\r\n\r\n"})
    CHECK(ParsedTrailers(text).result.httpStatus == 400);
  for (const char* text : {"", "\r", "A", "A:", "A: b\r", "A: b\r\n", "A: b\r\n\r"})
    CHECK(ParsedTrailers(text).result.status == ParseStatus::NeedMore);
}

}  // namespace
}  // namespace oxbow::http1
