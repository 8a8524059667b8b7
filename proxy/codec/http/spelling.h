#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

// Comparison of text of known length with a lower-case literal, without case, a word at a time.

namespace oxbow::http {

template <typename Word>
inline bool sameWord(const char* text, const char* lower) {
  Word left, right;
  std::memcpy(&left, text, sizeof(Word));
  std::memcpy(&right, lower, sizeof(Word));
  // Bit 0x40 tells the letters of the literal; only those may differ, in bit 0x20.
  const Word letters = right & static_cast<Word>(0x4040404040404040u);
  return (left | static_cast<Word>(letters >> 1)) == right;
}

// Whether the N - 1 bytes at `text` spell `lower`, which has letters, digits, '-' and '/' only.
template <size_t N>
inline bool spells(const char* text, const char (&lower)[N]) {
  constexpr size_t size = N - 1;
  if constexpr (size >= 8) {
    for (size_t at = 0; at + 8 < size; at += 8)
      if (!sameWord<uint64_t>(text + at, lower + at)) return false;
    return sameWord<uint64_t>(text + size - 8, lower + size - 8);
  } else if constexpr (size >= 4) {
    return sameWord<uint32_t>(text, lower) && sameWord<uint32_t>(text + size - 4, lower + size - 4);
  } else {
    static_assert(size >= 2);
    return sameWord<uint16_t>(text, lower) && sameWord<uint16_t>(text + size - 2, lower + size - 2);
  }
}

template <size_t N>
inline bool spells(std::string_view text, const char (&lower)[N]) {
  return text.size() == N - 1 && spells(text.data(), lower);
}

}  // namespace oxbow::http
