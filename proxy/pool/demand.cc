#include "proxy/pool/demand.h"

#include <algorithm>

namespace oxbow::pool {

void Demand::turnTo(TimePoint now) {
  const auto passed = (now - sliceEnd_) / kSlice + 1;
  const size_t turns = std::min<size_t>(static_cast<size_t>(passed), kSlices);
  for (size_t i = 0; i < turns; ++i) {
    current_ = (current_ + 1) % kSlices;
    slices_[current_] = active_;
  }
  sliceEnd_ += kSlice * passed;
}

uint32_t Demand::peak(TimePoint now) {
  if (now >= sliceEnd_) turnTo(now);
  return *std::max_element(slices_.begin(), slices_.end());
}

}  // namespace oxbow::pool
