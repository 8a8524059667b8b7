#include "proxy/codec/http1/section_memo.h"
#include "proxy/codec/http1/serializer.h"
#include "tests/fuzz/invariants.h"

// Response heads: slices lie in the input, prefixes and the whole agree, the body ends in one way,
// and what is written of a response is read as the same response.

namespace oxbow::fuzz {
namespace {

using namespace http1;
using http::BodyKind;
using http::Method;
using http::Name;

struct Response {
  http::Field fields[kMaxFields];
  http::ResponseHead head;
};

void checkHead(const http::ResponseHead& head, Method method, std::string_view input) {
  ASSERT(head.status >= 100 && head.status <= 599);
  ASSERT(head.reason.empty() || isInside(head.reason, input));
  checkBlock(head.fields, input);
  const bool length = head.fields.has(Name::ContentLength);
  const bool coding = head.fields.has(Name::TransferEncoding);
  ASSERT(!(length && coding) && head.hasContentLength == length);
  ASSERT(head.contentLength <= INT64_MAX);
  const bool bodiless =
      method == Method::Head || head.status < 200 || head.status == 204 || head.status == 304;
  ASSERT((head.body == BodyKind::None) == bodiless);
  ASSERT(bodiless || (head.body == BodyKind::Length) == length);
  ASSERT(bodiless || (head.body == BodyKind::Chunked) == coding);
  ASSERT(head.body != BodyKind::UntilClose || !head.keepAlive);
}

void checkRewritten(http::ResponseHead& head, Method method) {
  dropHopByHop(head.fields);
  Framing framing;
  framing.body = head.hasContentLength ? BodyKind::Length : head.body;
  std::string out(responseHeadBound(head), '?');
  const char* end = writeResponseHead(out.data(), head, framing);
  const auto size = static_cast<size_t>(end - out.data());
  ASSERT(size <= out.size());
  const ExactBytes wire(std::string_view(out).substr(0, size));
  Response again;
  const ParseResult result =
      parseResponseHead(wire.view(), method, wideLimits(), again.fields, again.head);
  ASSERT(result.status == ParseStatus::Done && result.consumed == size);
  ASSERT(again.head.status == head.status && again.head.body == head.body);
  ASSERT(again.head.contentLength == head.contentLength);
  ASSERT(again.head.reason == (head.reason.empty() ? reasonOf(head.status) : head.reason));
  ASSERT(textOf(again.head.fields) == textOf(head.fields));
}

void checkSame(const ParseResult& a, const http::ResponseHead& head, const ParseResult& b,
               const http::ResponseHead& other) {
  ASSERT(sameResult(a, b));
  if (a.status != ParseStatus::Done) return;
  ASSERT(head.status == other.status && head.version == other.version && head.body == other.body);
  ASSERT(head.keepAlive == other.keepAlive && head.hasContentLength == other.hasContentLength);
  ASSERT(head.contentLength == other.contentLength && head.reason == other.reason);
  checkSameBlock(head.fields, other.fields);
}

// What was remembered of other messages changes nothing.
void checkRecall(std::string_view input, Method method, const HeadLimits& limits,
                 const ParseResult& result, const http::ResponseHead& head) {
  SectionMemo memo;
  Response other;
  for (int i = 0; i < 3; ++i) {
    const ParseResult again =
        parseResponseHead(input, method, limits, other.fields, other.head, &memo);
    checkSame(result, head, again, other.head);
  }
  const size_t line = input.find("\r\n");
  if (line == std::string_view::npos) return;
  for (const char* start : {"HTTP/1.1 200 OK", "HTTP/1.1 304 Not Modified", "HTTP/1.0 200 OK"}) {
    SectionMemo primed;
    const ExactBytes prime(std::string(start).append(input.substr(line)));
    parseResponseHead(prime.view(), Method::Get, wideLimits(), other.fields, other.head, &primed);
    const ParseResult again =
        parseResponseHead(input, method, limits, other.fields, other.head, &primed);
    checkSame(result, head, again, other.head);
  }
}

void check(std::string_view input, Method method, const HeadLimits& limits) {
  Response response;
  const ParseResult result =
      parseResponseHead(input, method, limits, response.fields, response.head);
  checkRecall(input, method, limits, result, response.head);
  ASSERT(result.httpStatus == 0);
  checkPrefixes(input, result, [&limits, method](std::string_view part) {
    Response other;
    return parseResponseHead(part, method, limits, other.fields, other.head);
  });
  if (result.status != ParseStatus::Done) return;
  checkHead(response.head, method, input.substr(0, result.consumed));
  checkRewritten(response.head, method);
}

}  // namespace
}  // namespace oxbow::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const oxbow::fuzz::ExactBytes input(oxbow::fuzz::viewOf(data, size));
  oxbow::fuzz::check(input.view(), oxbow::http::Method::Get, {});
  oxbow::fuzz::check(input.view(), oxbow::http::Method::Head, oxbow::fuzz::smallLimits());
  return 0;
}
