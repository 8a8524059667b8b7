#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "proxy/log/access_record.h"

namespace oxbow::log {

// A bounded queue of access records from one worker to the log's writer thread, as bytes: integers
// and strings behind each other, nothing formatted. Neither side ever waits for the other.
class AccessRing {
 public:
  // REQUIRES: a power of two, at least 16 KiB
  explicit AccessRing(size_t capacity);

  enum class Push : uint8_t {
    Done,
    Pressing,  // done, and half of the ring is full: the reader should hurry
    Dropped,   // no room; counted
  };

  // Worker. Cuts the strings, copies, publishes. No system call, no allocation, no lock.
  Push push(const AccessRecord& record);

  // Writer thread. Calls take(const AccessRecord&) with what is there; the views of the record live
  // for that call. Returns how many there were.
  template <typename Take>
  size_t drain(Take take);

  // Any thread.
  bool empty() const { return head_.load() == tail_.load(std::memory_order_relaxed); }
  uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

  // At most this many bytes of each string are kept.
  static constexpr std::array<uint16_t, 10> kCuts = {45,  64,  2048, 255, 16,
                                                     255, 128, 128,  256, 256};
  static constexpr std::array<uint16_t, 6> kTlsCuts = {16, 64, 255, 128, 256, 64};

 private:
  struct Packed;

  bool hasRoom(uint64_t at);
  static AccessRecord unpack(const char* at);
  static size_t sizeAt(const char* at);

  const uint64_t capacity_;
  // Longer than capacity_ by the longest record: a record that begins near the end runs over it,
  // instead of being split.
  const std::unique_ptr<char[]> buffer_;

  // Positions only grow. head_ is written by the worker, tail_ by the writer thread.
  alignas(64) std::atomic<uint64_t> head_{0};
  uint64_t checkAt_ = 0;   // worker's: below this position there is room and no hurry
  bool pressing_ = false;  // worker's
  std::atomic<uint64_t> dropped_{0};
  alignas(64) std::atomic<uint64_t> tail_{0};
};

template <typename Take>
size_t AccessRing::drain(Take take) {
  const uint64_t head = head_.load(std::memory_order_acquire);
  uint64_t tail = tail_.load(std::memory_order_relaxed);
  size_t count = 0;
  for (; tail != head; ++count) {
    const char* at = buffer_.get() + (tail & (capacity_ - 1));
    tail += sizeAt(at);
    take(unpack(at));
    tail_.store(tail, std::memory_order_release);
  }
  return count;
}

}  // namespace oxbow::log
