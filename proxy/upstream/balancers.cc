#include "proxy/upstream/balancers.h"

#include <algorithm>

namespace oxbow::upstream {

using pool::ConnPool;

RoundRobin::RoundRobin(std::vector<uint32_t> weights) {
  for (const uint32_t weight : weights) shares_.push_back({weight, 0});
}

void RoundRobin::setWeights(std::vector<uint32_t> weights, const std::vector<uint32_t>& former) {
  const std::vector<Share> before = std::exchange(shares_, {});
  int64_t sum = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    const bool isKnown = former[i] < before.size();
    shares_.push_back({weights[i], isKnown ? before[former[i]].current : 0});
    sum += weights[i];
  }
  // Where weights have become small, what a large one is behind would not be made up for in hours.
  for (Share& share : shares_) share.current = std::clamp(share.current, -sum, sum);
}

ConnPool* RoundRobin::pick(const std::vector<ConnPool*>& pools, const Usable& usable) {
  if (pools.size() == 1) return usable(*pools[0]) ? pools[0] : nullptr;
  ConnPool* best = nullptr;
  int64_t sum = 0;
  for (ConnPool* pool : pools) {
    if (!usable(*pool)) continue;
    Share& share = shares_[pool->index()];
    share.current += share.weight;
    sum += share.weight;
    if (best == nullptr || share.current > shares_[best->index()].current) best = pool;
  }
  if (best != nullptr) shares_[best->index()].current -= sum;
  return best;
}

ConnPool* LeastConn::pick(const std::vector<ConnPool*>& pools, const Usable& usable) {
  ConnPool* best = nullptr;
  ++turn_;
  for (size_t i = 0; i < pools.size(); ++i) {
    ConnPool* pool = pools[(turn_ + i) % pools.size()];
    if (!usable(*pool)) continue;
    // a / weight < b / weight, without the division; 32 bits by 32 fit
    const auto load = [](const ConnPool& p) { return p.load(); };
    if (best == nullptr ||
        load(*pool) * weights_[best->index()] < load(*best) * weights_[pool->index()])
      best = pool;
  }
  return best;
}

}  // namespace oxbow::upstream
