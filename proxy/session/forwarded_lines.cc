#include "proxy/session/forwarded_lines.h"

#include <cstdint>
#include <cstring>

#include "proxy/base/assert.h"

namespace oxbow::session {

namespace {

// Eight digits of lower-case hexadecimal, all at once: a nibble to each byte, then 'a' - '9' - 1 more
// for those above 9.
void writeEightHex(char* out, uint32_t value) {
  uint64_t v = value;
  v = (v | v << 16) & 0x0000ffff0000ffff;
  v = (v | v << 8) & 0x00ff00ff00ff00ff;
  v = (v | v << 4) & 0x0f0f0f0f0f0f0f0f;
  const uint64_t above9 = (v + 0x0606060606060606) >> 4 & 0x0101010101010101;
  v += 0x3030303030303030 + above9 * ('a' - '9' - 1);
  std::memcpy(out, &v, sizeof v);
}

bool same(std::string_view text, const char* kept, size_t size) {
  return text.size() == size && std::memcmp(text.data(), kept, size) == 0;
}

}  // namespace

void writeRequestId(char* out, Random& random) {
  for (int half = 0; half < 2; ++half) {
    const uint64_t bits = random.next();
    writeEightHex(out + 16 * half, static_cast<uint32_t>(bits));
    writeEightHex(out + 16 * half + 8, static_cast<uint32_t>(bits >> 32));
  }
}

ForwardedLines::ForwardedLines(const config::Listener& listener)
    : for_(*listener.xForwardedFor),
      proto_(*listener.xForwardedProto),
      host_(*listener.xForwardedHost),
      via_(listener.via->empty() ? std::string() : "1.1 " + *listener.via),
      entries_(std::make_unique<std::array<Entry, kEntries>>()) {}

const http::FieldBlock& ForwardedLines::of(std::string_view clientIp, std::string_view authority,
                                           Random& random) {
  // The last digits differ most between clients.
  const size_t size = clientIp.size();
  const auto last = static_cast<unsigned char>(clientIp[size - 1]);
  const auto before = static_cast<unsigned char>(clientIp[size > 1 ? size - 2 : 0]);
  Entry& entry = (*entries_)[(last * 7U + before + authority.size()) % kEntries];
  if (!same(clientIp, entry.client, entry.clientSize) ||
      !same(authority, entry.authority, entry.authoritySize))
    make(entry, clientIp, authority);
  writeRequestId(entry.id, random);
  return entry.block;
}

void ForwardedLines::make(Entry& entry, std::string_view clientIp,
                          std::string_view authority) const {
  ASSERT(clientIp.size() < sizeof entry.client && authority.size() <= kMaxAuthority);
  std::memcpy(entry.client, clientIp.data(), clientIp.size());
  std::memcpy(entry.authority, authority.data(), authority.size());
  entry.clientSize = clientIp.size();
  entry.authoritySize = authority.size();
  http::FieldWriter writer(entry.bytes, sizeof entry.bytes, entry.fields, kLines);
  const std::string id(kRequestIdSize, '0');
  bool fits = writer.addKnown(http::Name::XRequestId, "X-Request-ID", id);
  if (for_) fits &= writer.addKnown(http::Name::XForwardedFor, "X-Forwarded-For", clientIp);
  if (proto_) fits &= writer.addKnown(http::Name::XForwardedProto, "X-Forwarded-Proto", "http");
  if (host_) fits &= writer.addKnown(http::Name::XForwardedHost, "X-Forwarded-Host", authority);
  if (!via_.empty()) fits &= writer.addKnown(http::Name::Via, "Via", via_);
  ASSERT(fits);
  entry.block = writer.block();
  entry.id = entry.bytes + entry.fields[0].valueOffset;
}

}  // namespace oxbow::session
