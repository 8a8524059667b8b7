#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "proxy/codec/http/name_lookup.h"
#include "proxy/codec/http/scan.h"
#include "proxy/codec/http1/fault.h"

// A section of field lines and the empty line behind it (RFC 9112, section 5): the loop that all
// heads and trailer sections share. In a header because each caller's own handling of the names
// that it acts on is compiled into it.

namespace oxbow::http1 {

// One line, taken apart.
struct FieldLine {
  const char* colon;
  const char* value;  // without white space around it
  const char* valueEnd;
  const char* next;  // behind the line
};

// Takes the line at `line` apart, whatever it is; `input` ends where lines may not go on. Without
// `next` there is a fault, or more bytes are needed. Sets `underscore` when the name has one.
Progress readAnyLine(http::Input input, const char* line, FieldLine& parts, bool& underscore);

std::string_view withoutOws(const char* begin, const char* end);

#if defined(__SSE2__)
// Knows that there are bytes enough for the scans of a name and of the first block of a value.
struct FarFromEnd {
  static constexpr ptrdiff_t kBytes = 2 * http::kBlock + 4;  // name, ": ", value, CRLF

  template <typename Class>
  static uint32_t endsAt(const char* at, http::Input) {
    return http::endsAt<Class>(at);
  }
  static bool hasTwo(const char*, http::Input) { return true; }
};

// For the last lines of a message without a body.
struct NearEnd {
  template <typename Class>
  static uint32_t endsAt(const char* at, http::Input input) {
    if (input.end - at >= http::kBlock) return http::endsAt<Class>(at);
    return http::endsInRest<Class>(at, input);
  }
  static bool hasTwo(const char* at, http::Input input) { return input.end - at >= 2; }
};

// readAnyLine for what nearly every line is: at most fifteen letters, digits, '-' and '.', a colon,
// one space, a value that is neither empty nor padded, CRLF. False: it is something else.
template <typename Reach>
[[gnu::always_inline]] inline bool readPlainLine(http::Input input, const char* line,
                                                 FieldLine& parts) {
  const char* colon = line + http::runOf(Reach::template endsAt<http::WordBytes>(line, input));
  if (!Reach::hasTwo(colon, input) || std::memcmp(colon, ": ", 2) != 0 || colon == line)
    return false;
  const char* value = colon + 2;
  const size_t run = http::runOf(Reach::template endsAt<http::TextBytes>(value, input));
  const char* end = value + run;
  if (run == http::kBlock) {
    end = http::skip<http::TextBytes>(end, input);
    if (input.end - end < 2) return false;
  } else if (!Reach::hasTwo(end, input)) {
    return false;
  }
  if (std::memcmp(end, "\r\n", 2) != 0 || *value == ' ' || end[-1] == ' ') return false;
  parts.colon = colon;
  parts.value = value;
  parts.valueEnd = end;
  parts.next = end + 2;
  return true;
}
#endif

[[gnu::always_inline]] inline bool readPlainLine(http::Input input, const char* line,
                                                 FieldLine& parts) {
#if defined(__SSE2__)
  if (input.end - line >= FarFromEnd::kBytes) [[likely]]
    return readPlainLine<FarFromEnd>(input, line, parts);
  if (input.end - input.begin < http::kBlock || line == input.end || *line == '\r') return false;
  return readPlainLine<NearEnd>(input, line, parts);
#else
  static_cast<void>(input), static_cast<void>(line), static_cast<void>(parts);
  return false;
#endif
}

// Drops the lines with an underscore in their name; returns how many.
uint16_t dropUnderscoreNames(http::FieldBlock& block);

// Reads lines from `section` up to and with the empty line, into `storage` and `block`. Sets
// `underscore` when a name has one. `onField(name, value, seen)` is called for the names in
// `acted`, with the bits of the lines before, and returns a fault or null.
// REQUIRES: storage has room for kMaxFields.
template <typename OnField>
inline Progress readFieldLines(http::Input input, const char* section, const HeadLimits& limits,
                               http::Field* storage, http::FieldBlock& block, bool& underscore,
                               uint64_t acted, OnField onField) {
  const size_t limit = std::min<size_t>(limits.fieldBytes, http::kMaxHeadBytes);
  const bool full = static_cast<size_t>(input.end - section) >= limit;
  const http::Input lines{input.begin, full ? section + limit : input.end};
  const http::Field* const storageEnd = storage + std::min(limits.fieldCount, kMaxFields);
  const char* at = section;
  http::Field* field = storage;
  uint64_t seen = 0;
  for (;;) {
    FieldLine line;
    if (!readPlainLine(lines, at, line)) [[unlikely]] {
      if (at == input.end) return {};
      if (*at == '\r') break;
      FieldLine any;
      const Progress progress = readAnyLine(lines, at, any, underscore);
      if (progress.fault != nullptr) return progress;
      if (progress.next == nullptr) return {nullptr, full ? &kFieldsTooLarge : nullptr};
      line.colon = any.colon;  // one by one: the address of `line` is not to be known outside
      line.value = any.value;
      line.valueEnd = any.valueEnd;
      line.next = any.next;
    }
    if (field == storageEnd) [[unlikely]]
      return {nullptr, &kTooManyFields};
    const auto size = static_cast<size_t>(line.colon - at);
    const auto valueSize = static_cast<size_t>(line.valueEnd - line.value);
    const http::Name name = http::lookUpName(at, size);
    field->nameOffset = static_cast<uint16_t>(at - section);
    field->valueOffset = static_cast<uint16_t>(line.value - section);
    field->valueLength = static_cast<uint16_t>(valueSize);
    field->nameLength = size & http::kMaxFieldName;
    field->nameId = static_cast<uint64_t>(name) & 63;
    ++field;
    if ((acted >> static_cast<unsigned>(name) & 1) != 0)
      if (const Fault* fault = onField(name, {line.value, valueSize}, seen))
        return {nullptr, fault};
    seen |= http::bitOf(name);
    at = line.next;
  }
  if (input.end - at < 2) return {};
  if (at[1] != '\n') return {nullptr, &kBareCr};
  block.base = section;
  block.fields = storage;
  block.count = static_cast<uint16_t>(field - storage);
  block.end = static_cast<uint16_t>(at - section);
  block.holes = false;
  block.seen = seen;
  return {at + 2};
}

}  // namespace oxbow::http1
