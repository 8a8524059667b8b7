#pragma once

#include <string_view>

#include "proxy/base/address_text.h"
#include "proxy/base/clock.h"
#include "proxy/base/error.h"
#include "proxy/base/intrusive_list.h"
#include "proxy/pool/lease.h"

namespace oxbow::pool {

class ConnPool;
class WaitQueue;
struct WaiterTag;

// What an exchange asks of the connection it gets.
struct Need {
  bool replayable = true;  // it could be sent again if the connection turns out dead
  bool fresh = false;      // only a new connection will do: this is the replay
  uint32_t tries = 0;      // that came before this
  TimePoint firstTry{};    // when they began; with `tries` 0: now
};

// An exchange that wants a connection. Destroying it cancels the wait. It gets exactly one call,
// possibly inside acquire(). Worker's thread only.
class Waiter : private ListHook<WaiterTag> {
 public:
  bool waiting() const { return ListHook<WaiterTag>::linked(); }
  void cancelWait();

  const Need& need() const { return need_; }
  // Tries that came to nothing: those of its need, and the attempts to open that failed for it.
  uint32_t tries() const { return tries_; }
  // The endpoint of the last of these; empty when there was none.
  std::string_view triedEndpoint() const { return triedEndpoint_.view(); }

 protected:
  Waiter() = default;
  virtual ~Waiter() { cancelWait(); }

  virtual void onLease(Lease lease) = 0;
  virtual void onNoLease(const Error& error) = 0;
  // It is next: what it will touch may be brought into the cache.
  virtual void warm() const {}

 private:
  friend class ConnPool;
  friend class WaitQueue;
  template <typename T, typename U>
  friend class ::oxbow::IntrusiveList;

  bool counting() const { return askedUntil_ != TimePoint::min(); }
  // Something is under way for it alone.
  bool attended() const { return attempt_ != nullptr || counting(); }

  Need need_;
  WaitQueue* queue_ = nullptr;
  PooledConn* attempt_ = nullptr;  // being opened on its account
  TimePoint since_{};
  // Until then it counts on an idle connection that another worker was asked for; min(): on none.
  TimePoint askedUntil_ = TimePoint::min();
  uint32_t tries_ = 0;
  AddressText triedEndpoint_;    // it may leave while this waits
  uint64_t triedEndpoints_ = 0;  // where attempts for it failed: see bitOfPool()
};

}  // namespace oxbow::pool
