#include "proxy/codec/http1/serializer.h"

#include <charconv>
#include <cstring>

#include "proxy/base/assert.h"

namespace oxbow::http1 {

using http::BodyKind;
using http::Field;
using http::FieldBlock;
using http::Name;

namespace {

// Room for what is made up here: version, Host without its value, Date, Content-Length with 20
// digits or Transfer-Encoding, Connection, line ends.
constexpr size_t kFixedBytes = 160;
constexpr size_t kLongestReason = 32;
constexpr uint64_t kOtherHop = http::bitOf(Name::Connection) | http::bitOf(Name::TransferEncoding);

// Copies the first and the last sizeof(Word) bytes, which overlap: all of it, up to twice that
// size.
template <typename Word>
void copyEnds(char* out, std::string_view text) {
  Word first, last;
  std::memcpy(&first, text.data(), sizeof first);
  std::memcpy(&last, text.data() + text.size() - sizeof last, sizeof last);
  std::memcpy(out, &first, sizeof first);
  std::memcpy(out + text.size() - sizeof last, &last, sizeof last);
}

// Methods, targets and reasons are short: a call to memcpy would cost more than the copy.
char* put(char* out, std::string_view text) {
  const size_t size = text.size();
  if (size > 16)
    std::memcpy(out, text.data(), size);
  else if (size >= 8)
    copyEnds<uint64_t>(out, text);
  else if (size >= 4)
    copyEnds<uint32_t>(out, text);
  else if (size >= 2)
    copyEnds<uint16_t>(out, text);
  else if (size == 1)
    *out = text[0];
  return out + size;
}

template <size_t N>
char* putLiteral(char* out, const char (&literal)[N]) {
  std::memcpy(out, literal, N - 1);
  return out + N - 1;
}

char* putSlice(char* out, const char* base, size_t from, size_t to) {
  std::memcpy(out, base + from, to - from);
  return out + (to - from);
}

// Where line `index` begins; behind the last one, where the block ends.
size_t lineStart(const FieldBlock& block, size_t index) {
  return index < block.count ? block.fields[index].nameOffset : block.end;
}

// Copies the lines [first, last) but dropped ones and those with a name in `skipped`.
char* putLines(char* out, const FieldBlock& block, size_t first, size_t last, uint64_t skipped) {
  if (first == last) return out;
  if (!block.holes && (block.seen & skipped) == 0)
    return putSlice(out, block.base, lineStart(block, first), lineStart(block, last));
  size_t run = lineStart(block, first);
  for (size_t i = first; i < last; ++i) {
    const Field field = block.fields[i];
    if (!field.dropped() && (skipped >> field.nameId & 1) == 0) continue;
    if (run != field.nameOffset) out = putSlice(out, block.base, run, field.nameOffset);
    run = lineStart(block, i + 1);
  }
  const size_t end = lineStart(block, last);
  return run != end ? putSlice(out, block.base, run, end) : out;
}

uint64_t skippedNames(const Framing& framing) {
  const bool keepLength = framing.body == BodyKind::Length && !framing.writeLength;
  return keepLength ? kOtherHop : kOtherHop | http::bitOf(Name::ContentLength);
}

char* putHost(char* out, std::string_view authority) {
  out = putLiteral(out, "Host: ");
  out = put(out, authority);
  return putLiteral(out, "\r\n");
}

// Mostly one is the other.
bool isSame(std::string_view a, std::string_view b) {
  return a.size() == b.size() && (a.data() == b.data() || a == b);
}

// The lines of a request, with its Host line made to say `authority`.
char* putRequestLines(char* out, const FieldBlock& fields, std::string_view authority,
                      uint64_t skipped) {
  const Field* host = fields.find(Name::Host);
  if (host == nullptr) {
    out = putHost(out, authority);
    return putLines(out, fields, 0, fields.count, skipped);
  }
  if (isSame(fields.valueAt(*host), authority))
    return putLines(out, fields, 0, fields.count, skipped);
  const auto index = static_cast<size_t>(host - fields.begin());
  skipped |= http::bitOf(Name::Host);
  out = putLines(out, fields, 0, index, skipped);
  out = putHost(out, authority);
  return putLines(out, fields, index + 1, fields.count, skipped);
}

char* putLength(char* out, uint64_t length) {
  constexpr size_t kMaxDigits = 20;
  out = putLiteral(out, "Content-Length: ");
  out = std::to_chars(out, out + kMaxDigits, length).ptr;
  return putLiteral(out, "\r\n");
}

char* putFraming(char* out, const Framing& framing) {
  ASSERT(!(framing.writeLength && framing.body == BodyKind::Chunked));
  if (framing.writeLength) out = putLength(out, framing.contentLength);
  if (framing.body == BodyKind::Chunked) out = putLiteral(out, "Transfer-Encoding: chunked\r\n");
  if (framing.connection == ConnectionOption::Close)
    out = putLiteral(out, "Connection: close\r\n");
  else if (framing.connection == ConnectionOption::KeepAlive)
    out = putLiteral(out, "Connection: keep-alive\r\n");
  return putLiteral(out, "\r\n");
}

char* putStatus(char* out, uint16_t status) {
  ASSERT(status >= 100 && status <= 999);
  *out++ = static_cast<char>('0' + status / 100);
  *out++ = static_cast<char>('0' + status / 10 % 10);
  *out++ = static_cast<char>('0' + status % 10);
  return out;
}

}  // namespace

size_t requestHeadBound(const http::RequestHead& head, size_t targetBytes, size_t authorityBytes) {
  return kFixedBytes + head.methodText.size() + targetBytes + authorityBytes + head.fields.end +
         head.added.end;
}

size_t responseHeadBound(const http::ResponseHead& head) {
  return kFixedBytes + kMostMore + kLongestReason + head.reason.size() + head.fields.end +
         head.added.end;
}

char* writeRequestHead(char* out, const http::RequestHead& head, std::string_view target,
                       std::string_view authority, const Framing& framing) {
  out = put(out, head.methodText);
  *out++ = ' ';
  out = put(out, target);
  out = putLiteral(out, " HTTP/1.1\r\n");
  out = putRequestLines(out, head.fields, authority, skippedNames(framing));
  out = putLines(out, head.added, 0, head.added.count, 0);
  return putFraming(out, framing);
}

char* writeResponseHead(char* out, const http::ResponseHead& head, const Framing& framing) {
  out = putLiteral(out, "HTTP/1.1 ");
  out = putStatus(out, head.status);
  *out++ = ' ';
  out = put(out, head.reason.empty() ? reasonOf(head.status) : head.reason);
  out = putLiteral(out, "\r\n");
  out = putLines(out, head.fields, 0, head.fields.count, skippedNames(framing));
  out = putLines(out, head.added, 0, head.added.count, 0);
  if (!framing.date.empty()) out = put(out, framing.date);
  if (!framing.more.empty()) [[unlikely]]
    out = put(out, framing.more);
  return putFraming(out, framing);
}

char* writeTrailers(char* out, const FieldBlock& trailers) {
  out = putLines(out, trailers, 0, trailers.count, 0);
  return putLiteral(out, "\r\n");
}

}  // namespace oxbow::http1
