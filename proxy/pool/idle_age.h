#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>

#include "proxy/base/clock.h"

namespace oxbow::pool {

// Learns after how much idleness a server closes a connection, from the closes themselves: three
// whose idle ages agree within 10 % and which neither the connections' whole age nor their number
// of exchanges explains better. What was learned is forgotten when 10 minutes pass without a close.
// Shared by the workers of an endpoint; thread-safe.
class IdleAge {
 public:
  static constexpr Duration kForgetAfter = std::chrono::minutes(10);
  static constexpr double kRetireAt = 0.8;

  // The server ended a connection that had been idle for `idle`, lived for `age` and carried
  // `exchanges`.
  void serverClosed(Duration idle, Duration age, uint64_t exchanges, TimePoint now);

  // A connection carried an exchange after it had been idle for `idle`: a server that closes
  // earlier than that does not close by idleness.
  void survived(Duration idle) {
    if (idle.count() > longestSurvived_.load(std::memory_order_relaxed)) noteSurvived(idle);
  }

  // The learned age at which the server closes.
  std::optional<Duration> learned(TimePoint now) const;
  // The idleness after which a connection should be retired; Duration::max() when nothing is known.
  Duration retireAfter(TimePoint now) const;

 private:
  struct Close {
    Duration idle{};
    Duration age{};
    uint64_t exchanges = 0;
    TimePoint at{};
    Duration survivedSince{};  // the longest idleness outlived since this close
  };
  static constexpr int kCloses = 3;

  void noteSurvived(Duration idle);
  bool agreeOnIdleness() const;
  bool explainedOtherwise() const;

  mutable std::mutex mutex_;
  Close closes_[kCloses];
  int count_ = 0;
  // Below this survived() has nothing to add: no close is remembered, or one outlived more.
  std::atomic<int64_t> longestSurvived_{INT64_MAX};
  std::atomic<int64_t> learned_{0};   // ns, 0: nothing
  std::atomic<int64_t> forgetAt_{0};  // ns of the steady clock
};

}  // namespace oxbow::pool
