#include "proxy/event/timer_wheel.h"

#include <algorithm>
#include <bit>

namespace oxbow::event {

namespace {
constexpr Duration kTick = std::chrono::milliseconds(1);
}  // namespace

Timer::~Timer() {
  // A wheel that went first has emptied its slots.
  if (linked()) wheel_->unlink(*this);
}

TimerWheel::TimerWheel(TimePoint start) : start_(start) {}

TimerWheel::~TimerWheel() = default;

uint64_t TimerWheel::tickAtOrAfter(TimePoint time) const {
  if (time <= start_) return 0;
  return static_cast<uint64_t>((time - start_ + kTick - Duration(1)) / kTick);
}

void TimerWheel::place(Timer& timer) {
  const uint64_t tick = tickAtOrAfter(timer.deadline_);
  if (static_cast<ListHook<TimerTag>&>(timer).linked()) {
    if (timer.tick_ <= tick) return;  // comes up early and re-arms itself
    unlink(timer);
  }
  link(timer, tick);
}

void TimerWheel::remove(Timer& timer) {
  timer.deadline_ = Timer::kNever;
  if (static_cast<ListHook<TimerTag>&>(timer).linked()) unlink(timer);
}

void TimerWheel::link(Timer& timer, uint64_t tick) {
  // What is due already goes to the next tick: a slot is worked off once per round only.
  const uint64_t when = std::max(tick, elapsed_ + 1);
  // Less than a whole round ahead: the slot of the top level that is now must not hold what is due
  // a round later. What lies behind the horizon comes up there and is put back.
  const uint64_t horizon = elapsed_ + ((kSlots - 1) << (kBits * (kLevels - 1)));
  const uint64_t at = std::min(when, horizon);
  const uint64_t differing = (at ^ elapsed_) | 1;
  const int level = std::min((63 - std::countl_zero(differing)) / kBits, kLevels - 1);
  const uint64_t slot = (at >> (level * kBits)) & (kSlots - 1);
  timer.wheel_ = this;
  timer.comesUp_ = start_ + kTick * static_cast<int64_t>(at);
  timer.tick_ = at;
  timer.level_ = static_cast<uint8_t>(level);
  timer.slot_ = static_cast<uint8_t>(slot);
  if (level == firstSlot_.level && slot == firstSlot_.slot)
    first_ = std::min(first_, timer.comesUp_);
  slots_[level][slot].pushBack(timer);
  occupied_[level] |= uint64_t{1} << slot;
  ++size_;
}

void TimerWheel::unlink(Timer& timer) {
  timer.comesUp_ = Timer::kNever;
  Slot& slot = slots_[timer.level_][timer.slot_];
  slot.remove(timer);
  if (slot.empty()) occupied_[timer.level_] &= ~(uint64_t{1} << timer.slot_);
  --size_;
}

TimerWheel::Next TimerWheel::next() const {
  // A lower level's slots all come before a higher level's, so the first occupied level decides.
  for (int level = 0; level < kLevels; ++level) {
    if (occupied_[level] == 0) continue;
    const int shift = level * kBits;
    const uint64_t position = (elapsed_ >> shift) & (kSlots - 1);
    const uint64_t rotated = std::rotr(occupied_[level], static_cast<int>(position));
    const uint64_t ahead = static_cast<uint64_t>(std::countr_zero(rotated));
    const uint64_t slot = (position + ahead) & (kSlots - 1);
    uint64_t round = elapsed_ >> shift << shift;
    const uint64_t tick = round + (ahead << shift);
    return {level, slot, tick};
  }
  return {};
}

TimePoint TimerWheel::nextWork() {
  const Next n = next();
  if (n.level < 0) return TimePoint::max();
  if (n.level == 0) return start_ + kTick * static_cast<int64_t>(n.tick);
  if (n.level != firstSlot_.level || n.tick != firstSlot_.tick) {
    first_ = firstIn(n);
    firstSlot_ = n;
  }
  return first_;
}

// Slots of lower levels are empty, so nothing is due before the first deadline in this one.
TimePoint TimerWheel::firstIn(const Next& far) {
  const TimePoint begin = start_ + kTick * static_cast<int64_t>(far.tick);
  Slot& slot = slots_[far.level][far.slot];
  if (slot.size() > kFew) return begin;
  TimePoint first = TimePoint::max();
  for (Timer* timer = slot.front(); timer != nullptr; timer = slot.next(*timer))
    if (timer->armed()) first = std::min(first, timer->deadline_);
  // To the tick in which it fires; what lies beyond the slot comes up and goes where it belongs.
  const TimePoint end = begin + kTick * static_cast<int64_t>(uint64_t{1} << (far.level * kBits));
  if (first >= end) return begin;
  return std::max(begin, start_ + kTick * static_cast<int64_t>(tickAtOrAfter(first)));
}

void TimerWheel::advance(TimePoint now) {
  if (now < start_) return;
  const uint64_t nowTick = static_cast<uint64_t>((now - start_) / kTick);
  for (;;) {
    const Next n = next();
    if (n.level < 0 || n.tick > nowTick) break;
    // Nodes that callbacks link go to ticks behind elapsed_, never back into this slot's round.
    elapsed_ = std::max(elapsed_, n.tick);
    Slot& slot = slots_[n.level][n.slot];
    for (size_t left = slot.size(); left > 0; --left) {
      Timer* timer = slot.front();
      if (timer == nullptr) break;
      unlink(*timer);
      if (timer->tick_ <= elapsed_)
        expire(*timer, now);
      else if (timer->armed())  // straight to where it belongs now
        link(*timer, tickAtOrAfter(timer->deadline_));
    }
  }
  elapsed_ = std::max(elapsed_, nowTick);
}

void TimerWheel::expire(Timer& timer, TimePoint now) {
  if (timer.deadline_ == Timer::kNever) return;
  if (timer.deadline_ > now) {
    link(timer, tickAtOrAfter(timer.deadline_));
    return;
  }
  timer.deadline_ = Timer::kNever;
  timer.onTimer();
}

}  // namespace oxbow::event
