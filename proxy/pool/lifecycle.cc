#include "proxy/pool/lifecycle.h"

namespace oxbow::pool {

std::string_view textOf(Lifecycle kind) {
  constexpr std::string_view kTexts[] = {"created", "acquired", "released",
                                         "retired", "moved",    "refused"};
  static_assert(sizeof(kTexts) / sizeof(kTexts[0]) == static_cast<size_t>(Lifecycle::Count));
  return kTexts[static_cast<size_t>(kind)];
}

std::string_view textOf(Refusal reason) {
  constexpr std::string_view kTexts[] = {"full", "late", "no_endpoint"};
  static_assert(sizeof(kTexts) / sizeof(kTexts[0]) == static_cast<size_t>(Refusal::Count));
  return kTexts[static_cast<size_t>(reason)];
}

uint32_t LifecyclePlaces::numberOf(const std::string& upstream, const std::string& endpoint) {
  const std::lock_guard lock(mutex_);
  const std::pair key(upstream, endpoint);
  if (const auto known = numbers_.find(key); known != numbers_.end()) return known->second;
  if (places_.size() >= kMost) return 0;
  const auto number = static_cast<uint32_t>(places_.size());
  places_.push_back({upstream, endpoint});
  numbers_.emplace(key, number);
  return number;
}

LifecyclePlaces::Place LifecyclePlaces::at(uint32_t number) const {
  const std::lock_guard lock(mutex_);
  return places_.at(number);
}

LifecycleRing& LifecycleRing::none() {
  static LifecycleRing ring;
  return ring;
}

void LifecycleRing::tell(const LifecycleEvent& event) {
  // Again, and now so that the slots are seen.
  if (!on_.load(std::memory_order_acquire)) return;
  const uint64_t told = told_.load(std::memory_order_relaxed);
  if (told - taken_.load(std::memory_order_acquire) == kSize) return dropped_.add();
  slots_[told % kSize] = event;
  told_.store(told + 1, std::memory_order_release);
}

void LifecycleRing::start() {
  if (slots_ == nullptr) slots_ = std::make_unique<LifecycleEvent[]>(kSize);
  // What was left from before is of no interest to who begins now.
  taken_.store(told_.load(std::memory_order_acquire), std::memory_order_release);
  on_.store(true, std::memory_order_release);
}

void LifecycleRing::take(std::vector<LifecycleEvent>& to) {
  const uint64_t told = told_.load(std::memory_order_acquire);
  uint64_t taken = taken_.load(std::memory_order_relaxed);
  for (; taken != told; ++taken) to.push_back(slots_[taken % kSize]);
  taken_.store(taken, std::memory_order_release);
}

}  // namespace oxbow::pool
