#include "proxy/pool/backoff.h"

#include <algorithm>

namespace oxbow::pool {

void Backoff::failed(TimePoint begun, TimePoint now, Random& random) {
  if (failures_ > 0 && begun <= lastFailure_) return;
  lastFailure_ = now;
  const uint32_t doublings = std::min(failures_, 10U);
  const Duration window = std::min(kCap, kBase * (int64_t{1} << doublings));
  ++failures_;
  const uint64_t jitter = random.below(static_cast<uint64_t>(window.count()) + 1);
  until_ = now + Duration(static_cast<int64_t>(jitter));
}

}  // namespace oxbow::pool
