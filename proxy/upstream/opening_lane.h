#pragma once

#include "proxy/base/intrusive_list.h"
#include "proxy/event/dispatcher.h"

namespace oxbow::upstream {

struct OpeningTag;

// A connection whose TLS handshake can go on.
class OpeningConn : public ListHook<OpeningTag> {
 public:
  virtual void goOnOpening() = 0;

 protected:
  ~OpeningConn() = default;
};

// Where handshakes wait for their next step: behind all else of the turn, and a few milliseconds a
// turn. A step costs as much as dozens of requests; established traffic comes first. Worker's
// thread only.
class OpeningLane final : private event::Task {
 public:
  static constexpr Duration kShare = std::chrono::milliseconds(2);  // of a turn

  explicit OpeningLane(event::Dispatcher& dispatcher) : dispatcher_(dispatcher) {}

  // In line already: nothing happens.
  void add(OpeningConn& conn) {
    if (conn.linked()) return;
    waiting_.pushBack(conn);
    dispatcher_.soon(*this);
  }

 private:
  void runTask() override {
    const TimePoint end = dispatcher_.preciseNow() + kShare;
    while (OpeningConn* conn = waiting_.popFront()) {
      conn->goOnOpening();
      if (!waiting_.empty() && dispatcher_.preciseNow() >= end) return dispatcher_.soon(*this);
    }
  }

  event::Dispatcher& dispatcher_;
  IntrusiveList<OpeningConn, OpeningTag> waiting_;
};

}  // namespace oxbow::upstream
