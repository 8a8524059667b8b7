#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace oxbow::server {

// Of objects with ids those few with the lowest ones behind a given id.
template <typename T>
class LowestIds {
 public:
  LowestIds(uint64_t after, size_t most) : after_(after), most_(most) {}

  // False: of no use, nor is any with a greater id.
  bool offer(uint64_t id, const T& object) {
    if (id <= after_) return true;
    if (found_.size() == most_) {
      if (id > found_.front().first) return false;
      std::pop_heap(found_.begin(), found_.end(), isLess);
      found_.pop_back();
    }
    found_.emplace_back(id, object);
    std::push_heap(found_.begin(), found_.end(), isLess);
    return true;
  }

  // In no order.
  const std::vector<std::pair<uint64_t, T>>& found() const { return found_; }

 private:
  static bool isLess(const std::pair<uint64_t, T>& a, const std::pair<uint64_t, T>& b) {
    return a.first < b.first;
  }

  const uint64_t after_;
  const size_t most_;
  std::vector<std::pair<uint64_t, T>> found_;  // a heap, the greatest in front
};

}  // namespace oxbow::server
