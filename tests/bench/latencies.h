#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace oxbow::bench {

inline long long percentile(const std::vector<int64_t>& sorted, size_t percent) {
  return sorted.empty() ? 0 : sorted[(sorted.size() - 1) * percent / 100];
}

}  // namespace oxbow::bench
