#include "proxy/codec/http1/chunked.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>

#include "proxy/codec/http/scan.h"

namespace oxbow::http1 {

namespace {

constexpr int kMaxDigits = 16;
constexpr size_t kPlainDigits = 15;  // no overflow
constexpr uint16_t kMaxExtensionBytes = 4096;
constexpr uint64_t kMaxTotal = std::numeric_limits<int64_t>::max();

constexpr const char* kBadSize = "malformed chunk size";
constexpr const char* kSizeTooLarge = "chunk size too large";
constexpr const char* kBadExtension = "malformed chunk extension";
constexpr const char* kExtensionsTooLarge = "chunk extensions too large";
constexpr const char* kBadLineEnd = "chunk size line without CRLF";
constexpr const char* kBadDataEnd = "chunk data without CRLF";

// The value of a hex digit, or 16 or more.
unsigned hexValue(char byte) {
  const unsigned digit = static_cast<unsigned char>(byte) - unsigned{'0'};
  if (digit < 10) return digit;
  const unsigned letter = (static_cast<unsigned char>(byte) | 0x20u) - unsigned{'a'};
  return letter < 6 ? letter + 10 : 16;
}

bool isCrlfAt(std::string_view input, size_t at) {
  return input.size() - at >= 2 && input[at] == '\r' && input[at + 1] == '\n';
}

bool isToken(char byte) { return http::isIn(http::kTokenClass, byte); }

}  // namespace

ChunkedDecoder::Output ChunkedDecoder::decode(std::string_view input) {
  size_t at = 0;
  for (;;) {
    if (state_ == State::Data) break;
    if (state_ == State::Done) return {Step::Trailers, at, {}, ""};
    if (at == input.size()) return {Step::NeedMore, at, {}, ""};
    if (const size_t used = takePlainLine(input.substr(at)); used > 0) {
      at += used;
      continue;
    }
    const char* problem = takeByte(input[at]);
    if (problem != nullptr) {
      state_ = State::Failed;
      return {Step::Error, at, {}, problem};
    }
    ++at;
  }
  return takeData(input, at);
}

size_t ChunkedDecoder::takePlainLine(std::string_view input) {
  if (state_ == State::Size && digits_ == 0) return takePlainSize(input);
  if (state_ != State::DataCr || !isCrlfAt(input, 0)) return 0;
  state_ = State::Size;
  digits_ = 0;
  return 2;
}

size_t ChunkedDecoder::takePlainSize(std::string_view input) {
  const size_t end = std::min(input.size(), kPlainDigits);
  uint64_t size = 0;
  size_t digits = 0;
  for (; digits < end; ++digits) {
    const unsigned digit = hexValue(input[digits]);
    if (digit > 15) break;
    size = size << 4 | digit;
  }
  if (digits == 0 || !isCrlfAt(input, digits) || size > kMaxTotal - total_) return 0;
  started_ = true;
  remaining_ = size;
  beginData();
  return digits + 2;
}

ChunkedDecoder::Output ChunkedDecoder::takeData(std::string_view input, size_t at) {
  const uint64_t size = std::min<uint64_t>(remaining_, input.size() - at);
  if (size == 0) return {Step::NeedMore, at, {}, ""};
  remaining_ -= size;
  if (remaining_ == 0) state_ = State::DataCr;
  return {Step::Data, at + size, input.substr(at, size), ""};
}

const char* ChunkedDecoder::takeByte(char byte) {
  switch (state_) {
    case State::Size:
      return takeSizeByte(byte);
    case State::SizeLf:
      if (byte != '\n') return kBadLineEnd;
      beginData();
      return nullptr;
    case State::DataCr:
      state_ = State::DataLf;
      return byte == '\r' ? nullptr : kBadDataEnd;
    case State::DataLf:
      state_ = State::Size;
      digits_ = 0;
      return byte == '\n' ? nullptr : kBadDataEnd;
    case State::Failed:
      return "chunked coding was malformed before";
    default:
      return takeExtensionByte(byte);
  }
}

const char* ChunkedDecoder::takeSizeByte(char byte) {
  started_ = true;
  const unsigned digit = hexValue(byte);
  if (digit > 15) return digits_ == 0 ? kBadSize : endSize(byte);
  if (digits_ == kMaxDigits) return kSizeTooLarge;
  ++digits_;
  remaining_ = remaining_ << 4 | digit;
  return nullptr;
}

const char* ChunkedDecoder::endSize(char byte) {
  if (remaining_ > kMaxTotal - total_) return kSizeTooLarge;
  if (byte == '\r') {
    state_ = State::SizeLf;
    return nullptr;
  }
  state_ = byte == ';' ? State::ExtensionStart : State::BeforeExtension;
  ++extensionBytes_;
  if (byte != ';' && !http::isOws(byte)) return kBadSize;
  return extensionBytes_ > kMaxExtensionBytes ? kExtensionsTooLarge : nullptr;
}

void ChunkedDecoder::beginData() {
  state_ = remaining_ == 0 ? State::Done : State::Data;
  total_ += remaining_;
}

// A byte behind the size (RFC 9112, section 7.1.1), up to the CR of the line. White space around
// ';' and '=' is bad, but must be read (RFC 9110, section 5.6.3); at the end of the line it is no
// part of the syntax.
const char* ChunkedDecoder::takeExtensionByte(char byte) {
  if (byte != '\r' && ++extensionBytes_ > kMaxExtensionBytes) return kExtensionsTooLarge;
  switch (state_) {
    case State::BeforeExtension:
      if (byte == ';') state_ = State::ExtensionStart;
      return byte == ';' || http::isOws(byte) ? nullptr : kBadExtension;
    case State::ExtensionStart:
      if (http::isOws(byte)) return nullptr;
      state_ = State::ExtensionName;
      return isToken(byte) ? nullptr : kBadExtension;
    case State::ExtensionName:
      return isToken(byte) ? nullptr : endName(byte);
    case State::NameEnd:
      return byte == '\r' ? kBadExtension : endName(byte);
    case State::ValueStart:
      if (http::isOws(byte)) return nullptr;
      state_ = byte == '"' ? State::ValueQuoted : State::ValueToken;
      return byte == '"' || isToken(byte) ? nullptr : kBadExtension;
    case State::ValueToken:
      return isToken(byte) ? nullptr : endExtension(byte);
    case State::ValueQuoted:
      if (byte == '"')
        state_ = State::ValueQuotedEnd;
      else if (byte == '\\')
        state_ = State::ValueEscape;
      else if (!http::isIn(http::kQuotedClass, byte))
        return kBadExtension;
      return nullptr;
    case State::ValueEscape:
      state_ = State::ValueQuoted;
      return http::isIn(http::kValueClass, byte) ? nullptr : kBadExtension;
    default:
      return endExtension(byte);
  }
}

const char* ChunkedDecoder::endName(char byte) {
  if (byte != '=' && !http::isOws(byte)) return endExtension(byte);
  state_ = byte == '=' ? State::ValueStart : State::NameEnd;
  return nullptr;
}

const char* ChunkedDecoder::endExtension(char byte) {
  if (http::isOws(byte))
    state_ = State::BeforeExtension;
  else if (byte == '\r' || byte == ';')
    state_ = byte == '\r' ? State::SizeLf : State::ExtensionStart;
  else
    return kBadExtension;
  return nullptr;
}

char* writeChunkHeader(char* out, uint64_t size) {
  const int bits = std::max(static_cast<int>(std::bit_width(size)), 1);
  for (int shift = (bits - 1) / 4 * 4; shift >= 0; shift -= 4)
    *out++ = "0123456789abcdef"[size >> shift & 0xf];
  *out++ = '\r';
  *out++ = '\n';
  return out;
}

}  // namespace oxbow::http1
