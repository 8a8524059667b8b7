#include "proxy/log/access_ring.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <new>
#include <numeric>
#include <string_view>
#include <type_traits>
#include <utility>

#include "proxy/base/assert.h"

namespace oxbow::log {

// What lies in the ring in front of a record's strings.
struct AccessRing::Packed {
  // The record's members before its strings.
  char integers[offsetof(AccessRecord, tlsResumed) + sizeof(AccessRecord::tlsResumed)];
  uint16_t lengths[kCuts.size()];  // of the strings, in the order of kCuts
  uint16_t size;                   // of all, a multiple of 8
};

namespace {

constexpr size_t align(size_t size) { return (size + 7) & ~size_t{7}; }

// A call of memcpy for each of ten short strings would cost more than all the rest.
[[gnu::always_inline]] inline void copyShort(char* to, const char* from, size_t n) {
  const auto move = [to, from]<typename Word>(Word, size_t at) {
    Word word;
    std::memcpy(&word, from + at, sizeof word);
    std::memcpy(to + at, &word, sizeof word);
  };
  if (n > 32) {
    std::memcpy(to, from, n);
  } else if (n >= 8) {
    if (n > 16) {
      move(uint64_t{}, 8);
      move(uint64_t{}, n - 16);
    }
    move(uint64_t{}, 0);
    move(uint64_t{}, n - 8);
  } else if (n >= 4) {
    move(uint32_t{}, 0);
    move(uint32_t{}, n - 4);
  } else if (n > 0) {
    to[0] = from[0];
    to[n / 2] = from[n / 2];
    to[n - 1] = from[n - 1];
  }
}

// One string of a record, cut; returns its end.
[[gnu::always_inline]] inline char* put(char* out, std::string_view text, size_t cut,
                                        uint16_t& length) {
  const size_t n = std::min(text.size(), cut);
  length = static_cast<uint16_t>(n);
  copyShort(out, text.data(), n);
  return out + n;
}

// Behind the strings of a client that speaks TLS stand those that tell of it: first their lengths,
// in the order of kTlsCuts. A plain client's record has none of it.
using TlsLengths = std::array<uint16_t, AccessRing::kTlsCuts.size()>;

// Not inlined: what push() does of it for a plain client is one branch.
[[gnu::noinline]] char* packTls(char* out, const AccessRecord& record) {
  const std::string_view strings[] = {record.tlsVersion,    record.tlsCipher,
                                      record.tlsServerName, record.clientVerify,
                                      record.clientSubject, record.clientFingerprint};
  char* const at = out;
  TlsLengths lengths;
  out += sizeof lengths;
  for (size_t i = 0; i < lengths.size(); ++i)
    out = put(out, strings[i], AccessRing::kTlsCuts[i], lengths[i]);
  std::memcpy(at, lengths.data(), sizeof lengths);
  return out;
}

void unpackTls(const char* from, AccessRecord& record) {
  std::string_view* const strings[] = {&record.tlsVersion,    &record.tlsCipher,
                                       &record.tlsServerName, &record.clientVerify,
                                       &record.clientSubject, &record.clientFingerprint};
  TlsLengths lengths;
  std::memcpy(lengths.data(), from, sizeof lengths);
  from += sizeof lengths;
  for (size_t i = 0; i < lengths.size(); ++i) {
    *strings[i] = std::string_view(from, lengths[i]);
    from += lengths[i];
  }
}

constexpr size_t sumOf(auto cuts) { return std::accumulate(cuts.begin(), cuts.end(), size_t{0}); }

constexpr size_t kHeader = 116;
constexpr size_t kMaxRecord =
    align(kHeader + sumOf(AccessRing::kCuts) + sizeof(TlsLengths) + sumOf(AccessRing::kTlsCuts));
static_assert(kMaxRecord <= UINT16_MAX);

}  // namespace

AccessRing::AccessRing(size_t capacity)
    : capacity_(capacity), buffer_(new char[capacity + kMaxRecord]) {
  static_assert(sizeof(Packed) == kHeader);
  static_assert(std::is_standard_layout_v<AccessRecord> &&
                std::is_trivially_copyable_v<AccessRecord>);
  ASSERT(capacity >= 16 << 10 && (capacity & (capacity - 1)) == 0);
}

AccessRing::Push AccessRing::push(const AccessRecord& record) {
  const uint64_t at = head_.load(std::memory_order_relaxed);
  if (at >= checkAt_ && !hasRoom(at)) {
    dropped_.store(dropped() + 1, std::memory_order_relaxed);
    return Push::Dropped;
  }
  char* const begin = buffer_.get() + (at & (capacity_ - 1));
  char* out = begin + kHeader;
  auto* packed = new (begin) Packed;
  std::memcpy(packed->integers, &record, sizeof packed->integers);
  const auto add =
      [&out, packed ](size_t index, std::string_view text) __attribute__((always_inline)) {
    out = put(out, text, kCuts[index], packed->lengths[index]);
  };
  add(0, record.client);
  add(1, record.method);
  add(2, record.target);
  add(3, record.host);
  add(4, record.protocol);
  add(5, record.upstream);
  add(6, record.endpoint);
  add(7, record.requestId);
  add(8, record.userAgent);
  add(9, record.referer);
  if (record.tls) out = packTls(out, record);
  const size_t size = align(static_cast<size_t>(out - begin));
  packed->size = static_cast<uint16_t>(size);
  // Sequentially consistent, for the sake of Parking: the worker looks behind this whether the
  // reader sleeps, the reader looks before it sleeps whether there is something.
  head_.store(at + size);
  return std::exchange(pressing_, false) ? Push::Pressing : Push::Done;
}

// Seldom: when an eighth of the ring was written since the last look, or always when it is full.
bool AccessRing::hasRoom(uint64_t at) {
  const uint64_t tail = tail_.load(std::memory_order_acquire);
  const uint64_t full = tail + capacity_ - kMaxRecord;
  pressing_ = at - tail >= capacity_ / 2;
  const uint64_t next = pressing_ ? at + capacity_ / 8 : tail + capacity_ / 2;
  checkAt_ = std::min(next, full);
  return at <= full;
}

size_t AccessRing::sizeAt(const char* at) {
  return std::launder(reinterpret_cast<const Packed*>(at))->size;
}

AccessRecord AccessRing::unpack(const char* at) {
  const Packed& packed = *std::launder(reinterpret_cast<const Packed*>(at));
  AccessRecord record;
  std::memcpy(static_cast<void*>(&record), packed.integers, sizeof packed.integers);
  std::string_view* const strings[kCuts.size()] = {
      &record.client,   &record.method,   &record.target,    &record.host,      &record.protocol,
      &record.upstream, &record.endpoint, &record.requestId, &record.userAgent, &record.referer};
  const char* from = at + kHeader;
  for (size_t i = 0; i < kCuts.size(); ++i) {
    *strings[i] = std::string_view(from, packed.lengths[i]);
    from += packed.lengths[i];
  }
  if (record.tls) unpackTls(from, record);
  return record;
}

}  // namespace oxbow::log
