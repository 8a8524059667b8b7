#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "proxy/base/address.h"
#include "proxy/base/clock.h"
#include "proxy/base/result.h"
#include "proxy/dns/reply.h"
#include "proxy/event/dispatcher.h"

struct ares_channeldata;

namespace oxbow::dns {

// One DNS server, asked by c-ares: over UDP with EDNS, over TCP what was cut. c-ares chooses the
// identifiers, has the kernel choose the ports, and drops what comes from elsewhere or answers
// something else. Main thread; the dispatcher outlives it. Destroying it cancels everything without
// a call.
class CaresChannel {
 public:
  using Done = std::function<void(const Reply&)>;

  // `timeout`: for an answer over UDP, and again for one over TCP.
  static Result<std::unique_ptr<CaresChannel>> open(event::Dispatcher& dispatcher,
                                                    const SocketAddress& server, Duration timeout);
  ~CaresChannel();
  CaresChannel(const CaresChannel&) = delete;
  CaresChannel& operator=(const CaresChannel&) = delete;

  // One attempt. `done` may run inside this call, and may not destroy the channel.
  void ask(const std::string& name, Type type, Done done);

 private:
  struct Question;
  class Socket;

  // The moment at which c-ares wants to look after its timeouts.
  class TimeoutTimer final : public event::Timer {
   public:
    explicit TimeoutTimer(CaresChannel& channel) : channel_(channel) {}
    void onTimer() override { channel_.onTimeout(); }

   private:
    CaresChannel& channel_;
  };

  explicit CaresChannel(event::Dispatcher& dispatcher);
  std::string init(const SocketAddress& server, Duration timeout);

  void onTimeout();
  void armTimer();
  void onSocketState(int fd, bool readable, bool writable);

  static void answered(void* question, int status, int timeouts, unsigned char* packet, int length);
  static void socketState(void* self, int fd, int readable, int writable);

  event::Dispatcher& dispatcher_;
  ares_channeldata* channel_ = nullptr;
  bool closing_ = false;
  TimeoutTimer timer_{*this};
  std::unordered_map<int, std::unique_ptr<Socket>> sockets_;  // by descriptor, as c-ares names them
};

}  // namespace oxbow::dns
