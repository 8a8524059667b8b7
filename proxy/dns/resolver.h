#pragma once

#include <functional>
#include <string>

#include "proxy/dns/reply.h"

namespace oxbow::dns {

// Asks DNS servers. Runs on the main thread; never blocks.
class Resolver {
 public:
  using Done = std::function<void(const Reply&)>;
  virtual ~Resolver() = default;

  // `name` is absolute, without a last dot. `done` runs later on the same thread, never inside this
  // call, exactly once; not after the resolver was destroyed.
  virtual void ask(const std::string& name, Type type, Done done) = 0;
};

}  // namespace oxbow::dns
