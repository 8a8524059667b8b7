#pragma once

#include <poll.h>

#include <chrono>
#include <list>
#include <string>
#include <vector>

#include "proxy/base/address.h"
#include "tests/support/dns_script.h"

namespace oxbow::test {

class DnsServer;

// The sockets of a DnsServer and the loop that serves them.
class DnsLoop {
 public:
  // Throws when the address cannot be had.
  DnsLoop(DnsServer& server, const std::string& address);
  ~DnsLoop();
  DnsLoop(const DnsLoop&) = delete;
  DnsLoop& operator=(const DnsLoop&) = delete;

  std::string address() const { return address_.text(); }
  void run();        // until interrupt()
  void interrupt();  // from any thread

 private:
  using Clock = std::chrono::steady_clock;

  // A TCP connection.
  struct Stream {
    int fd;
    uint64_t number;
    uint16_t port;
    std::string received;
    std::string toSend;
    bool closing = false;  // once that is sent
    bool ended = false;
  };
  // An answer that is late on purpose.
  struct Late {
    Clock::time_point due;
    DnsScript::Sent sent;
    SocketAddress peer;   // over UDP
    uint64_t stream = 0;  // over TCP
  };

  bool listenOn(const SocketAddress& wanted);
  void closeAll();
  std::vector<pollfd> polled() const;
  int untilNextLate() const;
  void sendLate();
  void onDatagram();
  void onConnection();
  void onStream(Stream& stream, short events);
  void receive(Stream& stream);
  void later(milliseconds delay, Late late);
  void deliver(const Late& late);
  static void queue(Stream& stream, const DnsScript::Sent& sent);
  static void flush(Stream& stream);

  DnsServer& server_;
  SocketAddress address_;
  int udp_ = -1;
  int other_ = -1;  // UDP, of the same IP and another port
  int tcp_ = -1;
  int interrupt_ = -1;
  std::list<Stream> streams_;
  std::list<Late> late_;
  uint64_t lastStream_ = 0;
};

}  // namespace oxbow::test
