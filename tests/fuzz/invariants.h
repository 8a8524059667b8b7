#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/base/assert.h"
#include "proxy/codec/http1/parser.h"

// What must hold of anything that the codec reads, whatever the bytes. Included by each target.

namespace oxbow::fuzz {

// Bytes in a block of exactly their size: a sanitizer sees every read beyond them.
class ExactBytes {
 public:
  explicit ExactBytes(std::string_view text) : bytes_(new char[text.size()]), size_(text.size()) {
    if (!text.empty()) std::memcpy(bytes_.get(), text.data(), text.size());
  }
  std::string_view view() const { return {bytes_.get(), size_}; }

 private:
  std::unique_ptr<char[]> bytes_;
  size_t size_;
};

inline std::string_view viewOf(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// How far apart the places are where an input is cut: all of a small one, some of a large one.
inline size_t stepThrough(size_t size) { return size / 200 + 1; }

inline bool isInside(std::string_view slice, std::string_view input) {
  return slice.data() >= input.data() && slice.data() + slice.size() <= input.data() + input.size();
}

inline bool isOws(char byte) { return byte == ' ' || byte == '\t'; }

// A value as RFC 9110, section 5.5, has it.
inline void checkValue(std::string_view value) {
  for (const char byte : value) {
    const auto code = static_cast<unsigned char>(byte);
    ASSERT(code == '\t' || (code >= 0x20 && code != 0x7f));
  }
  if (value.empty()) return;
  ASSERT(!isOws(value.front()) && !isOws(value.back()));
}

// Lines stand one behind the other, each with its CRLF, and their slices are in them.
inline void checkBlock(const http::FieldBlock& block, std::string_view input) {
  size_t at = 0;
  for (const http::Field* field = block.begin(); field != block.end_(); ++field) {
    const bool last = field + 1 == block.end_();
    const size_t next = last ? block.end : (field + 1)->nameOffset;
    ASSERT(field->nameOffset == at && next > at + 2);
    ASSERT(size_t{field->valueOffset} + field->valueLength + 2 <= next);
    ASSERT(std::string_view(block.base + next - 2, 2) == "\r\n");
    ASSERT(block.has(field->name()));
    if (!field->dropped()) {
      const std::string_view name = block.nameAt(*field);
      ASSERT(name.data()[name.size()] == ':' &&
             name.data() + name.size() < block.valueAt(*field).data());
      ASSERT(http::nameOf(name) == field->name());
    }
    checkValue(block.valueAt(*field));
    at = next;
  }
  ASSERT(block.end == at);
  ASSERT(isInside({block.base, block.end}, input));
}

inline void checkSameBlock(const http::FieldBlock& a, const http::FieldBlock& b) {
  ASSERT(a.base == b.base && a.count == b.count && a.end == b.end && a.seen == b.seen);
  for (uint16_t i = 0; i < a.count; ++i)
    ASSERT(std::memcmp(&a.fields[i], &b.fields[i], sizeof(http::Field)) == 0);
}

inline bool sameResult(const http1::ParseResult& a, const http1::ParseResult& b) {
  return a.status == b.status && a.consumed == b.consumed && a.httpStatus == b.httpStatus &&
         a.tooLarge == b.tooLarge && std::string_view(a.detail) == b.detail;
}

// Parses growing prefixes of `input`: more is asked for until the answer is that of the whole, and
// it is not given before the bytes that it speaks of. `parse` takes bytes and returns a
// ParseResult.
template <typename Parse>
void checkPrefixes(std::string_view input, const http1::ParseResult& whole, Parse parse) {
  const bool done = whole.status == http1::ParseStatus::Done;
  ASSERT(!done || (whole.consumed > 0 && whole.consumed <= input.size()));
  bool decided = false;
  const auto check = [&](size_t size) {
    const ExactBytes part(input.substr(0, size));
    const http1::ParseResult result = parse(part.view());
    if (result.status == http1::ParseStatus::NeedMore) {
      ASSERT(!decided && (!done || size < whole.consumed));
      return;
    }
    decided = true;
    ASSERT(sameResult(result, whole));
    ASSERT(!done || size >= whole.consumed);
  };
  for (size_t size = 0; size < input.size(); size += stepThrough(input.size())) check(size);
  decided = false;
  if (!done) return;
  check(whole.consumed - 1);
  check(whole.consumed);
}

// "name: value\n" of the lines that are forwarded, but those that a hop writes for itself.
inline std::string textOf(const http::FieldBlock& block) {
  std::string text;
  for (const http::Field* field = block.begin(); field != block.end_(); ++field) {
    const http::Name name = field->name();
    if (field->dropped() || name == http::Name::Host || name == http::Name::ContentLength) continue;
    if (name == http::Name::TransferEncoding || name == http::Name::Connection) continue;
    text.append(block.nameAt(*field)).append(": ").append(block.valueAt(*field)).append("\n");
  }
  return text;
}

// Limits that small inputs reach, and those that what oxbow writes itself never passes.
inline http1::HeadLimits smallLimits() {
  http1::HeadLimits limits;
  limits.startLine = 64;
  limits.fieldBytes = 128;
  limits.fieldCount = 4;
  return limits;
}
inline http1::HeadLimits wideLimits() {
  http1::HeadLimits limits;
  limits.startLine = 1 << 20;
  limits.fieldBytes = http::kMaxHeadBytes;
  limits.fieldCount = http1::kMaxFields;
  limits.keepUnderscores = true;
  return limits;
}

}  // namespace oxbow::fuzz
