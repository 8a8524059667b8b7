#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "proxy/base/address.h"
#include "proxy/config/config.h"
#include "proxy/event/dispatcher.h"
#include "proxy/event/io_event.h"

namespace oxbow::net {

class AcceptHandler {
 public:
  // Takes over `fd`, a non-blocking connected socket.
  virtual void onAccept(int fd, const SocketAddress& peer) = 0;
  // accept() failed for a reason that is not the peer's (no descriptors, no memory). Accepting has
  // paused by itself and tries again soon.
  virtual void onAcceptError(int error) = 0;

 protected:
  ~AcceptHandler() = default;
};

// The file of a listening Unix socket. Another that has taken its name is not touched.
class SocketFile {
 public:
  // Of TCP sockets there is none.
  explicit SocketFile(int listening);
  void remove() const;

 private:
  std::string path_;  // empty: none
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

// Accepts from one listening socket, a bounded batch a turn. Worker's thread only.
class Acceptor final : private event::IoHandler, private event::Timer {
 public:
  // Takes over `fd`, a listening socket, and the file of a Unix socket with it.
  Acceptor(event::Dispatcher& dispatcher, int fd, AcceptHandler& handler);
  ~Acceptor() override;
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  // Socket options and backlog, where they have changed: for connections that come from now on.
  void configure(const config::Listener& before, const config::Listener& now);

  // Those that wait in the kernel, before the socket closes: it would reset them.
  void acceptAll();

  void pause();
  void resume();
  bool paused() const { return !event_.started(); }

 private:
  void onIo(uint8_t ready) override;
  void onTimer() override;
  bool acceptOne();

  event::Dispatcher& dispatcher_;
  int fd_;
  SocketFile file_;
  AcceptHandler& handler_;
  event::IoEvent event_;
};

}  // namespace oxbow::net
