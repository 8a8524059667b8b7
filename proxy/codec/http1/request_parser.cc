#include "proxy/codec/http1/field_lines.h"
#include "proxy/codec/http1/field_values.h"
#include "proxy/codec/http1/parser.h"
#include "proxy/codec/http1/request_line.h"
#include "proxy/codec/http1/section_memo.h"

namespace oxbow::http1 {

using http::BodyKind;
using http::Name;
using http::Version;

namespace {

constexpr uint64_t kActedNames = http::bitOf(Name::Host) | http::bitOf(Name::ContentLength) |
                                 http::bitOf(Name::TransferEncoding) |
                                 http::bitOf(Name::Connection) | http::bitOf(Name::Expect);

// The fields that frame and route a request, as they come.
class RequestFields {
 public:
  RequestFields(const char* begin, http::RequestHead& head) : begin_(begin), head_(head) {}

  const Fault* onField(Name name, std::string_view value, uint64_t seen) {
    switch (name) {
      case Name::Host:
        return onHost(value, (seen & http::bitOf(Name::Host)) != 0);
      case Name::ContentLength:
        return onContentLength(value, seen);
      case Name::TransferEncoding:
        return onTransferEncoding(value, seen);
      case Name::Connection:
        return connection_.add(value);
      case Name::Expect:
        onExpect(value);
        return nullptr;
      default:
        return nullptr;
    }
  }

  // Judges the whole, when all lines are there.
  const Fault* finish(uint64_t seen) {
    const bool http11 = head_.version == Version::Http11;
    // It was not meant, and must not be said again in a message of HTTP/1.1.
    if (!http11) head_.fields.drop(Name::Expect);
    if (http11 && (seen & http::bitOf(Name::Host)) == 0) return &kNoHost;
    head_.keepAlive = !connection_.close && (http11 || connection_.keepAlive);
    return unsupported_;
  }

  // REQUIRES: a usual request.
  SectionMeaning meaning() const {
    SectionMeaning meaning;
    meaning.body = head_.body;
    meaning.close = connection_.close;
    meaning.expectContinue = head_.expectContinue;
    meaning.hostOffset = static_cast<uint16_t>(head_.authority.data() - head_.fields.base);
    meaning.hostLength = static_cast<uint16_t>(head_.authority.size());
    meaning.contentLength = head_.contentLength;
    return meaning;
  }

 private:
  const Fault* onHost(std::string_view value, bool again);
  const Fault* onContentLength(std::string_view value, uint64_t seen);
  const Fault* onTransferEncoding(std::string_view value, uint64_t seen);
  void onExpect(std::string_view value);

  const char* begin_;
  http::RequestHead& head_;
  ConnectionOptions connection_;
  const Fault* unsupported_ = nullptr;  // reported unless something is malformed
};

const Fault* RequestFields::onHost(std::string_view value, bool again) {
  if (again) return &kTwoHosts;
  if (!isAuthority(value, begin_) && !(value.empty() && head_.target == "*")) return &kBadHost;
  if (!head_.absoluteForm) head_.authority = value;
  return nullptr;
}

const Fault* RequestFields::onContentLength(std::string_view value, uint64_t seen) {
  if ((seen & http::bitOf(Name::ContentLength)) != 0) return &kTwoLengths;
  if ((seen & http::bitOf(Name::TransferEncoding)) != 0) return &kLengthAndCoding;
  head_.body = BodyKind::Length;
  return parseContentLength(value, head_.contentLength) ? nullptr : &kBadLength;
}

const Fault* RequestFields::onTransferEncoding(std::string_view value, uint64_t seen) {
  if (head_.version != Version::Http11) return &kCodingIn10;
  if ((seen & http::bitOf(Name::TransferEncoding)) != 0) return &kTwoCodings;
  if ((seen & http::bitOf(Name::ContentLength)) != 0) return &kLengthAndCoding;
  const Fault* fault = checkTransferEncoding(value);
  if (fault == &kBadCoding) return fault;
  if (fault != nullptr) unsupported_ = fault;
  head_.body = BodyKind::Chunked;
  return nullptr;
}

void RequestFields::onExpect(std::string_view value) {
  if (!http::equalsIgnoreCase(value, "100-continue")) {
    if (unsupported_ == nullptr) unsupported_ = &kUnknownExpectation;
    return;
  }
  // RFC 9110, section 10.1.1: a client of HTTP/1.0 cannot mean it.
  head_.expectContinue = head_.version == Version::Http11;
}

// Behind the empty lines that RFC 9112, section 2.2, wants ignored; a few are enough.
Progress skipEmptyLines(http::Input input) {
  constexpr int kMaxEmptyLines = 2;
  const char* at = input.begin;
  for (int lines = 0; at != input.end && *at == '\r'; ++lines) {
    if (lines == kMaxEmptyLines) return {nullptr, &kTooManyEmptyLines};
    if (at + 1 == input.end) return {};
    if (at[1] != '\n') return {nullptr, &kBareCrBeforeLine};
    at += 2;
  }
  return at == input.end ? Progress{} : Progress{at};
}

void clear(http::RequestHead& head) {
  head.body = BodyKind::None;
  head.expectContinue = false;
  head.underscoreNames = 0;
  head.contentLength = 0;
  head.authority = {};
  head.absoluteForm = false;
  head.added = {};
}

// A request whose lines mean what they mean in the next one like it: the request line changes
// nothing.
bool isUsual(const http::RequestHead& head) {
  return head.version == Version::Http11 && !head.absoluteForm && head.target != "*";
}

void apply(const SectionMeaning& meaning, http::RequestHead& head) {
  head.body = meaning.body;
  head.keepAlive = !meaning.close;
  head.expectContinue = meaning.expectContinue;
  head.contentLength = meaning.contentLength;
  head.authority = {head.fields.base + meaning.hostOffset, meaning.hostLength};
}

ParseResult doneAt(const char* next, const http::Input& input) {
  ParseResult result;
  result.status = ParseStatus::Done;
  result.consumed = static_cast<uint32_t>(next - input.begin);
  return result;
}

}  // namespace

bool parseRequestLine(std::string_view bytes, const HeadLimits& limits, http::RequestHead& head) {
  const http::Input input{bytes.data(), bytes.data() + bytes.size()};
  const Progress progress = skipEmptyLines(input);
  if (progress.next == nullptr) return false;
  return readRequestLine(input, progress.next, limits.startLine, head).next != nullptr;
}

ParseResult parseRequestHead(std::string_view bytes, const HeadLimits& limits, http::Field* storage,
                             http::RequestHead& head, SectionMemo* memo) {
  const http::Input input{bytes.data(), bytes.data() + bytes.size()};
  Progress progress = skipEmptyLines(input);
  if (progress.next == nullptr) return resultOf(progress);
  clear(head);
  progress = readRequestLine(input, progress.next, limits.startLine, head);
  if (progress.next == nullptr) return resultOf(progress);
  if (memo != nullptr && !isUsual(head)) memo = nullptr;
  if (memo != nullptr) {
    SectionMeaning meaning;
    if (const char* end =
            memo->recall(input, progress.next, limits, storage, head.fields, meaning)) {
      apply(meaning, head);
      return doneAt(end, input);
    }
  }
  RequestFields fields(input.begin, head);
  bool underscore = false;
  progress =
      readFieldLines(input, progress.next, limits, storage, head.fields, underscore, kActedNames,
                     [&fields](Name name, std::string_view value, uint64_t seen) {
                       return fields.onField(name, value, seen);
                     });
  if (progress.next == nullptr) return resultOf(progress);
  if (underscore && !limits.keepUnderscores)
    head.underscoreNames = dropUnderscoreNames(head.fields);
  if (const Fault* fault = fields.finish(head.fields.seen)) return refuse(*fault);
  if (memo != nullptr && !underscore) memo->remember(head.fields, progress.next, fields.meaning());
  return doneAt(progress.next, input);
}

}  // namespace oxbow::http1
