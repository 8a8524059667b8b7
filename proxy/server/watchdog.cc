#include "proxy/server/watchdog.h"

#include <pthread.h>

#include <csignal>
#include <utility>

#include "proxy/log/log.h"

namespace oxbow::server {

namespace {

int64_t milliseconds(Duration time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
}

// Signals are the main thread's.
void blockSignals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

Watchdog::Watchdog(const Clock& clock, std::vector<Loop> loops)
    : clock_(clock),
      loops_(std::move(loops)),
      watch_(activities(), [this](const LongTurn& turn) { log(turn); }),
      thread_([this] { run(); }) {}

Watchdog::~Watchdog() {
  stopping_.store(true);
  sleeper_.wake();
  thread_.join();
  watch_.disarm();
}

std::vector<event::Activity*> Watchdog::activities() const {
  std::vector<event::Activity*> activities;
  for (const Loop& loop : loops_) activities.push_back(loop.activity);
  return activities;
}

void Watchdog::run() {
  blockSignals();
  pthread_setname_np(pthread_self(), "watchdog");
  bool undisturbed = false;
  while (!stopping_.load()) {
    const LoopWatch::Rest rest = watch_.look(clock_.now(), undisturbed);
    looks_.add();
    if (rest == LoopWatch::Rest::Park) {
      undisturbed = !park();
      continue;
    }
    const bool armed = rest == LoopWatch::Rest::Doze;
    if (armed) watch_.arm(sleeper_);
    const bool woken = sleeper_.sleepFor(LoopWatch::kInterval);
    undisturbed = armed && !woken;
  }
}

// True when somebody woke it.
bool Watchdog::park() {
  parked_.store(true, std::memory_order_relaxed);
  const bool woken = sleeper_.sleepFor(LoopWatch::kPark);
  parked_.store(false, std::memory_order_relaxed);
  return woken;
}

void Watchdog::log(const LongTurn& turn) const {
  const std::string& name = loops_[turn.loop].name;
  if (turn.ended && turn.isNews)
    LOG_WARN("{}: a loop turn took {} ms, at: {}", name, milliseconds(turn.took), turn.doing);
  else if (turn.ended)
    LOG_WARN("{}: the long loop turn took about {} ms", name, milliseconds(turn.took));
  else
    LOG_WARN("{}: a loop turn takes longer than {} ms, at: {}", name,
             milliseconds(LoopWatch::kLong), turn.doing);
}

}  // namespace oxbow::server
