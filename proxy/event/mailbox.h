#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include "proxy/event/io_event.h"
#include "proxy/stats/counter.h"

namespace oxbow::event {

// Messages from other threads to one dispatcher: a lock-free stack that the owner empties once a
// turn, and an eventfd that is written only when the stack was empty. Post from any thread.
class Mailbox final : private IoHandler {
 public:
  explicit Mailbox(Dispatcher& owner);
  ~Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // `message` is called once, or destroyed uncalled when the mailbox goes first.
  template <typename Message>
  void post(Message message) {
    push(new LetterOf<Message>(std::move(message)));
  }

  // Runs what has arrived, in the order of posting. Owner's thread.
  void drain();

 private:
  struct Letter {
    virtual ~Letter() = default;
    virtual void run() = 0;
    Letter* next = nullptr;
  };
  template <typename Message>
  struct LetterOf final : Letter {
    explicit LetterOf(Message m) : message(std::move(m)) {}
    void run() override { message(); }
    Message message;
  };

  void push(Letter* letter);
  void onIo(uint8_t ready) override;

  stats::Counter& messages_;  // that have run
  std::atomic<Letter*> newest_{nullptr};
  int wakeFd_ = -1;
  IoEvent event_;
};

}  // namespace oxbow::event
