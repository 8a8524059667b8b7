#include "proxy/stats/recent_times.h"

namespace oxbow::stats {

namespace {
constexpr size_t kSlots = static_cast<size_t>(RecentTimes::kWindow / RecentTimes::kSlot) + 1;
}  // namespace

RecentTimes::RecentTimes(const Histogram& all, size_t expected) : all_(all) {
  slots_.reserve(kSlots + 1);
  grown_.reserve(expected);
}

bool RecentTimes::note(TimePoint now) {
  forget(now);
  const HistogramSnapshot seen = all_.snapshot();
  if (seen.count_ == noted_.count_) return !slots_.empty();
  Slot slot{now, seen.sum_ - noted_.sum_, 0};
  for (uint32_t i = 0; i < Buckets::kCount; ++i) {
    const uint64_t by = seen.buckets_[i] - noted_.buckets_[i];
    if (by == 0) continue;
    grown_.push_back({i, static_cast<uint32_t>(by)});
    ++slot.buckets;
  }
  slots_.push_back(slot);
  noted_ = seen;
  return true;
}

void RecentTimes::forget(TimePoint now) {
  size_t old = 0, buckets = 0;
  while (old < slots_.size() && slots_[old].end + kWindow <= now) buckets += slots_[old++].buckets;
  slots_.erase(slots_.begin(), slots_.begin() + static_cast<ptrdiff_t>(old));
  grown_.erase(grown_.begin(), grown_.begin() + static_cast<ptrdiff_t>(buckets));
}

void RecentTimes::add(HistogramSnapshot& to, const Slot& slot, const Grown* grown) const {
  for (uint32_t i = 0; i < slot.buckets; ++i) {
    to.buckets_[grown[i].bucket] += grown[i].by;
    to.count_ += grown[i].by;
  }
  to.sum_ += slot.sum;
}

void RecentTimes::addTo(HistogramSnapshot& snapshot, TimePoint now) const {
  const Grown* grown = grown_.data();
  for (const Slot& slot : slots_) {
    if (slot.end + kWindow > now) add(snapshot, slot, grown);
    grown += slot.buckets;
  }
  HistogramSnapshot since = all_.snapshot();  // the slot that has not ended
  since.subtract(noted_);
  snapshot.merge(since);
}

}  // namespace oxbow::stats
