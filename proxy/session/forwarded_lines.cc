#include "proxy/session/forwarded_lines.h"

#include <cstring>

#include "proxy/base/assert.h"

namespace oxbow::session {

ForwardedLines::ForwardedLines(const config::Listener& listener)
    : for_(*listener.xForwardedFor),
      proto_(*listener.xForwardedProto),
      via_(listener.via->empty() ? std::string() : "1.1 " + *listener.via),
      entries_(std::make_unique<std::array<Entry, kEntries>>()) {}

const http::FieldBlock& ForwardedLines::of(std::string_view clientIp) {
  // The last digits differ most between clients.
  const size_t size = clientIp.size();
  const auto last = static_cast<unsigned char>(clientIp[size - 1]);
  const auto before = static_cast<unsigned char>(clientIp[size > 1 ? size - 2 : 0]);
  Entry& entry = (*entries_)[(last * 7U + before) % kEntries];
  if (entry.clientSize != size || std::memcmp(entry.client, clientIp.data(), size) != 0)
    make(entry, clientIp);
  return entry.block;
}

void ForwardedLines::make(Entry& entry, std::string_view clientIp) const {
  ASSERT(clientIp.size() < sizeof entry.client);
  std::memcpy(entry.client, clientIp.data(), clientIp.size());
  entry.clientSize = clientIp.size();
  http::FieldWriter writer(entry.bytes, sizeof entry.bytes, entry.fields, 3);
  bool fits = true;
  if (for_) fits &= writer.addKnown(http::Name::XForwardedFor, "X-Forwarded-For", clientIp);
  if (proto_) fits &= writer.addKnown(http::Name::XForwardedProto, "X-Forwarded-Proto", "http");
  if (!via_.empty()) fits &= writer.addKnown(http::Name::Via, "Via", via_);
  ASSERT(fits);
  entry.block = writer.block();
}

}  // namespace oxbow::session
