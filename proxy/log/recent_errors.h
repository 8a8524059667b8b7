#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "proxy/base/address_text.h"
#include "proxy/log/access_record.h"

namespace oxbow::log {

// Text in place. What does not fit ends in "...".
template <size_t N>
class ShortText {
  static_assert(N > 3 && N < 256);

 public:
  void assign(std::string_view text) {
    size_ = static_cast<uint8_t>(std::min(text.size(), N));
    std::copy_n(text.data(), size_, bytes_);  // of an absent text nothing, from nowhere
    if (text.size() > N) std::memcpy(bytes_ + N - 3, "...", 3);
  }
  std::string_view view() const { return {bytes_, size_}; }
  // Whether assign(text) would change nothing.
  bool holds(std::string_view text) const {
    if (text.size() <= N) return view() == text;
    return size_ == N && std::memcmp(bytes_, text.data(), N - 3) == 0;
  }

 private:
  uint8_t size_ = 0;
  char bytes_[N];  // valid up to size_
};

// An error that exchanges ended with, and how often. Of the request there are the method and the
// path, without its query: both of the last one.
struct RecentError {
  WallTime first{};
  WallTime last{};
  uint64_t count = 0;
  ErrorCode code = ErrorCode::None;
  uint16_t status = 0;      // 0: none was sent
  const char* detail = "";  // static text
  ShortText<64> listener;
  ShortText<64> upstream;  // empty: it did not come that far
  AddressText endpoint;    // likewise
  ShortText<16> method;    // empty: there was no request line
  ShortText<96> path;      // likewise

  // Whether both tell of the same thing going wrong, at about the same time.
  bool isMoreOf(const RecentError& other) const;
  // REQUIRES: isMoreOf(other).
  void merge(const RecentError& other);
};

// The last errors of one worker: what repeats within a minute is one of them. Allocates nothing
// while it notes. Not thread-safe.
class RecentErrors {
 public:
  static constexpr size_t kKept = 64;
  static constexpr Duration kTogether = std::chrono::minutes(1);

  // `record.time` is when the exchange ended, and `record.target` its path without a query.
  [[gnu::cold]] void add(const AccessRecord& record, std::string_view listener);
  // Newest first.
  std::vector<RecentError> list() const;

 private:
  size_t placeOf(const AccessRecord& record, std::string_view listener) const;

  size_t size_ = 0;
  std::array<uint8_t, kKept> order_{};  // of entries, newest first; valid up to size_
  std::array<RecentError, kKept> entries_;
};

}  // namespace oxbow::log
