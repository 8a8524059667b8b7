#pragma once

#include <sys/un.h>

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/clock.h"
#include "proxy/event/activity.h"
#include "proxy/event/dispatcher.h"
#include "proxy/event/function_timer.h"

namespace oxbow::server {

// What started this process and wants to know how it goes: systemd, or another that reads its
// datagrams (sd_notify(3), whose notes describe them as a stable interface). Until connect(), and
// where nobody listens, everything here does nothing. Main thread.
class ServiceManager {
 public:
  // What it says in the environment of a process that it starts.
  struct Environment {
    std::string socket;   // NOTIFY_SOCKET: a path, or "@" and an abstract name; "": nobody listens
    Duration watchdog{};  // WATCHDOG_USEC, if it is meant for this process; 0: no pings are wanted
  };
  static Environment environment();

  // The dispatcher, the main thread's, outlives this.
  explicit ServiceManager(event::Dispatcher& dispatcher);
  ~ServiceManager() { disconnect(); }
  ServiceManager(const ServiceManager&) = delete;
  ServiceManager& operator=(const ServiceManager&) = delete;

  // A socket that cannot be used is a warning in the log: the process serves all the same.
  void connect(const Environment& environment);
  // Says no more, and looks at no loop any more.
  void disconnect();

  // The server listens. From now on there are pings, as long as each of `loops` turns or sleeps;
  // the loops live until disconnect().
  void ready(const std::vector<event::Activity*>& loops);
  void reloading();
  void reloaded(bool applied);
  // It accepts no more clients. Behind this there is nothing but pings.
  void stopping();

 private:
  struct Loop {
    const event::Activity* activity = nullptr;
    event::Activity::Sample seen;  // at the last look
  };

  void tell(std::string message);
  void send();
  void ping();
  bool isStuck();

  event::Dispatcher& dispatcher_;
  int fd_ = -1;
  sockaddr_un address_{};
  socklen_t addressLength_ = 0;
  bool failing_ = false;  // the last datagram was not taken; told once
  std::deque<std::string> unsent_;
  event::FunctionTimer retry_;
  Duration watchdog_{};
  event::FunctionTimer nextPing_;
  std::vector<Loop> loops_;
  bool serving_ = false;  // ready, and not stopping
};

}  // namespace oxbow::server
