#include "proxy/codec/http1/request_line.h"

#include <algorithm>
#include <cstring>

#include "proxy/codec/http/spelling.h"
#include "proxy/codec/http1/field_values.h"
#include "proxy/codec/http1/parser.h"

namespace oxbow::http1 {

using http::Input;
using http::isDigit;
using http::isIn;
using http::Method;

namespace {

constexpr size_t kMaxMethod = 32;

template <size_t N>
bool startsWith(const char* text, const char (&literal)[N]) {
  return std::memcmp(text, literal, N - 1) == 0;
}

// Methods are compared with case (RFC 9110, section 9.1).
Method methodOf(std::string_view text) {
  switch (text.size()) {
    case 3:
      if (text == "GET") return Method::Get;
      return text == "PUT" ? Method::Put : Method::Other;
    case 4:
      if (text == "POST") return Method::Post;
      return text == "HEAD" ? Method::Head : Method::Other;
    case 5:
      if (text == "PATCH") return Method::Patch;
      return text == "TRACE" ? Method::Trace : Method::Other;
    case 6:
      return text == "DELETE" ? Method::Delete : Method::Other;
    case 7:
      if (text == "OPTIONS") return Method::Options;
      return text == "CONNECT" ? Method::Connect : Method::Other;
    default:
      return Method::Other;
  }
}

bool isSeparator(char byte) { return byte == '/' || byte == '\\'; }

// One byte of a path with the percent-encodings undone that hide dots and slashes.
char takePathByte(std::string_view& path) {
  const char byte = path.front();
  size_t used = 1;
  char plain = byte;
  if (byte == '%' && path.size() >= 3) {
    const auto low = static_cast<char>(path[2] | 0x20);
    if (path[1] == '2' && low == 'e') plain = '.';
    if (path[1] == '2' && low == 'f') plain = '/';
    if (path[1] == '5' && low == 'c') plain = '\\';
    if (plain != byte) used = 3;
  }
  path.remove_prefix(used);
  return plain;
}

}  // namespace

bool hasDotSegments(std::string_view path) {
  constexpr auto kNone = std::string_view::npos;
  if (path.find('.') == kNone && path.find('%') == kNone) return false;
  enum { Dots, Parameter, Name } part = Dots;
  int dots = 0;
  while (!path.empty()) {
    const char byte = takePathByte(path);
    if (isSeparator(byte)) {
      if (part != Name && (dots == 1 || dots == 2)) return true;
      part = Dots;
      dots = 0;
    } else if (part == Dots) {
      if (byte == '.')
        ++dots;
      else
        part = byte == ';' ? Parameter : Name;
    }
  }
  return part != Name && (dots == 1 || dots == 2);
}

namespace {

// One request line; `input` ends where the line must have ended.
class RequestLine {
 public:
  RequestLine(Input input, bool full, http::RequestHead& head)
      : input_(input), full_(full), head_(head) {}

  Progress read(const char* at) {
    Progress progress = readMethod(at);
    if (progress.next != nullptr) progress = readTarget(progress.next);
    if (progress.next != nullptr) progress = readVersion(progress.next);
    return progress;
  }

 private:
  Progress needMore() const { return full_ ? Progress{nullptr, &kLineTooLong} : Progress{}; }
  size_t left(const char* at) const { return static_cast<size_t>(input_.end - at); }

  Progress readMethod(const char* at);
  Progress readTarget(const char* at);
  Progress readOriginForm(const char* at);
  Progress readAuthority(const char* at);
  Progress readAsteriskForm(const char* at);
  Progress readVersion(const char* at);
  Progress readRareVersion(const char* at);
  Progress endTarget(const char* at) const;
  const char* skipAuthority(const char* at) const;
  void setTarget(std::string_view target);

  Input input_;
  bool full_;
  http::RequestHead& head_;
};

Progress RequestLine::readMethod(const char* at) {
  if (left(at) >= 4 && startsWith(at, "GET ")) [[likely]] {
    head_.method = Method::Get;
    head_.methodText = {at, 3};
    return {at + 4};
  }
  const char* stop = at + std::min(left(at), kMaxMethod + 1);
  const char* end = at;
  while (end != stop && isIn(http::kTokenClass, *end)) ++end;
  const auto size = static_cast<size_t>(end - at);
  if (size > kMaxMethod) return {nullptr, &kMethodTooLong};
  if (end == input_.end) return needMore();
  if (*end != ' ' || size == 0) return {nullptr, *end == '\n' ? &kBareLf : &kBadMethod};
  head_.methodText = {at, size};
  head_.method = methodOf(head_.methodText);
  if (head_.method == Method::Connect || head_.method == Method::Trace)
    return {nullptr, &kMethodNotAllowed};
  return {end + 1};
}

Progress RequestLine::readTarget(const char* at) {
  if (at == input_.end) return needMore();
  if (*at != '/') [[unlikely]] {
    if (*at == '*') return readAsteriskForm(at);
    const Progress authority = readAuthority(at);
    if (authority.next == nullptr) return authority;
    at = authority.next;
    if (*at == ' ') {
      // RFC 9112, section 3.2.4: that is how a proxy is asked for OPTIONS *.
      setTarget(head_.method == Method::Options ? "*" : "/");
      return {at + 1};
    }
  }
  return readOriginForm(at);
}

// Behind the space that ends a target at `at`, or why it may not end there.
[[gnu::always_inline]] inline Progress RequestLine::endTarget(const char* at) const {
  if (at == input_.end) return needMore();
  if (*at == ' ') [[likely]]
    return {at + 1};
  return {nullptr, *at == '\r' || *at == '\n' ? &kNoVersion : &kBadTarget};
}

Progress RequestLine::readOriginForm(const char* at) {
  const char* end = http::skip<http::PlainPathBytes>(at, input_);
  const bool plain = end != input_.end && (*end == ' ' || *end == '?');
  if (!plain) end = http::skip<http::PathBytes>(end, input_);
  head_.path = {at, static_cast<size_t>(end - at)};
  head_.dotSegments = !plain && hasDotSegments(head_.path);
  if (end != input_.end && *end == '?') end = http::skip<http::TargetBytes>(end, input_);
  head_.target = {at, static_cast<size_t>(end - at)};
  return endTarget(end);
}

Progress RequestLine::readAsteriskForm(const char* at) {
  if (head_.method != Method::Options) return {nullptr, &kAsteriskTarget};
  const Progress progress = endTarget(at + 1);
  if (progress.next != nullptr) setTarget({at, 1});
  return progress;
}

// The scheme may be incomplete: what there is of it must match.
const char* skipScheme(const char* at, const char* end, bool& mismatch) {
  constexpr std::string_view kScheme = "https://";
  size_t expected = 0;
  for (; expected < kScheme.size(); ++expected) {
    const bool secure = kScheme[expected] == 's';
    if (at == end) return at;
    const char lower = isIn(http::kWordClass, *at) ? static_cast<char>(*at | 0x20) : *at;
    if (secure && lower == ':') continue;  // http
    mismatch = lower != kScheme[expected];
    if (mismatch) return at;
    ++at;
  }
  return at;
}

const char* RequestLine::skipAuthority(const char* at) const {
  const auto isPart = [](char byte) {
    return isIn(http::kNameClass, byte) || http::isOneOf(static_cast<unsigned char>(byte), ":[]%");
  };
  while (at != input_.end && isPart(*at)) ++at;
  return at;
}

// The part of an absolute-form before its path; `next` is at a slash, a question mark or a space.
Progress RequestLine::readAuthority(const char* at) {
  bool mismatch = false;
  const char* authority = skipScheme(at, input_.end, mismatch);
  if (mismatch) return {nullptr, &kBadTarget};
  const char* end = skipAuthority(authority);
  if (end == input_.end) return needMore();
  if (*end != '/' && *end != '?' && *end != ' ') return {nullptr, &kBadAuthority};
  head_.authority = {authority, static_cast<size_t>(end - authority)};
  head_.absoluteForm = true;
  if (!isAuthority(head_.authority, input_.begin)) return {nullptr, &kBadAuthority};
  return {end};
}

void RequestLine::setTarget(std::string_view target) {
  head_.target = target;
  head_.path = target;
  head_.dotSegments = false;
}

Progress RequestLine::readVersion(const char* at) {
  if (left(at) >= 10 && startsWith(at, "HTTP/1.") && startsWith(at + 8, "\r\n")) [[likely]] {
    if (at[7] == '1' || at[7] == '0') [[likely]] {
      head_.version = at[7] == '1' ? http::Version::Http11 : http::Version::Http10;
      return {at + 10};
    }
  }
  return readRareVersion(at);
}

// Anything but HTTP/1.0 CRLF and HTTP/1.1 CRLF, or a part of them.
Progress RequestLine::readRareVersion(const char* at) {
  constexpr std::string_view kProtocol = "HTTP/";
  const char* version = at;
  for (const char expected : kProtocol) {
    if (at == input_.end) return needMore();
    if (*at++ != expected) return {nullptr, &kBadVersion};
  }
  const char* major = at;
  while (at != input_.end && isDigit(*at)) ++at;
  if (at == input_.end) return needMore();
  if (at == major || *at != '.') return {nullptr, &kBadVersion};
  const char* minor = ++at;
  while (at != input_.end && isDigit(*at)) ++at;
  if (at == input_.end) return needMore();
  if (at == minor) return {nullptr, &kBadVersion};
  if (*at != '\r') return {nullptr, *at == '\n' ? &kBareLf : &kBadVersion};
  const std::string_view text(version, static_cast<size_t>(at - version));
  if (text != "HTTP/1.1" && text != "HTTP/1.0") return {nullptr, &kVersionNotSupported};
  if (at + 1 == input_.end) return needMore();
  return {nullptr, &kBareCr};  // with an LF it would not have come here
}

}  // namespace

void completeTarget(http::RequestHead& head, char* authority) {
  const size_t size = head.authority.size();
  std::memmove(authority - 1, authority, size);
  char* const slash = authority + size - 1;
  *slash = '/';
  head.authority = {authority - 1, size};
  head.target = {slash, head.target.size() + 1};
  head.path = {slash, 1};
}

Progress readRequestLine(Input input, const char* line, uint32_t limit, http::RequestHead& head) {
  const auto size = static_cast<size_t>(input.end - line);
  const bool full = size >= limit;
  if (full) input.end = line + limit;
  return RequestLine(input, full, head).read(line);
}

}  // namespace oxbow::http1
