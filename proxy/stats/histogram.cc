#include "proxy/stats/histogram.h"

#include <algorithm>
#include <cmath>

#include "proxy/base/assert.h"

namespace oxbow::stats {

void HistogramSnapshot::merge(const HistogramSnapshot& other) {
  for (size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  sum_ += other.sum_;
}

void HistogramSnapshot::subtract(const HistogramSnapshot& earlier) {
  for (size_t i = 0; i < buckets_.size(); ++i) buckets_[i] -= earlier.buckets_[i];
  count_ -= earlier.count_;
  sum_ -= earlier.sum_;
}

uint64_t HistogramSnapshot::percentile(double fraction) const {
  if (count_ == 0) return 0;
  const double rank = std::ceil(std::clamp(fraction, 0.0, 1.0) * static_cast<double>(count_));
  const uint64_t wanted = std::clamp<uint64_t>(static_cast<uint64_t>(rank), 1, count_);
  uint64_t seen = 0;
  size_t index = 0;
  while ((seen += buckets_[index]) < wanted) ++index;
  return Buckets::upperBound(index);
}

uint64_t HistogramSnapshot::countAtMost(uint64_t micros) const {
  const size_t index = Buckets::indexOf(micros);
  ASSERT(Buckets::upperBound(index) == micros);
  uint64_t seen = 0;
  for (size_t i = 0; i <= index; ++i) seen += buckets_[i];
  return seen;
}

void Histogram::addTo(HistogramSnapshot& snapshot) const {
  for (size_t i = 0; i < buckets_.size(); ++i) {
    const uint64_t seen = buckets_[i].load(std::memory_order_relaxed);
    snapshot.buckets_[i] += seen;
    snapshot.count_ += seen;
  }
  snapshot.sum_ += sum_.load(std::memory_order_relaxed);
}

}  // namespace oxbow::stats
