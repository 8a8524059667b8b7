#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "proxy/pool/wait_queue.h"

namespace oxbow::upstream {

// Balancers know the pools by their index. Weights may be up to 65535 * 1000 (those of SRV records,
// shared out among addresses).
class WeightedBalancer : public pool::Balancer {
 public:
  // Other pools from now on: `weights` by index, and at which index each was before;
  // pool::ConnPool::kNoIndex: it is new. Whose turn it was goes on: where names change all the
  // time, the first in the list would be chosen all the time.
  virtual void setWeights(std::vector<uint32_t> weights, const std::vector<uint32_t>& former) = 0;
};

// Smooth weighted round robin: of the usable endpoints each gets its share, spread as evenly as the
// weights allow. Not thread-safe.
class RoundRobin final : public WeightedBalancer {
 public:
  // `weights[i]` belongs to the pool with index i; at least 1 each.
  explicit RoundRobin(std::vector<uint32_t> weights = {});
  void setWeights(std::vector<uint32_t> weights, const std::vector<uint32_t>& former) override;
  pool::ConnPool* pick(const std::vector<pool::ConnPool*>& pools, const Usable& usable) override;

 private:
  struct Share {
    int64_t weight = 1;
    int64_t current = 0;
  };
  std::vector<Share> shares_;
};

// The fewest active connections for their weight; equals take turns. Not thread-safe.
class LeastConn final : public WeightedBalancer {
 public:
  explicit LeastConn(std::vector<uint32_t> weights = {}) : weights_(std::move(weights)) {}
  void setWeights(std::vector<uint32_t> weights, const std::vector<uint32_t>&) override {
    weights_ = std::move(weights);
  }
  pool::ConnPool* pick(const std::vector<pool::ConnPool*>& pools, const Usable& usable) override;

 private:
  std::vector<uint32_t> weights_;
  size_t turn_ = 0;
};

}  // namespace oxbow::upstream
