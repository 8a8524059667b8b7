#pragma once

#include <cstdint>
#include <vector>

#include "proxy/admin/server_view.h"
#include "proxy/event/function_timer.h"
#include "proxy/pool/lifecycle.h"

namespace oxbow::server {

// Brings the events of all workers to those who watch. While nobody does, the workers tell nothing
// and no timer runs. Main thread.
class EventFeed {
 public:
  static constexpr size_t kMostSubscribers = 8;
  static constexpr Duration kInterval = std::chrono::milliseconds(50);

  // All of them outlive the feed.
  EventFeed(event::Dispatcher& dispatcher, const Clock& clock, const pool::LifecyclePlaces& places);

  // The next worker's, by number. It outlives the subscribers.
  void add(pool::LifecycleRing& ring) { rings_.push_back({&ring, 0}); }

  [[nodiscard]] bool subscribe(admin::EventSubscriber& subscriber);
  void unsubscribe(admin::EventSubscriber& subscriber);
  // Tells what there is, and ends all subscriptions; there will be no new ones.
  void stop();

  size_t subscribers() const { return subscribers_.size(); }
  uint64_t dropped() const { return dropped_; }

 private:
  struct Ring {
    pool::LifecycleRing* ring;
    uint64_t dropped;  // as it was last
  };

  void deliver();
  uint64_t collect(std::vector<admin::EventReport>& reports);
  // `zero`: when the steady clock began.
  admin::EventReport reportOf(const pool::LifecycleEvent& event, size_t worker,
                              WallTime zero) const;

  event::Dispatcher& dispatcher_;
  const Clock& clock_;
  const pool::LifecyclePlaces& places_;
  std::vector<Ring> rings_;  // by worker
  std::vector<admin::EventSubscriber*> subscribers_;
  std::vector<pool::LifecycleEvent> taken_;  // kept for its memory
  event::FunctionTimer timer_;
  uint64_t dropped_ = 0;
  bool stopped_ = false;
};

}  // namespace oxbow::server
