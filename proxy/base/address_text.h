#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace oxbow {

// The text of an address, in place: it stays when whoever knew the address is gone, and costs no
// allocation. SocketAddress::text() of every family fits; what does not is cut.
class AddressText {
 public:
  static constexpr size_t kMost = 119;  // "unix:" and 107 bytes are the longest

  void assign(std::string_view text) {
    size_ = static_cast<uint8_t>(std::min(text.size(), kMost));
    std::copy_n(text.data(), size_, bytes_);  // of an absent text nothing, from nowhere
  }
  bool empty() const { return size_ == 0; }
  std::string_view view() const { return {bytes_, size_}; }

 private:
  uint8_t size_ = 0;
  char bytes_[kMost];  // valid up to size_
};

}  // namespace oxbow
