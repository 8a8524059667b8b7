#include "proxy/event/io_event.h"

#include <event2/event.h>

#include "proxy/base/assert.h"
#include "proxy/event/dispatcher.h"

namespace oxbow::event {

bool IoEvent::start(Dispatcher& dispatcher, int fd, IoHandler& handler, Trigger trigger) {
  ASSERT(!started_);
  handler_ = &handler;
  activity_ = &dispatcher.activity();
  const short what = trigger == Trigger::Edge ? EV_READ | EV_WRITE | EV_CLOSED | EV_ET | EV_PERSIST
                                              : EV_READ | EV_PERSIST;
  if (event_assign(&event_, dispatcher.base(), fd, what, &IoEvent::fired, this) != 0) return false;
  started_ = event_add(&event_, nullptr) == 0;
  return started_;
}

void IoEvent::stop() {
  if (!started_) return;
  event_del(&event_);
  started_ = false;
}

void IoEvent::fired(int, short what, void* self) {
  auto& event = *static_cast<IoEvent*>(self);
  IoHandler& handler = *event.handler_;
  static_assert(kReadable == EV_READ && kWritable == EV_WRITE && kClosed == EV_CLOSED);
  const uint8_t ready = static_cast<uint8_t>(what & (kReadable | kWritable | kClosed));
  if (event.activity_->mark(handler.label())) return event.firedWatched(ready);
  handler.onIo(ready);
}

void IoEvent::firedWatched(uint8_t ready) {
  activity_->beginAlone();
  handler_->onIo(ready);
}

}  // namespace oxbow::event
