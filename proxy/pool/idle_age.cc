#include "proxy/pool/idle_age.h"

#include <algorithm>

namespace oxbow::pool {

namespace {

// A close right behind a response says that the server counts exchanges, not idleness.
constexpr Duration kRightBehindResponse = std::chrono::milliseconds(20);

template <typename Get, typename Closes>
double spread(const Closes& closes, Get get) {
  auto low = get(closes[0]);
  auto high = low;
  for (const auto& close : closes) {
    low = std::min(low, get(close));
    high = std::max(high, get(close));
  }
  if (high.count() <= 0) return 0;
  return static_cast<double>((high - low).count()) / static_cast<double>(high.count());
}

}  // namespace

void IdleAge::serverClosed(Duration idle, Duration age, uint64_t exchanges, TimePoint now) {
  const std::lock_guard lock(mutex_);
  if (count_ > 0 && now - closes_[count_ - 1].at > kForgetAfter) {
    count_ = 0;
    learned_.store(0, std::memory_order_relaxed);
  }
  if (count_ == kCloses) {
    std::copy(closes_ + 1, closes_ + kCloses, closes_);
    --count_;
  }
  closes_[count_++] = {idle, age, exchanges, now, Duration(0)};
  longestSurvived_.store(closes_[count_ - 1].survivedSince.count(), std::memory_order_relaxed);
  forgetAt_.store((now + kForgetAfter).time_since_epoch().count(), std::memory_order_relaxed);
  if (count_ < kCloses || !agreeOnIdleness() || explainedOtherwise()) return;
  Duration shortest = closes_[0].idle;
  for (const Close& close : closes_) shortest = std::min(shortest, close.idle);
  learned_.store(shortest.count(), std::memory_order_relaxed);
}

bool IdleAge::agreeOnIdleness() const {
  return spread(closes_, [](const Close& c) { return c.idle; }) <= 0.10;
}

bool IdleAge::explainedOtherwise() const {
  const Close& oldest = closes_[0];
  for (const Close& close : closes_)
    if (oldest.survivedSince > close.idle) return true;
  for (const Close& close : closes_)
    if (close.exchanges > 0 && close.idle < kRightBehindResponse) return true;
  // Both ages agree when the connections were used alike; the one with less scatter is the cause.
  // A connection that was idle for most of its life cannot tell the two apart, nor need it.
  const bool mostlyIdle = std::all_of(closes_, closes_ + kCloses, [](const Close& c) {
    return c.age.count() * 9 <= c.idle.count() * 10;
  });
  if (mostlyIdle) return false;
  const double byAge = spread(closes_, [](const Close& c) { return c.age; });
  const double byIdleness = spread(closes_, [](const Close& c) { return c.idle; });
  return byAge <= 0.10 && byAge < byIdleness;
}

void IdleAge::noteSurvived(Duration idle) {
  const std::lock_guard lock(mutex_);
  for (int i = 0; i < count_; ++i)
    closes_[i].survivedSince = std::max(closes_[i].survivedSince, idle);
  if (count_ > 0)
    longestSurvived_.store(closes_[count_ - 1].survivedSince.count(), std::memory_order_relaxed);
}

std::optional<Duration> IdleAge::learned(TimePoint now) const {
  const int64_t age = learned_.load(std::memory_order_relaxed);
  if (age == 0) return std::nullopt;
  if (now.time_since_epoch().count() >= forgetAt_.load(std::memory_order_relaxed))
    return std::nullopt;
  return Duration(age);
}

Duration IdleAge::retireAfter(TimePoint now) const {
  const std::optional<Duration> age = learned(now);
  if (!age) return Duration::max();
  return Duration(static_cast<int64_t>(static_cast<double>(age->count()) * kRetireAt));
}

}  // namespace oxbow::pool
