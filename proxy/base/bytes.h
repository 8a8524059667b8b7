#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <string_view>

// Numbers and text to and from bytes, without allocation. The writers return the end of what they
// wrote; the caller has made room.

namespace oxbow {

constexpr size_t kMaxDecimal = 20;  // digits of the largest uint64_t

namespace detail {

struct DigitPairs {
  char text[200];
  constexpr DigitPairs() : text{} {
    for (int i = 0; i < 100; ++i) {
      text[2 * i] = static_cast<char>('0' + i / 10);
      text[2 * i + 1] = static_cast<char>('0' + i % 10);
    }
  }
};
inline constexpr DigitPairs kDigitPairs;

inline constexpr uint64_t kPowersOf10[] = {1ull,
                                           10ull,
                                           100ull,
                                           1000ull,
                                           10000ull,
                                           100000ull,
                                           1000000ull,
                                           10000000ull,
                                           100000000ull,
                                           1000000000ull,
                                           10000000000ull,
                                           100000000000ull,
                                           1000000000000ull,
                                           10000000000000ull,
                                           100000000000000ull,
                                           1000000000000000ull,
                                           10000000000000000ull,
                                           100000000000000000ull,
                                           1000000000000000000ull,
                                           10000000000000000000ull};

}  // namespace detail

// How many decimal digits `value` has: 1 to 20.
constexpr unsigned decimalDigits(uint64_t value) {
  // 1233 / 4096 is log10(2) closely enough for 64 bits; the table corrects the guess.
  const unsigned guess = static_cast<unsigned>(std::bit_width(value | 1)) * 1233u >> 12;
  return guess + ((value | 1) >= detail::kPowersOf10[guess < 20 ? guess : 19] ? 1 : 0);
}

// The last `width` digits of `value`, zeros in front: for clock times and fractions.
inline char* writePadded(char* out, uint64_t value, unsigned width) {
  for (char* at = out + width; at != out; value /= 10) *--at = static_cast<char>('0' + value % 10);
  return out + width;
}

inline char* writeDecimal(char* out, uint64_t value) {
  char* const end = out + decimalDigits(value);
  char* at = end;
  while (value >= 100) {
    at -= 2;
    std::memcpy(at, detail::kDigitPairs.text + 2 * (value % 100), 2);
    value /= 100;
  }
  if (value >= 10) {
    std::memcpy(at - 2, detail::kDigitPairs.text + 2 * value, 2);
  } else {
    at[-1] = static_cast<char>('0' + value);
  }
  return end;
}

// Digits only, at least one; nothing for signs, spaces or what exceeds 64 bits.
constexpr std::optional<uint64_t> parseDecimal(std::string_view text) {
  if (text.empty()) return std::nullopt;
  uint64_t value = 0;
  for (const char c : text) {
    const auto digit = static_cast<unsigned>(static_cast<unsigned char>(c)) - '0';
    if (digit > 9) return std::nullopt;
    constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();
    if (value > kMax / 10 || value * 10 > kMax - digit) return std::nullopt;
    value = value * 10 + digit;
  }
  return value;
}

// The value of a hexadecimal digit of either case, -1 of any other byte.
constexpr int hexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// One to 16 hexadecimal digits; nothing for anything else.
constexpr std::optional<uint64_t> parseHex(std::string_view text) {
  if (text.empty() || text.size() > 16) return std::nullopt;
  uint64_t value = 0;
  for (const char c : text) {
    const int digit = hexValue(c);
    if (digit < 0) return std::nullopt;
    value = value << 4 | static_cast<uint64_t>(digit);
  }
  return value;
}

// Lower case, no leading zeros.
inline char* writeHex(char* out, uint64_t value) {
  const auto digits = (static_cast<unsigned>(std::bit_width(value | 1)) + 3) / 4;
  for (char* at = out + digits; at != out; value >>= 4) *--at = "0123456789abcdef"[value & 15];
  return out + digits;
}

// What is left of `text` behind its first `n` bytes. REQUIRES: n <= text.size(), which is not
// checked: substr() would, and throw.
inline std::string_view behind(std::string_view text, size_t n) {
  return {text.data() + n, text.size() - n};
}

inline char* append(char* out, std::string_view text) {
  if (!text.empty()) std::memcpy(out, text.data(), text.size());  // data() of an empty view is null
  return out + text.size();
}

inline char* append(char* out, char c) {
  *out = c;
  return out + 1;
}

}  // namespace oxbow
