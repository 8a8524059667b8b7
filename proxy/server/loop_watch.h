#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "proxy/base/clock.h"
#include "proxy/event/activity.h"
#include "proxy/event/dispatcher.h"
#include "proxy/stats/counter.h"

namespace oxbow::server {

// A turn of a loop that takes too long, or that took too long and has ended.
struct LongTurn {
  size_t loop = 0;
  const char* doing = "";  // when last seen
  Duration took{};         // so far, or in all; up to an interval more or less
  bool ended = false;
  bool isNews = true;  // not told of before
};

// Looks at loops from time to time, finds turns that take longer than kLong, and says how to spend
// the time until the next look. A turn is found between kLong and kLong + kInterval of its time.
// One thread; only longTurns() is for any.
class LoopWatch {
 public:
  static constexpr Duration kLong = event::Dispatcher::kLongTurn;
  static constexpr Duration kInterval = std::chrono::milliseconds(25);
  // The loops together take so many turns in a window, or there is no traffic to speak of. The
  // window is short, so that little is spent on looks behind the last traffic.
  static constexpr uint64_t kBusyTurns = 5;
  static constexpr Duration kWindow = std::chrono::milliseconds(250);

  using Report = std::function<void(const LongTurn&)>;
  // The loops outlive this.
  LoopWatch(const std::vector<event::Activity*>& loops, Report report);

  // What to do until the next look. A look at every interval finds what traffic does. Without
  // traffic the loops time their few turns themselves, and say when there is something to look at.
  enum class Rest : uint8_t {
    Nap,   // for kInterval
    Doze,  // the same, armed
    Park,  // armed since the last doze: until woken, or for kPark: a turn that does not end is
           // found
  };
  static constexpr Duration kPark = std::chrono::seconds(2);
  // `undisturbed`: the last look said Doze, and no work has begun in all of kInterval.
  Rest look(TimePoint now, bool undisturbed);

  // The next work of any loop wakes `sleeper`.
  void arm(event::Sleeper& sleeper);
  void disarm();

  // How many turns of that loop took too long. Any thread.
  uint64_t longTurns(size_t loop) const { return loops_[loop].longTurns.value(); }

 private:
  struct Loop {
    event::Activity* activity = nullptr;
    event::Activity::Sample seen;
    TimePoint since{};      // the first look at this turn's work
    bool told = false;      // of this turn; its end is to be told too
    uint64_t toldTurn = 0;  // the last that was told of
    stats::Counter longTurns;
  };

  void inspect(size_t index, TimePoint now);
  void noteTimed(size_t index, const event::Activity::Timed& timed);
  void judgeTraffic(TimePoint now);

  std::vector<Loop> loops_;
  Report report_;
  std::optional<TimePoint> windowBegan_;
  uint64_t turnsBefore_ = 0;
  bool busy_ = false;
};

}  // namespace oxbow::server
