#include "proxy/codec/http1/section_memo.h"
#include "proxy/codec/http1/serializer.h"
#include "tests/fuzz/invariants.h"

// Request heads: slices lie in the input, prefixes and the whole agree, what is accepted is framed
// in one way only, and what is written of it is read as the same request.

namespace oxbow::fuzz {
namespace {

using namespace http1;
using http::BodyKind;
using http::Name;

struct Request {
  http::Field fields[kMaxFields];
  http::RequestHead head;
};

void checkHead(const http::RequestHead& head, std::string_view input) {
  ASSERT(isInside(head.methodText, input) && !head.methodText.empty());
  ASSERT(isInside(head.target, input) || (head.absoluteForm && head.target.size() == 1));
  ASSERT(head.target.substr(0, head.path.size()) == head.path);
  ASSERT(head.target.front() == '/' || head.target == "*" ||
         (head.absoluteForm && head.target.front() == '?' && head.path.empty()));
  ASSERT(head.authority.empty() || isInside(head.authority, input));
  for (const char byte : head.target) ASSERT(byte > 0x20 && byte < 0x7f && byte != '#');
  checkBlock(head.fields, input);
}

void checkFraming(const http::RequestHead& head) {
  const bool length = head.fields.has(Name::ContentLength);
  const bool coding = head.fields.has(Name::TransferEncoding);
  ASSERT(!(length && coding));
  ASSERT((head.body == BodyKind::Length) == length);
  ASSERT((head.body == BodyKind::Chunked) == coding);
  ASSERT(head.contentLength <= INT64_MAX);
  ASSERT(head.version == http::Version::Http10 || head.fields.has(Name::Host));
}

// What a session does to its copy of a head whose target has a query and no path.
void complete(std::string& bytes, const HeadLimits& limits, Request& request) {
  http::RequestHead& head = request.head;
  const std::string query(head.target);
  const std::string authority(head.authority);
  const std::string fields = textOf(head.fields);
  parseRequestHead(bytes, limits, request.fields, head);
  completeTarget(head, bytes.data() + (head.authority.data() - bytes.data()));
  ASSERT(head.target == "/" + query && head.path == "/" && head.authority == authority);
  ASSERT(isInside(head.target, bytes) && isInside(head.authority, bytes));
  ASSERT(textOf(head.fields) == fields);
}

void checkRewritten(http::RequestHead& head) {
  dropHopByHop(head.fields);
  const std::string_view authority = head.authority.empty() ? "h" : head.authority;
  Framing framing;
  framing.body = head.body;
  std::string out(requestHeadBound(head, head.target.size(), authority.size()), '?');
  const char* end = writeRequestHead(out.data(), head, head.target, authority, framing);
  const auto size = static_cast<size_t>(end - out.data());
  ASSERT(size <= out.size());
  const ExactBytes wire(std::string_view(out).substr(0, size));
  Request again;
  const ParseResult result = parseRequestHead(wire.view(), wideLimits(), again.fields, again.head);
  ASSERT(result.status == ParseStatus::Done && result.consumed == size);
  ASSERT(again.head.methodText == head.methodText && again.head.method == head.method);
  ASSERT(again.head.target == head.target && again.head.authority == authority);
  ASSERT(again.head.body == head.body && again.head.contentLength == head.contentLength);
  ASSERT(again.head.version == http::Version::Http11 && again.head.keepAlive);
  ASSERT(textOf(again.head.fields) == textOf(head.fields));
}

void checkSame(const ParseResult& a, const http::RequestHead& head, const ParseResult& b,
               const http::RequestHead& other) {
  ASSERT(sameResult(a, b));
  if (a.status != ParseStatus::Done) return;
  ASSERT(head.method == other.method && head.version == other.version && head.body == other.body);
  ASSERT(head.keepAlive == other.keepAlive && head.expectContinue == other.expectContinue);
  ASSERT(head.underscoreNames == other.underscoreNames && head.dotSegments == other.dotSegments);
  ASSERT(head.contentLength == other.contentLength && head.absoluteForm == other.absoluteForm);
  ASSERT(head.target == other.target && head.path == other.path);
  ASSERT(head.authority == other.authority);
  checkSameBlock(head.fields, other.fields);
}

// What was remembered of other messages changes nothing.
void checkRecall(std::string_view input, const HeadLimits& limits, const ParseResult& result,
                 const http::RequestHead& head) {
  SectionMemo memo;
  Request other;
  for (int i = 0; i < 3; ++i) {
    const ParseResult again = parseRequestHead(input, limits, other.fields, other.head, &memo);
    checkSame(result, head, again, other.head);
  }
  const size_t line = input.find("\r\n");
  if (line == std::string_view::npos) return;
  for (const char* start : {"GET / HTTP/1.1", "OPTIONS * HTTP/1.1", "GET http://h/ HTTP/1.1"}) {
    SectionMemo primed;
    const ExactBytes prime(std::string(start).append(input.substr(line)));
    parseRequestHead(prime.view(), wideLimits(), other.fields, other.head, &primed);
    const ParseResult again = parseRequestHead(input, limits, other.fields, other.head, &primed);
    checkSame(result, head, again, other.head);
  }
}

void check(std::string_view input, const HeadLimits& limits) {
  Request request;
  const ParseResult result = parseRequestHead(input, limits, request.fields, request.head);
  checkRecall(input, limits, result, request.head);
  checkPrefixes(input, result, [&limits](std::string_view part) {
    Request other;
    return parseRequestHead(part, limits, other.fields, other.head);
  });
  if (result.status != ParseStatus::Done) return;
  checkHead(request.head, input.substr(0, result.consumed));
  checkFraming(request.head);
  std::string copy;
  if (request.head.target.front() == '?') complete(copy.assign(input), limits, request);
  checkRewritten(request.head);
}

}  // namespace
}  // namespace oxbow::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const oxbow::fuzz::ExactBytes input(oxbow::fuzz::viewOf(data, size));
  oxbow::fuzz::check(input.view(), {});
  oxbow::fuzz::check(input.view(), oxbow::fuzz::smallLimits());
  return 0;
}
