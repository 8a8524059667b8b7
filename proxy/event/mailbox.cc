#include "proxy/event/mailbox.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <utility>

#include "proxy/base/assert.h"
#include "proxy/event/dispatcher.h"

namespace oxbow::event {

Mailbox::Mailbox(Dispatcher& owner)
    : IoHandler("messages"),
      messages_(owner.stats().messages),
      wakeFd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  ASSERT(wakeFd_ >= 0);
  const bool started = event_.start(owner, wakeFd_, *this, IoEvent::Trigger::LevelRead);
  ASSERT(started);
}

Mailbox::~Mailbox() {
  event_.stop();
  close(wakeFd_);
  Letter* letter = newest_.exchange(nullptr);
  while (letter != nullptr) delete std::exchange(letter, letter->next);
}

void Mailbox::push(Letter* letter) {
  Letter* before = newest_.load(std::memory_order_relaxed);
  do {
    letter->next = before;  // not read again behind the exchange: the owner may have freed it
  } while (!newest_.compare_exchange_weak(before, letter, std::memory_order_release,
                                          std::memory_order_relaxed));
  if (before != nullptr) return;  // whoever found it empty has rung
  const uint64_t one = 1;
  // A full counter (EAGAIN) means that the owner has been rung already.
  [[maybe_unused]] const ssize_t n = write(wakeFd_, &one, sizeof one);
}

void Mailbox::drain() {
  Letter* letter = newest_.exchange(nullptr, std::memory_order_acquire);
  Letter* oldest = nullptr;
  while (letter != nullptr) {
    Letter* next = letter->next;
    letter->next = oldest;
    oldest = letter;
    letter = next;
  }
  uint64_t count = 0;
  for (; oldest != nullptr; ++count) {
    Letter* current = std::exchange(oldest, oldest->next);
    current->run();
    delete current;
  }
  messages_.add(count);
}

void Mailbox::onIo(uint8_t) {
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t n = read(wakeFd_, &count, sizeof count);
  drain();
}

}  // namespace oxbow::event
