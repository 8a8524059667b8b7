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
  char integers[offsetof(AccessRecord, client)];  // the record's members before its strings
  uint16_t lengths[kCuts.size()];                 // of the strings, in the order of kCuts
  uint32_t size;                                  // of all, a multiple of 8
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

constexpr size_t kHeader = 112;
constexpr size_t kMaxRecord =
    align(kHeader + std::accumulate(AccessRing::kCuts.begin(), AccessRing::kCuts.end(), size_t{0}));

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
  const auto put =
      [&out, packed ](size_t index, std::string_view text) __attribute__((always_inline)) {
    const size_t n = std::min<size_t>(text.size(), kCuts[index]);
    packed->lengths[index] = static_cast<uint16_t>(n);
    copyShort(out, text.data(), n);
    out += n;
  };
  put(0, record.client);
  put(1, record.method);
  put(2, record.target);
  put(3, record.host);
  put(4, record.protocol);
  put(5, record.upstream);
  put(6, record.endpoint);
  put(7, record.requestId);
  put(8, record.userAgent);
  put(9, record.referer);
  const size_t size = align(static_cast<size_t>(out - begin));
  packed->size = static_cast<uint32_t>(size);
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

uint32_t AccessRing::sizeAt(const char* at) {
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
  return record;
}

}  // namespace oxbow::log
