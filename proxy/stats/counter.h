#pragma once

#include <atomic>
#include <cstdint>

namespace oxbow::stats {

// A count that only grows. One thread writes, any thread reads; a reader may see a value that is a
// moment old. Per-worker counters are summed when somebody asks. With one writer a plain load and
// store suffice: no locked instruction on the hot path.
class Counter {
 public:
  void add(uint64_t by = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

// A quantity that rises and falls. One writer, any reader, as above.
class Gauge {
 public:
  void set(int64_t value) { value_.store(value, std::memory_order_relaxed); }
  void add(int64_t by = 1) { set(value() + by); }
  void sub(int64_t by = 1) { set(value() - by); }
  int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> value_{0};
};

}  // namespace oxbow::stats
