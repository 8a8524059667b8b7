#pragma once

#include <memory>
#include <thread>

#include "proxy/base/clock.h"
#include "proxy/demo/origin.h"
#include "proxy/event/dispatcher.h"

namespace oxbow::demo {

// An origin on a thread of its own. Used by one other thread.
class OriginThread {
 public:
  // Listens and serves from now on.
  static Result<std::unique_ptr<OriginThread>> start(const OriginOptions& options);
  // Ends every session and the thread, and waits for it.
  ~OriginThread();
  OriginThread(const OriginThread&) = delete;
  OriginThread& operator=(const OriginThread&) = delete;

  const SocketAddress& address() const { return origin_->address(); }
  // What it has counted so far; waits for the thread.
  admin::ListenerReport report();

 private:
  OriginThread() : dispatcher_(clock_) {}

  SystemClock clock_;
  event::Dispatcher dispatcher_;
  std::unique_ptr<Origin> origin_;
  std::thread thread_;
};

}  // namespace oxbow::demo
