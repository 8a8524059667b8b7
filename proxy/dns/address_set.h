#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "proxy/base/address.h"

namespace oxbow::dns {

// Which addresses of one family a name has, going by its answers. What is new joins at once; what
// is missing leaves only after some answers in a row, since servers that show a part of their
// addresses at a time, or disagree while they change, would have connections closed for nothing.
// Not thread-safe.
class AddressSet {
 public:
  // `drainAfter`: the answers in a row without an address after which it leaves; 1: at once.
  // REQUIRES: drainAfter > 0.
  explicit AddressSet(uint32_t drainAfter);

  // True when the set has changed. Neither order nor repetition in `answer` matter.
  // REQUIRES: a non-empty answer; no answer at all is a failure, and says nothing about addresses.
  bool update(const std::vector<SocketAddress>& answer);

  const std::vector<SocketAddress>& current() const { return current_; }  // sorted
  // Was some address missing from the last answer that stays for now? Worth asking again soon.
  bool unsure() const;

  // Holds from the next answer on. REQUIRES: drainAfter > 0.
  void setDrainAfter(uint32_t drainAfter);
  void clear();

  // Of more, those in use stay, and the first in order join: as long as the answers have the same
  // addresses, so does the set.
  static constexpr size_t kMaxAddresses = 256;

 private:
  uint32_t drainAfter_;
  std::vector<SocketAddress> current_;
  std::vector<uint32_t> missed_;  // by index in current_: answers in a row without it
};

}  // namespace oxbow::dns
