#include "proxy/event/pulse.h"

namespace oxbow::event {

Pulse::Pulse(Dispatcher& dispatcher, Duration interval, std::function<bool()> beat)
    : dispatcher_(dispatcher), interval_(interval), beat_(std::move(beat)) {
  dispatcher_.activity().tell(this);
  setNext();
}

Pulse::~Pulse() {
  dispatcher_.activity().tell(nullptr);
  dispatcher_.remove(*this);
}

// Whoever rests hears of the next work before it is done: see Activity::quiet().
void Pulse::onTimer() {
  if (beat_() || !dispatcher_.activity().quiet()) setNext();
}

void Pulse::onRestart() {
  if (!armed()) setNext();
}

}  // namespace oxbow::event
