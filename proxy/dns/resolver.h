#pragma once

#include <functional>
#include <string>
#include <vector>

#include "proxy/base/address.h"

namespace oxbow::dns {

struct Answer {
  bool ok = false;
  std::string error;                     // "NXDOMAIN", "timeout", … when not ok
  std::vector<SocketAddress> addresses;  // in the resolver's order, port set, duplicates removed
};

// Turns names into addresses. Runs on the main thread; never blocks.
class Resolver {
 public:
  using Done = std::function<void(Answer)>;
  virtual ~Resolver() = default;

  // `done` runs later on the same thread, never inside this call, exactly once; not after the
  // resolver was destroyed. IP addresses are answered without a query.
  virtual void resolve(const std::string& host, uint16_t port, Done done) = 0;
};

}  // namespace oxbow::dns
