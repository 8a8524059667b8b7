#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/base/clock.h"
#include "proxy/log/access_sink.h"
#include "proxy/log/destination.h"
#include "proxy/log/patience.h"

namespace oxbow::log {

// Lines to a socket: to a Unix stream as they are, in datagrams one by one without their newline,
// to syslog with its header in front. While nobody serves the socket, lines are lost; each batch
// tries to connect, once. What lies in the kernel's buffer when a reader goes is lost and not
// counted: nobody can know.
class SocketSink final : public AccessSink {
 public:
  SocketSink(const Destination& to, Duration grace);
  ~SocketSink() override;
  SocketSink(const SocketSink&) = delete;
  SocketSink& operator=(const SocketSink&) = delete;

  uint64_t write(std::string_view lines, const std::atomic<bool>& stopping) override;
  bool reopen() override;
  int failure() const override { return failure_; }

 private:
  enum class Sent : uint8_t { Done, Failed, Broken };  // Broken: this connection takes no more

  bool isOpen();
  bool open(int type);
  void close();
  void connect();
  uint64_t writeStream(std::string_view lines, const std::atomic<bool>& stopping);
  uint64_t writeDatagrams(std::string_view lines, const std::atomic<bool>& stopping);
  uint64_t sendLine(std::string_view line, const std::atomic<bool>& stopping);
  Sent sendDatagram(std::string_view line, const std::atomic<bool>& stopping);

  const Destination to_;
  const std::string host_;
  Patience patience_;
  std::string header_;  // of this batch
  int fd_ = -1;
  int failure_ = 0;
  bool datagrams_ = false;
  bool mayConnect_ = true;  // once a batch
};

}  // namespace oxbow::log
