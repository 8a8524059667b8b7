#pragma once

#include "proxy/net/transport.h"

namespace oxbow::net {

// A Transport that writes what it is given.
class PlainTransport final : public Transport {
 public:
  // Takes over `fd`, a non-blocking stream socket.
  explicit PlainTransport(int fd) : fd_(fd) {}
  ~PlainTransport() override { close(CloseHow::Clean); }
  PlainTransport(const PlainTransport&) = delete;
  PlainTransport& operator=(const PlainTransport&) = delete;

  bool start(event::Dispatcher& dispatcher, event::IoHandler& handler) override;
  void stop() override { event_.stop(); }
  IoResult read(char* to, size_t capacity) override;
  IoResult write(std::string_view bytes) override;
  IoResult writev(const iovec* parts, int count) override;
  Liveness peek() override;
  int takeError() override;
  void shutdownWrite() override;
  void close(CloseHow how) override;
  bool closed() const override { return fd_ < 0; }
  int descriptor() const override { return fd_; }

 private:
  int fd_;
  event::IoEvent event_;
};

}  // namespace oxbow::net
