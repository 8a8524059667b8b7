#pragma once

#include <functional>
#include <utility>

#include "proxy/event/dispatcher.h"

namespace oxbow::event {

// A timer that calls a function: for the main thread, where a class per deadline would be ceremony.
class FunctionTimer final : private Timer {
 public:
  FunctionTimer(Dispatcher& dispatcher, std::function<void()> function)
      : dispatcher_(dispatcher), function_(std::move(function)) {}

  void setIn(Duration from) { dispatcher_.setDeadline(*this, dispatcher_.now() + from); }
  void cancel() { dispatcher_.cancel(*this); }

 private:
  void onTimer() override { function_(); }

  Dispatcher& dispatcher_;
  std::function<void()> function_;
};

}  // namespace oxbow::event
