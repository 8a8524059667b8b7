#pragma once

#include <event2/event_struct.h>

#include <cstdint>

namespace oxbow::event {

class Activity;
class Dispatcher;

// What a descriptor is ready for, with libevent's values, so that nothing is translated. Closed:
// the peer will send nothing more (FIN or worse).
enum Ready : uint8_t { kReadable = 0x02, kWritable = 0x04, kClosed = 0x80 };

class IoHandler {
 public:
  IoHandler() = default;
  // `label` says what onIo() does, for Activity: "accepting connections". Static text.
  explicit IoHandler(const char* label) : label_(label) {}
  const char* label() const { return label_; }

  // `ready` is a set of Ready bits. The handler may stop the event here, and may not destroy itself
  // (see Dispatcher::deferDelete).
  virtual void onIo(uint8_t ready) = 0;

 protected:
  ~IoHandler() = default;

 private:
  const char* label_ = "input and output";
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
  [[gnu::cold]] void firedWatched(uint8_t ready);

  struct ::event event_;
  IoHandler* handler_ = nullptr;
  Activity* activity_ = nullptr;
  bool started_ = false;
};

}  // namespace oxbow::event
