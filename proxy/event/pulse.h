#pragma once

#include <functional>
#include <utility>

#include "proxy/event/activity.h"
#include "proxy/event/dispatcher.h"

namespace oxbow::event {

// Calls a function at intervals while a loop works, and not while the process is idle, which is not
// to be woken for it. One per dispatcher, which outlives it. The loop's thread.
class Pulse final : private Timer, private Restarted {
 public:
  // `beat` says whether it has to be called again though the loop does nothing else.
  Pulse(Dispatcher& dispatcher, Duration interval, std::function<bool()> beat);
  ~Pulse() override;

  bool beats() const { return armed(); }

 private:
  void onTimer() override;
  void onRestart() override;
  void setNext() { dispatcher_.setDeadline(*this, dispatcher_.now() + interval_); }

  Dispatcher& dispatcher_;
  const Duration interval_;
  const std::function<bool()> beat_;
};

}  // namespace oxbow::event
