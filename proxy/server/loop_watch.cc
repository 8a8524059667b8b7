#include "proxy/server/loop_watch.h"

#include <algorithm>
#include <utility>

namespace oxbow::server {

LoopWatch::LoopWatch(const std::vector<event::Activity*>& loops, Report report)
    : loops_(loops.size()), report_(std::move(report)) {
  for (size_t i = 0; i < loops.size(); ++i) loops_[i].activity = loops[i];
}

LoopWatch::Rest LoopWatch::look(TimePoint now, bool undisturbed) {
  for (size_t i = 0; i < loops_.size(); ++i) inspect(i, now);
  judgeTraffic(now);
  if (busy_) return Rest::Nap;
  const bool working = std::any_of(loops_.begin(), loops_.end(),
                                   [](const Loop& loop) { return loop.seen.working(); });
  // What began before the loops saw that they are watched would be at work still, and seen, or
  // over.
  return undisturbed && !working ? Rest::Park : Rest::Doze;
}

void LoopWatch::inspect(size_t index, TimePoint now) {
  Loop& loop = loops_[index];
  if (const auto timed = loop.activity->takeTimed()) noteTimed(index, *timed);
  const event::Activity::Sample before = std::exchange(loop.seen, loop.activity->sample());
  if (before.working() && loop.seen.working() && before.turn == loop.seen.turn) {
    // A loop that timed a turn itself says so a moment before that turn is over.
    if (loop.toldTurn == loop.seen.turn || now - loop.since < kLong) return;
    loop.told = true;
    loop.toldTurn = loop.seen.turn;
    loop.longTurns.add();
    report_({index, loop.seen.doing, now - loop.since, false});
    return;
  }
  if (std::exchange(loop.told, false))
    report_({index, before.doing, now - loop.since, true, false});
  loop.since = now;
}

// A look may have found the same turn, and even its end.
void LoopWatch::noteTimed(size_t index, const event::Activity::Timed& timed) {
  Loop& loop = loops_[index];
  const bool isNews = timed.turn != loop.toldTurn;
  if (!isNews && !loop.told) return;
  if (isNews) loop.longTurns.add();
  loop.told = false;
  loop.toldTurn = timed.turn;
  report_({index, timed.doing != nullptr ? timed.doing : "", timed.took, true, isNews});
}

void LoopWatch::judgeTraffic(TimePoint now) {
  uint64_t turns = 0;
  for (const Loop& loop : loops_) turns += loop.seen.turn;
  const uint64_t windows = windowBegan_ ? std::max<int64_t>(1, (now - *windowBegan_) / kWindow) : 1;
  const bool isMany = turns - turnsBefore_ >= kBusyTurns * windows;
  if (isMany) busy_ = true;  // no need to wait for the window to end
  if (windowBegan_ && now - *windowBegan_ < kWindow) return;
  busy_ = isMany && windowBegan_;
  windowBegan_ = now;
  turnsBefore_ = turns;
}

void LoopWatch::arm(event::Sleeper& sleeper) {
  for (Loop& loop : loops_) loop.activity->arm(sleeper);
}

void LoopWatch::disarm() {
  for (Loop& loop : loops_) loop.activity->disarm();
}

}  // namespace oxbow::server
