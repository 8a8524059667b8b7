#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "proxy/event/dispatcher.h"
#include "proxy/server/client_access.h"

namespace oxbow::server {

// Somebody who accepts, and pauses at the limit.
class LimitWaiter {
 public:
  virtual void resumeAccepting() = 0;

 protected:
  ~LimitWaiter() = default;
};

// How many clients are served at once, over all listeners and workers. At the limit accepting stops
// (the kernel's backlog, bounded too, takes what comes) and goes on when somebody leaves. On the
// thread that accepts, unless said otherwise.
class ClientLimit {
 public:
  // `accepting` is that thread's.
  ClientLimit(uint32_t limit, event::Dispatcher& accepting)
      : accepting_(accepting), limit_(limit) {}

  bool full() const { return open_.load() >= limit_; }
  void opened() { open_.fetch_add(1); }
  // Any thread.
  void closed();

  // Of each address, for limit_conn. Any thread.
  AddressCounts& addresses() { return addresses_; }

  // Resumed when there is room again; possibly inside this call.
  void await(LimitWaiter& waiter);
  void forget(LimitWaiter& waiter);
  void setLimit(uint32_t limit);

 private:
  void resume();

  event::Dispatcher& accepting_;
  uint32_t limit_;
  std::atomic<uint32_t> open_{0};
  std::atomic<bool> awaited_{false};
  std::vector<LimitWaiter*> waiting_;
  AddressCounts addresses_;
};

}  // namespace oxbow::server
