#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/base/clock.h"
#include "proxy/stats/counter.h"

// What becomes of upstream connections, for whoever wants to watch. While nobody does, a pool looks
// at one flag for each step of a connection.

namespace oxbow::pool {

// A step of a connection's life, or an exchange that got none.
enum class Lifecycle : uint8_t {
  Created,   // it is open
  Acquired,  // lent to an exchange
  Released,  // given back, to be used again
  Retired,   // closed, or it could not be opened
  Moved,     // it has come from another worker
  Refused,   // an exchange got none
  Count
};
std::string_view textOf(Lifecycle kind);

// Why an exchange got no connection.
enum class Refusal : uint8_t { Full, Late, NoEndpoint, Count };
std::string_view textOf(Refusal reason);

struct LifecycleEvent {
  uint64_t conn = 0;  // its id; 0: there is none
  TimePoint time{};
  uint32_t place = 0;  // where, as LifecyclePlaces has it
  Lifecycle kind = Lifecycle::Created;
  uint8_t reason = 0;  // of Retired a CloseReason, of Refused a Refusal
};

// The names of upstreams and endpoints as small numbers, the same ones for the same names.
// Thread-safe; nothing for the path of a request.
class LifecyclePlaces {
 public:
  struct Place {
    std::string upstream;
    std::string endpoint;  // empty: the upstream as a whole
  };
  // So many are told apart; others are all 0, which has no names.
  static constexpr size_t kMost = 1 << 16;

  uint32_t numberOf(const std::string& upstream, const std::string& endpoint);
  Place at(uint32_t number) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, uint32_t> numbers_;
  std::vector<Place> places_{Place()};
};

// The events of one worker on their way to who watches. What comes while the ring is full is lost,
// and counted.
class LifecycleRing {
 public:
  static constexpr size_t kSize = 4096;

  // One that never tells anything.
  static LifecycleRing& none();

  // On the worker's thread.
  bool on() const { return on_.load(std::memory_order_relaxed); }
  [[gnu::cold]] void tell(const LifecycleEvent& event);

  // On the thread of who watches. start() allocates, once.
  void start();
  void stop() { on_.store(false, std::memory_order_relaxed); }
  // Appends what has come.
  void take(std::vector<LifecycleEvent>& to);
  uint64_t dropped() const { return dropped_.value(); }

 private:
  std::atomic<bool> on_{false};
  std::unique_ptr<LifecycleEvent[]> slots_;  // once on_ was set it stays
  std::atomic<uint64_t> taken_{0};
  std::atomic<uint64_t> told_{0};
  stats::Counter dropped_;
};

}  // namespace oxbow::pool
