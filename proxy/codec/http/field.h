#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

// Field lines of an HTTP message as slices of the bytes that they came in (RFC 9110, section 5).

namespace oxbow::http {

// Names that oxbow acts on. At most 63 of them: they share a 64-bit set and 6 bits of a Field.
enum class Name : uint8_t {
  Other,  // any name without a meaning here
  AcceptEncoding,
  Authorization,
  CacheControl,
  Connection,
  ContentLength,
  ContentType,
  Cookie,
  Date,
  Expect,
  Forwarded,
  Host,
  IdempotencyKey,
  KeepAlive,
  Origin,
  ProxyAuthenticate,
  ProxyAuthorization,
  ProxyConnection,
  Referer,
  Server,
  SetCookie,
  Te,
  Trailer,
  TransferEncoding,
  Upgrade,
  UserAgent,
  Via,
  WwwAuthenticate,
  XForwardedFor,
  XForwardedHost,
  XForwardedProto,
  XForwardedOther,  // any other name that begins with X-Forwarded-
  XRequestId,
  Count
};

constexpr uint64_t bitOf(Name name) { return uint64_t{1} << static_cast<unsigned>(name); }

// The Name of a field name, compared without case; Other when it is none of ours.
Name nameOf(std::string_view name);

// ASCII comparison without case.
bool equalsIgnoreCase(std::string_view a, std::string_view b);

// One field line. Offsets count from FieldBlock::base, so a head is at most 64 KiB - 1.
// A nameLength of 0 marks a line that is not forwarded.
struct Field {
  uint64_t nameOffset : 16;
  uint64_t valueOffset : 16;
  uint64_t valueLength : 16;
  uint64_t nameLength : 10;
  uint64_t nameId : 6;

  Name name() const { return static_cast<Name>(nameId); }
  bool dropped() const { return nameLength == 0; }
};
static_assert(sizeof(Field) == 8);

// The same line in a buffer where it stands `by` bytes further on. REQUIRES: both offsets stay
// below 2^16. Both are moved by one addition.
inline Field movedBy(Field field, size_t by) {
  uint64_t bits;
  std::memcpy(&bits, &field, sizeof bits);
  bits += static_cast<uint64_t>(by) * 0x10001;
  std::memcpy(&field, &bits, sizeof bits);
  return field;
}

constexpr size_t kMaxFieldName = 1023;   // bytes, from the 10 bits of nameLength
constexpr size_t kMaxHeadBytes = 65535;  // from the 16 bits of the offsets

// Field lines in wire form, one behind the other: line i reaches from its name to the next line's
// name, CRLF included. Owns nothing: base and fields live as long as the buffer they point into.
struct FieldBlock {
  const char* base = nullptr;
  Field* fields = nullptr;
  uint16_t count = 0;
  uint16_t end = 0;    // offset just behind the CRLF of the last line
  bool holes = false;  // some lines are dropped
  uint64_t seen = 0;   // bitOf(Name) of every line, dropped ones too

  bool has(Name name) const { return (seen & bitOf(name)) != 0; }
  bool hasAny(uint64_t names) const { return (seen & names) != 0; }

  std::string_view nameAt(const Field& field) const {
    return {base + field.nameOffset, field.nameLength};
  }
  std::string_view valueAt(const Field& field) const {
    return {base + field.valueOffset, field.valueLength};
  }

  Field* begin() const { return fields; }
  Field* end_() const { return fields + count; }

  // The first line of that name which is not dropped, or null.
  const Field* find(Name name) const;
  const Field* find(std::string_view name) const;
  // Its value; empty when there is none.
  std::string_view value(Name name) const;

  // Marks that line as not forwarded. REQUIRES: one of this block.
  void drop(Field& field) {
    field.nameLength = 0;
    holes = true;
  }
  // Marks every line of that name as not forwarded; returns how many.
  size_t drop(Name name);
  size_t drop(std::string_view name);
};

}  // namespace oxbow::http
