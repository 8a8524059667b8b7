#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/event/io_event.h"

namespace oxbow::net {

struct IoResult {
  enum class Kind : uint8_t { Ok, WouldBlock, Eof, Error };
  Kind kind = Kind::WouldBlock;
  bool drained = true;  // reading: nothing more is there until the next readiness event
  int error = 0;        // errno, with Kind::Error
  size_t bytes = 0;     // with Kind::Ok, at least 1
};

// What a look at an idle connection found.
enum class Liveness : uint8_t {
  Alive,   // open, nothing unread
  Data,    // unread bytes
  Closed,  // FIN or an error
};

enum class CloseHow : uint8_t {
  Clean,  // FIN behind what was written
  Reset,  // RST: tells the peer that a message was cut
};

// A byte stream over one connected socket; plain here, TLS by another class. Non-blocking. Owns the
// descriptor. Worker's thread only.
class Transport {
 public:
  virtual ~Transport() = default;

  // Edge-triggered readiness goes to `handler` from now on. False when the kernel refuses.
  [[nodiscard]] virtual bool start(event::Dispatcher& dispatcher, event::IoHandler& handler) = 0;

  // No events any more; start() may follow, on another thread too.
  virtual void stop() = 0;

  virtual IoResult read(char* to, size_t capacity) = 0;
  virtual IoResult write(std::string_view bytes) = 0;
  // `count` is at most 64.
  virtual IoResult writev(const iovec* parts, int count) = 0;

  virtual Liveness peek() = 0;
  // The error that waits on the socket, taken from it (SO_ERROR); 0 when there is none.
  virtual int takeError() = 0;

  virtual void shutdownWrite() = 0;
  // Stops events and closes. Later calls do nothing.
  virtual void close(CloseHow how) = 0;
  virtual bool closed() const = 0;
  virtual int descriptor() const = 0;
};

}  // namespace oxbow::net
