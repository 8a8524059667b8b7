#pragma once

#include <atomic>
#include <functional>

#include "proxy/event/io_event.h"

namespace oxbow::event {

// Messages from other threads to one dispatcher: a lock-free stack that the owner empties once a
// turn, and an eventfd that is written only when the stack was empty. Post from any thread.
class Mailbox final : private IoHandler {
 public:
  explicit Mailbox(Dispatcher& owner);
  ~Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  void post(std::function<void()> message);

  // Runs what has arrived, in the order of posting. Owner's thread.
  void drain();

 private:
  struct Letter {
    std::function<void()> run;
    Letter* next = nullptr;
  };

  void onIo(uint8_t ready) override;

  std::atomic<Letter*> newest_{nullptr};
  int wakeFd_ = -1;
  IoEvent event_;
};

}  // namespace oxbow::event
