#pragma once

#include <openssl/ssl3.h>
#include <sys/uio.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string_view>

#include "proxy/base/assert.h"

namespace oxbow::tls {

// The plain bytes of one writev(), a record's worth at a time.
class PlainParts {
 public:
  static constexpr size_t kRecord = SSL3_RT_MAX_PLAIN_LENGTH;  // of the largest record

  // The parts outlive this.
  PlainParts(const iovec* parts, int count) : next_(parts), end_(parts + count) {
    for (const iovec* part = next_; part != end_; ++part) left_ += part->iov_len;
    if (next_ != end_) open();
  }
  size_t left() const { return left_; }

  void skip(size_t bytes) {
    ASSERT(bytes <= left_);
    left_ -= bytes;
    while (bytes > 0) {
      const size_t n = std::min(bytes, current_.size());
      current_.remove_prefix(n);
      bytes -= n;
      if (current_.empty()) advance();
    }
  }

  // At most a record, not empty while anything is left; pieces that are smaller are put together
  // in `room`. Then skip() what was used.
  std::string_view record(char* room) {
    while (current_.empty() && next_ != end_) advance();
    if (current_.size() >= kRecord || current_.size() == left_) return current_.substr(0, kRecord);
    size_t size = 0;
    std::string_view piece = current_;
    for (const iovec* part = next_;;) {
      const size_t n = std::min(piece.size(), kRecord - size);
      std::memcpy(room + size, piece.data(), n);
      size += n;
      if (size == kRecord || ++part == end_) return {room, size};
      piece = {static_cast<const char*>(part->iov_base), part->iov_len};
    }
  }

 private:
  void open() { current_ = {static_cast<const char*>(next_->iov_base), next_->iov_len}; }
  void advance() {
    current_ = {};
    if (next_ == end_ || ++next_ == end_) return;
    open();
  }

  const iovec* next_;  // what current_ is of
  const iovec* end_;
  std::string_view current_;
  size_t left_ = 0;
};

}  // namespace oxbow::tls
