#include "proxy/top/text.h"

#include <fmt/format.h>

#include <algorithm>

#include "proxy/base/utf8.h"

namespace oxbow::top {

namespace {

struct Range {
  uint32_t first, last;
};

// East Asian wide and emoji, as terminals have them.
constexpr Range kWide[] = {{0x1100, 0x115f},   {0x2e80, 0x303e},  {0x3041, 0xa4cf},
                           {0xac00, 0xd7a3},   {0xf900, 0xfaff},  {0xfe30, 0xfe6f},
                           {0xff00, 0xff60},   {0xffe0, 0xffe6},  {0x1f300, 0x1f64f},
                           {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};
constexpr Range kCombining[] = {{0x300, 0x36f}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}};
// C1 controls, joiners, marks of direction, line separators, the byte order mark, tags.
constexpr Range kHidden[] = {{0x80, 0x9f},     {0xad, 0xad},      {0x200b, 0x200f},
                             {0x2028, 0x202e}, {0x2060, 0x206f},  {0xfeff, 0xfeff},
                             {0xfff9, 0xfffb}, {0xe0000, 0xe0fff}};

template <size_t N>
bool isIn(uint32_t code, const Range (&ranges)[N]) {
  return std::any_of(std::begin(ranges), std::end(ranges), [code](const Range& range) {
    return code >= range.first && code <= range.last;
  });
}

// REQUIRES: a well-formed sequence.
uint32_t codeOf(std::string_view sequence) {
  const auto byte = [sequence](size_t i) { return static_cast<unsigned char>(sequence[i]); };
  if (sequence.size() == 1) return byte(0);
  uint32_t code = byte(0) & (0xffu >> (sequence.size() + 1));
  for (size_t i = 1; i < sequence.size(); ++i) code = code << 6 | (byte(i) & 0x3fu);
  return code;
}

bool isShown(std::string_view sequence, bool utf8) {
  if (sequence.size() == 1) return sequence[0] >= ' ' && sequence[0] < 0x7f;
  return utf8 && !isIn(codeOf(sequence), kHidden);
}

size_t columnsOfOne(std::string_view sequence) {
  const uint32_t code = codeOf(sequence);
  if (code < 0x300) return 1;
  if (isIn(code, kCombining)) return 0;
  return isIn(code, kWide) ? 2 : 1;
}

std::string_view firstOf(std::string_view text) {
  return text.substr(0, std::max<size_t>(utf8Length(text), 1));
}

}  // namespace

std::string escaped(std::string_view text, bool utf8) {
  std::string result;
  while (!text.empty()) {
    const size_t length = utf8Length(text);
    const std::string_view sequence = text.substr(0, std::max<size_t>(length, 1));
    text.remove_prefix(sequence.size());
    if (length > 0 && isShown(sequence, utf8)) {
      result += sequence;
      continue;
    }
    for (const char byte : sequence)
      result += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
  }
  return result;
}

size_t columnsOf(std::string_view text) {
  size_t columns = 0;
  while (!text.empty()) {
    const std::string_view sequence = firstOf(text);
    columns += columnsOfOne(sequence);
    text.remove_prefix(sequence.size());
  }
  return columns;
}

std::string cutTo(std::string_view text, size_t columns, bool utf8) {
  if (columnsOf(text) <= columns) return std::string(text);
  if (columns == 0) return "";
  std::string result;
  for (size_t used = 0;;) {
    const std::string_view sequence = firstOf(text);
    used += columnsOfOne(sequence);
    if (used > columns - 1) break;
    result += sequence;
    text.remove_prefix(sequence.size());
  }
  return result + (utf8 ? "\u2026" : ">");
}

std::string padTo(std::string_view text, size_t columns, bool utf8) {
  std::string result = cutTo(text, columns, utf8);
  return result.append(columns - columnsOf(result), ' ');
}

std::string padLeft(std::string_view text, size_t columns) {
  const size_t used = columnsOf(text);
  return std::string(used < columns ? columns - used : 0, ' ').append(text);
}

std::string threeDigits(double value) {
  if (value == 0) return "0";
  if (value >= 100) return fmt::format("{:.0f}", value);
  if (value >= 10) return fmt::format("{:.1f}", value);
  return value >= 1 ? fmt::format("{:.2f}", value) : fmt::format("{:.3f}", value);
}

}  // namespace oxbow::top
