#include <algorithm>
#include <cstring>

#include "proxy/codec/http1/field_lines.h"
#include "proxy/codec/http1/field_values.h"
#include "proxy/codec/http1/parser.h"
#include "proxy/codec/http1/section_memo.h"

namespace oxbow::http1 {

using http::BodyKind;
using http::Input;
using http::isDigit;
using http::Name;
using http::Version;

namespace {

constexpr uint64_t kActedNames = http::bitOf(Name::ContentLength) |
                                 http::bitOf(Name::TransferEncoding) |
                                 http::bitOf(Name::Connection);

bool isMinor(char byte) { return byte == '0' || byte == '1'; }

constexpr ptrdiff_t kToCode = 9, kCode = 3;

// "HTTP/1.1 200" and its like.
bool hasCode(const char* at) {
  return std::memcmp(at, "HTTP/1.", 7) == 0 && isMinor(at[7]) && at[8] == ' ' && isDigit(at[9]) &&
         isDigit(at[10]) && isDigit(at[11]);
}

// One status line (RFC 9112, section 4); `input` ends where the line must have ended.
class StatusLine {
 public:
  StatusLine(Input input, bool full, http::ResponseHead& head)
      : input_(input), full_(full), head_(head) {}

  Progress read(const char* at);

 private:
  Progress needMore() const { return full_ ? Progress{nullptr, &kStatusLineTooLong} : Progress{}; }
  Progress readCode(const char* at);
  Progress readReason(const char* at);
  Progress endLine(const char* at) const;

  Input input_;
  bool full_;
  http::ResponseHead& head_;
};

Progress StatusLine::read(const char* at) {
  if (input_.end - at > kToCode + kCode && hasCode(at)) [[likely]]
    return readCode(at + kToCode);
  constexpr std::string_view kProtocol = "HTTP/1.x ";
  for (const char expected : kProtocol) {
    if (at == input_.end) return needMore();
    if (expected == 'x' ? !isMinor(*at) : *at != expected) return {nullptr, &kBadStatusVersion};
    ++at;
  }
  for (int digits = 0; digits < kCode; ++digits, ++at) {
    if (at == input_.end) return needMore();
    const bool known = digits > 0 || (*at >= '1' && *at <= '5');
    if (!isDigit(*at) || !known) return {nullptr, &kBadStatus};
  }
  return needMore();  // all that there is would do
}

// REQUIRES: "HTTP/1.x ", three digits and one more byte; `at` is behind the space.
Progress StatusLine::readCode(const char* at) {
  if (*at < '1' || *at > '5') return {nullptr, &kBadStatus};
  const int status = (at[0] - '0') * 100 + (at[1] - '0') * 10 + (at[2] - '0');
  head_.status = static_cast<uint16_t>(status);
  head_.version = at[-2] == '1' ? Version::Http11 : Version::Http10;
  if (at[3] == ' ') [[likely]]
    return readReason(at + 4);
  head_.reason = {};
  if (at[3] == '\r') return endLine(at + 3);  // tolerated: neither reason nor the space before it
  return {nullptr, at[3] == '\n' ? &kBareLf : &kBadStatus};
}

Progress StatusLine::readReason(const char* at) {
  const char* end = http::skipValue(at, input_);
  head_.reason = {at, static_cast<size_t>(end - at)};
  return endLine(end);
}

inline Progress StatusLine::endLine(const char* at) const {
  if (at == input_.end) return needMore();
  if (*at != '\r') return {nullptr, *at == '\n' ? &kBareLf : &kBadReason};
  if (at + 1 == input_.end) return needMore();
  return at[1] == '\n' ? Progress{at + 2} : Progress{nullptr, &kBareCr};
}

Progress readStatusLine(Input input, uint32_t limit, http::ResponseHead& head) {
  const bool full = static_cast<size_t>(input.end - input.begin) >= limit;
  if (full) input.end = input.begin + limit;
  return StatusLine(input, full, head).read(input.begin);
}

// The fields that frame a response, as they come.
class ResponseFields {
 public:
  explicit ResponseFields(http::ResponseHead& head) : head_(head) {}

  const Fault* onField(Name name, std::string_view value, uint64_t seen) {
    switch (name) {
      case Name::ContentLength:
        return onContentLength(value, seen);
      case Name::TransferEncoding:
        return onTransferEncoding(value, seen);
      case Name::Connection:
        return connection_.add(value);
      default:
        return nullptr;
    }
  }

  // Tells how the body ends (RFC 9112, section 6.3).
  void finish(http::Method method) {
    const bool http11 = head_.version == Version::Http11;
    head_.keepAlive = !connection_.close && (http11 || connection_.keepAlive);
    const bool connected = method == http::Method::Connect && head_.status / 100 == 2;
    if (method == http::Method::Head || connected || head_.status < 200 || head_.status == 204 ||
        head_.status == 304) {
      head_.body = BodyKind::None;
    } else if (head_.body == BodyKind::UntilClose) {
      head_.keepAlive = false;
    }
  }

  // What the lines said, ahead of finish(). REQUIRES: HTTP/1.1.
  SectionMeaning meaning() const {
    SectionMeaning meaning;
    meaning.body = head_.body;
    meaning.hasContentLength = head_.hasContentLength;
    meaning.close = connection_.close;
    meaning.keepAlive = connection_.keepAlive;
    meaning.contentLength = head_.contentLength;
    return meaning;
  }
  void apply(const SectionMeaning& meaning) {
    head_.body = meaning.body;
    head_.hasContentLength = meaning.hasContentLength;
    head_.contentLength = meaning.contentLength;
    connection_.close = meaning.close;
    connection_.keepAlive = meaning.keepAlive;
  }

 private:
  const Fault* onContentLength(std::string_view value, uint64_t seen);
  const Fault* onTransferEncoding(std::string_view value, uint64_t seen);

  http::ResponseHead& head_;
  ConnectionOptions connection_;
};

const Fault* ResponseFields::onContentLength(std::string_view value, uint64_t seen) {
  if ((seen & http::bitOf(Name::ContentLength)) != 0) return &kTwoLengths;
  if ((seen & http::bitOf(Name::TransferEncoding)) != 0) return &kLengthAndCoding;
  head_.body = BodyKind::Length;
  head_.hasContentLength = true;
  return parseContentLength(value, head_.contentLength) ? nullptr : &kBadLength;
}

const Fault* ResponseFields::onTransferEncoding(std::string_view value, uint64_t seen) {
  if (head_.version != Version::Http11) return &kCodingIn10;
  if ((seen & http::bitOf(Name::TransferEncoding)) != 0) return &kTwoCodings;
  if ((seen & http::bitOf(Name::ContentLength)) != 0) return &kLengthAndCoding;
  head_.body = BodyKind::Chunked;
  return checkTransferEncoding(value);
}

void clear(http::ResponseHead& head) {
  head.body = BodyKind::UntilClose;
  head.contentLength = 0;
  head.hasContentLength = false;
  head.added = {};
}

ParseResult refuseResponse(const Progress& progress) {
  ParseResult result = resultOf(progress);
  result.httpStatus = 0;  // the client is not to blame
  return result;
}

}  // namespace

ParseResult parseResponseHead(std::string_view bytes, http::Method forMethod,
                              const HeadLimits& limits, http::Field* storage,
                              http::ResponseHead& head, SectionMemo* memo) {
  const Input input{bytes.data(), bytes.data() + bytes.size()};
  clear(head);
  Progress progress = readStatusLine(input, limits.startLine, head);
  if (progress.next == nullptr) return refuseResponse(progress);
  ResponseFields fields(head);
  if (head.version != Version::Http11) memo = nullptr;  // there they can mean something else
  SectionMeaning meaning;
  const char* end = nullptr;
  if (memo != nullptr)
    end = memo->recall(input, progress.next, limits, storage, head.fields, meaning);
  if (end != nullptr) {
    fields.apply(meaning);
  } else {
    bool underscore = false;  // which is allowed here
    progress =
        readFieldLines(input, progress.next, limits, storage, head.fields, underscore, kActedNames,
                       [&fields](Name name, std::string_view value, uint64_t seen) {
                         return fields.onField(name, value, seen);
                       });
    if (progress.next == nullptr) return refuseResponse(progress);
    end = progress.next;
    if (memo != nullptr) memo->remember(head.fields, end, fields.meaning());
  }
  fields.finish(forMethod);
  ParseResult result;
  result.status = ParseStatus::Done;
  result.consumed = static_cast<uint32_t>(end - input.begin);
  return result;
}

}  // namespace oxbow::http1
