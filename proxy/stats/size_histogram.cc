#include "proxy/stats/size_histogram.h"

#include <numeric>

namespace oxbow::stats {

uint64_t SizeSnapshot::count() const {
  return std::accumulate(buckets.begin(), buckets.end(), uint64_t{0});
}

void SizeSnapshot::merge(const SizeSnapshot& other) {
  for (size_t i = 0; i < buckets.size(); ++i) buckets[i] += other.buckets[i];
  sum += other.sum;
}

uint64_t SizeSnapshot::countAtMost(int power) const {
  return std::accumulate(buckets.begin(), buckets.begin() + power + 1, uint64_t{0});
}

SizeSnapshot SizeHistogram::snapshot() const {
  SizeSnapshot snapshot;
  for (size_t i = 0; i < buckets_.size(); ++i) snapshot.buckets[i] = buckets_[i].value();
  snapshot.sum = sum_.value();
  return snapshot;
}

}  // namespace oxbow::stats
