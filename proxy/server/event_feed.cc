#include "proxy/server/event_feed.h"

#include <algorithm>

#include "proxy/pool/close_reason.h"

namespace oxbow::server {

EventFeed::EventFeed(event::Dispatcher& dispatcher, const Clock& clock,
                     const pool::LifecyclePlaces& places)
    : dispatcher_(dispatcher), clock_(clock), places_(places), timer_(dispatcher, [this] {
        deliver();
        if (!subscribers_.empty()) timer_.setIn(kInterval);
      }) {}

bool EventFeed::subscribe(admin::EventSubscriber& subscriber) {
  if (stopped_ || subscribers_.size() >= kMostSubscribers) return false;
  subscribers_.push_back(&subscriber);
  if (subscribers_.size() > 1) return true;
  for (const Ring& ring : rings_) ring.ring->start();
  timer_.setIn(kInterval);
  return true;
}

void EventFeed::unsubscribe(admin::EventSubscriber& subscriber) {
  if (std::erase(subscribers_, &subscriber) == 0 || !subscribers_.empty()) return;
  for (const Ring& ring : rings_) ring.ring->stop();
  timer_.cancel();
}

void EventFeed::stop() {
  stopped_ = true;
  deliver();
  while (!subscribers_.empty()) {
    admin::EventSubscriber* subscriber = subscribers_.back();
    unsubscribe(*subscriber);
    subscriber->onEventsOver();
  }
}

void EventFeed::deliver() {
  if (subscribers_.empty()) return;
  std::vector<admin::EventReport> reports;
  const uint64_t lost = collect(reports);
  dropped_ += lost;
  // One may leave meanwhile.
  const std::vector<admin::EventSubscriber*> subscribers = subscribers_;
  for (admin::EventSubscriber* subscriber : subscribers)
    if (std::find(subscribers_.begin(), subscribers_.end(), subscriber) != subscribers_.end())
      dropped_ += subscriber->onEvents(dispatcher_.now(), reports, lost);
}

// Returns how many the rings had no room for.
uint64_t EventFeed::collect(std::vector<admin::EventReport>& reports) {
  uint64_t lost = 0;
  // Read once: what happened at the same time must not get different ones.
  const WallTime zero = clock_.wall() - clock_.now().time_since_epoch();
  for (size_t worker = 0; worker < rings_.size(); ++worker) {
    Ring& ring = rings_[worker];
    taken_.clear();
    ring.ring->take(taken_);
    for (const pool::LifecycleEvent& event : taken_)
      reports.push_back(reportOf(event, worker, zero));
    const uint64_t dropped = ring.ring->dropped();
    lost += dropped - std::exchange(ring.dropped, dropped);
  }
  std::stable_sort(reports.begin(), reports.end(),
                   [](const auto& a, const auto& b) { return a.time < b.time; });
  return lost;
}

admin::EventReport EventFeed::reportOf(const pool::LifecycleEvent& event, size_t worker,
                                       WallTime zero) const {
  admin::EventReport report;
  report.time = zero + event.time.time_since_epoch();
  report.kind = event.kind;
  const pool::LifecyclePlaces::Place place = places_.at(event.place);
  report.upstream = place.upstream;
  report.endpoint = place.endpoint;
  report.worker = worker;
  report.connection = event.conn;
  if (event.kind == pool::Lifecycle::Retired)
    report.reason = textOf(static_cast<pool::CloseReason>(event.reason));
  else if (event.kind == pool::Lifecycle::Refused)
    report.reason = textOf(static_cast<pool::Refusal>(event.reason));
  return report;
}

}  // namespace oxbow::server
