#pragma once

#include <cstring>
#include <string_view>

namespace oxbow::http1 {

// Joins the data of small neighbouring chunks by moving it together inside the buffer that it was
// read into, so that a million chunks of one byte do not become a million writes. Large slices stay
// where they are.
class ChunkBatch {
 public:
  // Takes `data`, a slice of a buffer that may be written to, behind what was taken before. Returns
  // what must be delivered before it: nothing, or the joined bytes so far.
  std::string_view add(std::string_view data) {
    if (size_ > 0 && data.size() <= kSmall) {
      char* end = begin_ + size_;
      if (end != data.data()) std::memmove(end, data.data(), data.size());
      size_ += data.size();
      return {};
    }
    const std::string_view before = take();
    begin_ = const_cast<char*>(data.data());
    size_ = data.size();
    return before;
  }

  // What is left to deliver.
  std::string_view take() {
    const std::string_view all(begin_, size_);
    size_ = 0;
    return all;
  }

 private:
  static constexpr size_t kSmall = 4096;
  char* begin_ = nullptr;
  size_t size_ = 0;
};

}  // namespace oxbow::http1
