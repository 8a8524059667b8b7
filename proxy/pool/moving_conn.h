#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "proxy/base/clock.h"
#include "proxy/pool/endpoint_state.h"
#include "proxy/pool/shared_queue.h"

namespace oxbow::pool {

// The slots that one connection holds in the accounts of its endpoint and its upstream. Returns
// them when destroyed. Movable between threads.
class Slots {
 public:
  Slots() = default;
  // Both slots, or nothing.
  static Slots take(const std::shared_ptr<EndpointState>& endpoint,
                    const std::shared_ptr<SharedQueue>& upstream);
  Slots(Slots&& other) noexcept = default;
  Slots& operator=(Slots&& other) noexcept {
    giveBack();
    endpoint_ = std::move(other.endpoint_);
    upstream_ = std::move(other.upstream_);
    return *this;
  }
  ~Slots() { giveBack(); }

  explicit operator bool() const { return endpoint_ != nullptr; }
  void giveBack();

 private:
  std::shared_ptr<EndpointState> endpoint_;
  std::shared_ptr<SharedQueue> upstream_;
};

// What a connection has been through.
struct ConnHistory {
  TimePoint openedAt{};
  TimePoint idleSince{};
  Duration idleBefore{};  // how long it had been idle when it was taken
  Duration connectTime{};
  uint64_t exchanges = 0;  // begun on it
  uint64_t id = 0;         // increasing, over all workers
};

// An idle connection on its way to another worker: nothing in it belongs to a thread. A protocol
// derives from it to carry the descriptor, which closes when this is destroyed, before the slots
// are returned.
class MovingConn {
 public:
  virtual ~MovingConn() = default;

  ConnHistory history;
  Slots slots;  // returned last: bases are destroyed behind what derives from them
};

}  // namespace oxbow::pool
