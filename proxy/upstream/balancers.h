#pragma once

#include <cstdint>
#include <vector>

#include "proxy/pool/wait_queue.h"

namespace oxbow::upstream {

// Smooth weighted round robin: of the usable endpoints each gets its share, spread as evenly as the
// weights allow. Not thread-safe.
class RoundRobin final : public pool::Balancer {
 public:
  // `weights[i]` belongs to the pool with index i; at least 1 each.
  explicit RoundRobin(std::vector<uint32_t> weights);
  pool::ConnPool* pick(const std::vector<pool::ConnPool*>& pools, const Usable& usable) override;

 private:
  struct Share {
    int64_t weight = 1;
    int64_t current = 0;
  };
  std::vector<Share> shares_;
};

// The fewest active connections for their weight; equals take turns. Not thread-safe.
class LeastConn final : public pool::Balancer {
 public:
  explicit LeastConn(std::vector<uint32_t> weights) : weights_(std::move(weights)) {}
  pool::ConnPool* pick(const std::vector<pool::ConnPool*>& pools, const Usable& usable) override;

 private:
  std::vector<uint32_t> weights_;
  size_t turn_ = 0;
};

}  // namespace oxbow::upstream
