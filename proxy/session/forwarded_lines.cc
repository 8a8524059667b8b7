#include "proxy/session/forwarded_lines.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <cstdint>
#include <cstring>

#include "proxy/base/assert.h"

namespace oxbow::session {

namespace {

// Sixteen digits of lower-case hexadecimal for each of two words, the lowest nibble first: 'a' -
// '9' - 1 more for the nibbles above 9.
#if defined(__SSE2__)
__m128i digitsOf(__m128i nibbles) {
  const __m128i above9 = _mm_cmpgt_epi8(nibbles, _mm_set1_epi8(9));
  const __m128i more = _mm_and_si128(above9, _mm_set1_epi8('a' - '9' - 1));
  return _mm_add_epi8(_mm_add_epi8(nibbles, _mm_set1_epi8('0')), more);
}

void writeHex(char* out, uint64_t first, uint64_t second) {
  const __m128i words = _mm_set_epi64x(static_cast<int64_t>(second), static_cast<int64_t>(first));
  const __m128i mask = _mm_set1_epi8(0x0f);
  const __m128i low = _mm_and_si128(words, mask);
  const __m128i high = _mm_and_si128(_mm_srli_epi16(words, 4), mask);
  const __m128i digits[] = {digitsOf(_mm_unpacklo_epi8(low, high)),
                            digitsOf(_mm_unpackhi_epi8(low, high))};
  std::memcpy(out, digits, sizeof digits);
}
#else
void writeHex(char* out, uint64_t first, uint64_t second) {
  for (uint64_t word : {first, second})
    for (int i = 0; i < 16; ++i, word >>= 4) *out++ = "0123456789abcdef"[word & 15];
}
#endif

bool same(std::string_view text, const char* kept, size_t size) {
  return text.size() == size && std::memcmp(text.data(), kept, size) == 0;
}

}  // namespace

void writeRequestId(char* out, Random& random) {
  const uint64_t first = random.next();
  writeHex(out, first, random.next());
}

ForwardedLines::ForwardedLines(const config::Listener& listener)
    : for_(*listener.xForwardedFor),
      proto_(*listener.xForwardedProto),
      host_(*listener.xForwardedHost),
      via_(listener.via->empty() ? std::string() : "1.1 " + *listener.via),
      entries_(std::make_unique<std::array<Entry, kEntries>>()) {}

const http::FieldBlock& ForwardedLines::of(std::string_view clientIp, std::string_view authority,
                                           bool secure, Random& random) {
  // The last digits differ most between clients.
  const size_t size = clientIp.size();
  const auto last = static_cast<unsigned char>(clientIp[size - 1]);
  const auto before = static_cast<unsigned char>(clientIp[size > 1 ? size - 2 : 0]);
  Entry& entry = (*entries_)[(last * 7U + before + authority.size()) % kEntries];
  if (!same(clientIp, entry.client, entry.clientSize) ||
      !same(authority, entry.authority, entry.authoritySize) || entry.secure != secure)
    make(entry, clientIp, authority, secure);
  writeRequestId(entry.id, random);
  return entry.block;
}

void ForwardedLines::make(Entry& entry, std::string_view clientIp, std::string_view authority,
                          bool secure) const {
  ASSERT(clientIp.size() < sizeof entry.client && authority.size() <= kMaxAuthority);
  std::memcpy(entry.client, clientIp.data(), clientIp.size());
  std::memcpy(entry.authority, authority.data(), authority.size());
  entry.clientSize = clientIp.size();
  entry.authoritySize = authority.size();
  entry.secure = secure;
  http::FieldWriter writer(entry.bytes, sizeof entry.bytes, entry.fields, kLines);
  const std::string id(kRequestIdSize, '0');
  bool fits = writer.addKnown(http::Name::XRequestId, "X-Request-ID", id);
  if (for_) fits &= writer.addKnown(http::Name::XForwardedFor, "X-Forwarded-For", clientIp);
  if (proto_)
    fits &= writer.addKnown(http::Name::XForwardedProto, "X-Forwarded-Proto",
                            secure ? "https" : "http");
  if (host_) fits &= writer.addKnown(http::Name::XForwardedHost, "X-Forwarded-Host", authority);
  if (!via_.empty()) fits &= writer.addKnown(http::Name::Via, "Via", via_);
  ASSERT(fits);
  entry.block = writer.block();
  entry.id = entry.bytes + entry.fields[0].valueOffset;
}

}  // namespace oxbow::session
