#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

// Classes of bytes (RFC 9110, section 5.6.2; RFC 3986, section 2), and the end of a run of one
// class: sixteen bytes at a time where the machine has SSE2, by table elsewhere.

namespace oxbow::http {

enum ByteClass : uint8_t {
  kWordClass = 1,    // letters, digits, '-', '.': what most names and hosts are made of
  kTokenClass = 2,   // tchar
  kValueClass = 4,   // field values: HTAB and everything but controls
  kTargetClass = 8,  // request targets: visible ASCII but '#'
  kNameClass = 16,   // reg-name: unreserved and sub-delims, without ',' and percent-encoding
  kHexClass = 32,
  kQuotedClass = 64,  // qdtext
};

constexpr bool isOneOf(unsigned char byte, const char* set) {
  while (*set != 0)
    if (static_cast<unsigned char>(*set++) == byte) return true;
  return false;
}

constexpr uint8_t classesOf(unsigned char byte) {
  const bool digit = byte >= '0' && byte <= '9';
  const unsigned char lower = byte | 0x20;
  const bool alnum = digit || (byte < 0x80 && lower >= 'a' && lower <= 'z');
  const bool visible = byte > 0x20 && byte < 0x7f;
  const bool text = byte == '\t' || byte == ' ' || visible || byte >= 0x80;
  unsigned classes = 0;
  if (alnum || isOneOf(byte, "-.")) classes |= kWordClass;
  if (alnum || isOneOf(byte, "!#$%&'*+-.^_`|~")) classes |= kTokenClass;
  if (text) classes |= kValueClass;
  if (visible && byte != '#') classes |= kTargetClass;
  if (alnum || isOneOf(byte, "-._~!$&'()*+;=")) classes |= kNameClass;
  if (digit || (byte < 0x80 && lower >= 'a' && lower <= 'f')) classes |= kHexClass;
  if (text && !isOneOf(byte, "\"\\")) classes |= kQuotedClass;
  return static_cast<uint8_t>(classes);
}

constexpr std::array<uint8_t, 256> makeByteClasses() {
  std::array<uint8_t, 256> table{};
  for (unsigned byte = 0; byte < 256; ++byte)
    table[byte] = classesOf(static_cast<unsigned char>(byte));
  return table;
}

inline constexpr std::array<uint8_t, 256> kByteClasses = makeByteClasses();

inline bool isIn(uint8_t classes, char byte) {
  return (kByteClasses[static_cast<unsigned char>(byte)] & classes) != 0;
}
inline bool isDigit(char byte) { return static_cast<unsigned char>(byte - '0') < 10; }
inline bool isOws(char byte) { return byte == ' ' || byte == '\t'; }  // optional white space

#if defined(__SSE2__)
// Whether bytes are in [low, high], both below 0x80: the range is moved to the top of the signed
// numbers, everything else falls below it.
template <char low, char high>
inline __m128i inRange(__m128i bytes) {
  const __m128i moved = _mm_add_epi8(bytes, _mm_set1_epi8(0x7f - high));
  return _mm_cmpgt_epi8(moved, _mm_set1_epi8(0x7f - high + low - 1));
}
inline __m128i equal(__m128i bytes, char byte) {
  return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte));
}
inline __m128i letters(__m128i bytes) {
  return inRange<'a', 'z'>(_mm_or_si128(bytes, _mm_set1_epi8(0x20)));
}
// Bit 16 is set in both: counting the zeros below gives 16 when no byte's bit is set.
inline uint32_t maskOf(__m128i bytes) {
  return static_cast<uint32_t>(_mm_movemask_epi8(bytes)) | 0x10000;
}
inline uint32_t maskOfOthers(__m128i bytes) {
  return ~static_cast<uint32_t>(_mm_movemask_epi8(bytes));
}
#endif

// Each class tells of a byte whether it belongs, and of sixteen bytes which ones do not: in the 16
// lowest bits; bit 16 is set, and those above mean nothing.

// kWordClass.
struct WordBytes {
  static bool contains(char byte) { return isIn(kWordClass, byte); }
#if defined(__SSE2__)
  static uint32_t outside(__m128i bytes) {
    const __m128i others = _mm_andnot_si128(equal(bytes, '/'), inRange<'-', '9'>(bytes));
    return maskOfOthers(_mm_or_si128(letters(bytes), others));
  }
#endif
};

// Text of field values and reason phrases without HTAB, which is rare: 0x20 to 0x7e and >= 0x80.
struct TextBytes {
  static bool contains(char byte) { return isIn(kValueClass, byte) && byte != '\t'; }
#if defined(__SSE2__)
  static uint32_t outside(__m128i bytes) {
    const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
    return maskOf(_mm_or_si128(low, equal(bytes, 0x7f)));
  }
#endif
};

// kTargetClass: a query.
struct TargetBytes {
  static bool contains(char byte) { return isIn(kTargetClass, byte); }
#if defined(__SSE2__)
  static uint32_t outside(__m128i bytes) { return maskOf(outsideBytes(bytes)); }
  static __m128i outsideBytes(__m128i bytes) {
    const __m128i low = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x21));  // signed: also >= 0x80
    return _mm_or_si128(low, _mm_or_si128(equal(bytes, 0x7f), equal(bytes, '#')));
  }
#endif
};

// kTargetClass without '?'.
struct PathBytes {
  static bool contains(char byte) { return TargetBytes::contains(byte) && byte != '?'; }
#if defined(__SSE2__)
  static uint32_t outside(__m128i bytes) {
    return maskOf(_mm_or_si128(TargetBytes::outsideBytes(bytes), equal(bytes, '?')));
  }
#endif
};

// What most paths are made of: letters, digits, '-', '/'. No dot-segment is.
struct PlainPathBytes {
  static bool contains(char byte) { return byte == '/' || (isIn(kWordClass, byte) && byte != '.'); }
#if defined(__SSE2__)
  static uint32_t outside(__m128i bytes) {
    const __m128i others = _mm_andnot_si128(equal(bytes, '.'), inRange<'-', '9'>(bytes));
    return maskOfOthers(_mm_or_si128(letters(bytes), others));
  }
#endif
};

// Bytes that may be read. `begin` can lie before what is scanned: a short rest is then read as the
// last sixteen bytes of the input.
struct Input {
  const char* begin;
  const char* end;
};

#if defined(__SSE2__)
constexpr ptrdiff_t kBlock = 16;

// Which of the sixteen bytes at `at` are not in Class.
template <typename Class>
inline uint32_t endsAt(const char* at) {
  return Class::outside(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)));
}

// endsAt() of less than sixteen bytes: the end of the input counts as an end.
// REQUIRES: input.end - at <= 16, at least sixteen bytes of input.
template <typename Class>
inline uint32_t endsInRest(const char* at, Input input) {
  return endsAt<Class>(input.end - kBlock) >> (kBlock - (input.end - at));
}

inline size_t runOf(uint32_t ends) { return static_cast<size_t>(__builtin_ctz(ends)); }
#endif

// The first byte at or behind `at` that is not in Class, or input.end.
template <typename Class>
inline const char* skip(const char* at, Input input) {
#if defined(__SSE2__)
  if (input.end - at >= kBlock) {  // apart, as most runs are short
    size_t run = runOf(endsAt<Class>(at));
    if (run != kBlock) [[likely]]
      return at + run;
    for (at += kBlock; input.end - at >= kBlock; at += kBlock)
      if ((run = runOf(endsAt<Class>(at))) != kBlock) return at + run;
  }
  if (input.end - input.begin >= kBlock) return at + runOf(endsInRest<Class>(at, input));
#endif
  while (at != input.end && Class::contains(*at)) ++at;
  return at;
}

// The first byte at or behind `at` that is not in kValueClass, or input.end.
const char* skipValueWithTabs(const char* at, Input input);

inline const char* skipValue(const char* at, Input input) {
  at = skip<TextBytes>(at, input);
  if (at != input.end && *at == '\t') [[unlikely]]
    return skipValueWithTabs(at, input);
  return at;
}

}  // namespace oxbow::http
