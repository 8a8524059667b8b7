#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "proxy/dns/reply.h"

namespace oxbow::dns {

// The services of one name that are in use: what AddressSet is for addresses. A service is the same
// by target and port; its priority and weight are those of the last answer that had it.
class ServiceSet {
 public:
  static constexpr size_t kMost = 64;  // by priority, then by name

  explicit ServiceSet(uint32_t drainAfter) : drainAfter_(drainAfter) {}

  // True when the set changed. REQUIRES: not empty.
  bool update(const std::vector<Service>& answer);
  // By priority, then target and port.
  const std::vector<Service>& current() const { return current_; }
  // Some service was missing from the last answer and stays for now.
  bool unsure() const;
  void clear();

 private:
  uint32_t drainAfter_;
  std::vector<Service> current_;
  std::vector<uint32_t> missing_;  // answers in a row, of each of these
};

}  // namespace oxbow::dns
