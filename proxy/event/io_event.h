#pragma once

#include <event2/event_struct.h>

#include <cstdint>

namespace oxbow::event {

class Dispatcher;

// What a descriptor is ready for. Closed: the peer will send nothing more (FIN or worse).
enum Ready : uint8_t { kReadable = 1, kWritable = 2, kClosed = 4 };

class IoHandler {
 public:
  // `ready` is a set of Ready bits. The handler may stop the event here, and may not destroy itself
  // (see Dispatcher::deferDelete).
  virtual void onIo(uint8_t ready) = 0;

 protected:
  ~IoHandler() = default;
};

// Edge-triggered readiness of one descriptor, registered once for everything. Owns no descriptor.
// REQUIRES: start() and stop() on the dispatcher's thread; stopped before the descriptor is closed.
class IoEvent {
 public:
  IoEvent() = default;
  ~IoEvent() { stop(); }
  IoEvent(const IoEvent&) = delete;
  IoEvent& operator=(const IoEvent&) = delete;

  // Level-triggered readability only: for acceptors, which take a bounded batch a turn.
  enum class Trigger : uint8_t { Edge, LevelRead };
  // False when the kernel refuses the descriptor.
  [[nodiscard]] bool start(Dispatcher& dispatcher, int fd, IoHandler& handler,
                           Trigger trigger = Trigger::Edge);
  void stop();
  bool started() const { return started_; }

 private:
  static void fired(int fd, short what, void* self);

  struct ::event event_;
  IoHandler* handler_ = nullptr;
  bool started_ = false;
};

}  // namespace oxbow::event
