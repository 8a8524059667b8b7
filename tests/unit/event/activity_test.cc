#include "proxy/event/activity.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proxy/event/dispatcher.h"
#include "proxy/event/function_timer.h"
#include "proxy/event/io_event.h"

using namespace oxbow;
using namespace oxbow::event;
using namespace std::chrono_literals;

namespace {

struct Job final : Task {
  explicit Job(std::function<void()> run) : run_(std::move(run)) {}
  void runTask() override { run_(); }
  std::function<void()> run_;
};

struct Mortal final : Deferred {
  explicit Mortal(std::function<void()> last) : last_(std::move(last)) {}
  ~Mortal() override { last_(); }
  std::function<void()> last_;
};

struct Handler final : IoHandler {
  explicit Handler(std::function<void()> run) : run_(std::move(run)) {}
  Handler(const char* label, std::function<void()> run) : IoHandler(label), run_(std::move(run)) {}
  void onIo(uint8_t) override { run_(); }
  std::function<void()> run_;
};

// A descriptor that is readable.
struct ReadableFd {
  const int fd = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC);
  ~ReadableFd() { close(fd); }
};

struct ActivityFixture {
  ManualClock clock;
  Dispatcher dispatcher{clock};
  Activity& activity = dispatcher.activity();
  std::vector<std::string> seen;

  // Work that notes what the loop says of itself meanwhile.
  std::function<void()> note() {
    return [this] {
      const char* doing = activity.sample().doing;
      seen.emplace_back(doing != nullptr ? doing : "nothing");
    };
  }
  void turn() { dispatcher.turn(false); }
  bool woken(Sleeper& sleeper) { return sleeper.sleepFor(Duration(0)); }
};

}  // namespace

TEST_CASE_FIXTURE(ActivityFixture, "a loop works only within its turns, which are counted") {
  CHECK_FALSE(activity.sample().working());
  const uint64_t before = activity.sample().turn;
  uint64_t within = 0;
  dispatcher.post([&] {
    within = activity.sample().turn;
    note()();
  });
  turn();
  CHECK(within == before + 1);
  CHECK(seen == std::vector<std::string>{"messages"});
  CHECK_FALSE(activity.sample().working());
  turn();
  CHECK(activity.sample().turn == before + 2);
  CHECK(activity.turn() == before + 2);
}

TEST_CASE_FIXTURE(ActivityFixture, "each kind of work has its label") {
  Job task(note());
  FunctionTimer timer(dispatcher, note());
  dispatcher.soon(task);
  dispatcher.deferDelete(std::make_unique<Mortal>(note()));
  timer.setIn(1ms);
  clock.advance(1ms);
  turn();
  CHECK(seen == std::vector<std::string>{"timers", "tasks", "deletions"});
}

TEST_CASE_FIXTURE(ActivityFixture, "a handler of readiness may have a label of its own") {
  const ReadableFd fd;
  Handler plain(note());
  Handler named("reading", note());
  for (Handler* handler : {&plain, &named}) {
    IoEvent event;
    REQUIRE(event.start(dispatcher, fd.fd, *handler));
    turn();
  }
  CHECK(seen == std::vector<std::string>{"input and output", "reading"});
}

TEST_CASE_FIXTURE(ActivityFixture, "signals have a label") {
  SignalEvent signal(dispatcher, SIGUSR2, note());
  REQUIRE(raise(SIGUSR2) == 0);
  for (int i = 0; i < 10 && seen.empty(); ++i) turn();
  CHECK(seen == std::vector<std::string>{"signals"});
}

TEST_CASE_FIXTURE(ActivityFixture, "a few turns wake nobody, the one behind them does, once") {
  Sleeper sleeper;
  activity.arm(sleeper);
  for (uint32_t i = 0; i < Activity::kAlone; ++i) {
    turn();  // nothing to do
    dispatcher.post([] {});
    turn();
    CHECK_FALSE(woken(sleeper));
  }
  dispatcher.post([] {});
  turn();
  CHECK(woken(sleeper));
  dispatcher.post([] {});
  turn();
  CHECK_FALSE(woken(sleeper));
}

TEST_CASE_FIXTURE(ActivityFixture, "a turn that took too long wakes at its end and tells") {
  Sleeper sleeper;
  activity.arm(sleeper);
  Job task([&] { clock.advance(Dispatcher::kLongTurn - 1ms); });
  dispatcher.soon(task);
  turn();
  CHECK_FALSE(woken(sleeper));
  Job longer([&] {
    clock.advance(Dispatcher::kLongTurn + 1ms);
    CHECK_FALSE(woken(sleeper));
  });
  dispatcher.soon(longer);
  turn();
  CHECK(woken(sleeper));
  const auto timed = activity.takeTimed();
  REQUIRE(timed.has_value());
  CHECK(timed->doing == std::string("tasks"));
  CHECK(timed->took == Dispatcher::kLongTurn + 1ms);
  CHECK_FALSE(activity.takeTimed().has_value());
}

TEST_CASE_FIXTURE(ActivityFixture, "readiness reaches its handler also in a turn that is timed") {
  const ReadableFd fd;
  Sleeper sleeper;
  Handler handler("reading", note());
  IoEvent event;
  REQUIRE(event.start(dispatcher, fd.fd, handler));
  activity.arm(sleeper);
  turn();
  CHECK(seen == std::vector<std::string>{"reading"});
}

TEST_CASE_FIXTURE(ActivityFixture, "who is disarmed is not woken") {
  Sleeper sleeper;
  activity.arm(sleeper);
  activity.disarm();
  for (uint32_t i = 0; i < 2 * Activity::kAlone; ++i) {
    dispatcher.post([] {});
    turn();
  }
  CHECK_FALSE(woken(sleeper));
}
