#include "proxy/event/dispatcher.h"

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace oxbow;
using namespace oxbow::event;
using namespace std::chrono_literals;

namespace {

class Alarm final : public Timer {
 public:
  explicit Alarm(std::function<void()> then) : then_(std::move(then)) {}

 private:
  void onTimer() override { then_(); }
  std::function<void()> then_;
};

class Job final : public Task {
 public:
  explicit Job(std::function<void()> work) : work_(std::move(work)) {}

 private:
  void runTask() override { work_(); }
  std::function<void()> work_;
};

// Tells of its end.
class Mortal final : public Deferred {
 public:
  explicit Mortal(std::function<void()> last) : last_(std::move(last)) {}
  ~Mortal() override { last_(); }

 private:
  std::function<void()> last_;
};

struct LoopFixture {
  ManualClock clock;
  Dispatcher dispatcher{clock};
  std::string story;

  std::function<void()> tell(const char* word) {
    return [this, word] { story += word; };
  }
  void turn() {
    story.clear();
    dispatcher.turn(false);
  }
};

}  // namespace

TEST_CASE_FIXTURE(LoopFixture, "the end of a turn: due timers, then tasks, then deletions") {
  Job task(tell("task "));
  Alarm timer([&] {
    story += "timer ";
    dispatcher.deferDelete(std::make_unique<Mortal>(tell("death ")));
    dispatcher.soon(task);
  });
  dispatcher.setDeadline(timer, dispatcher.now() + 5ms);
  turn();
  CHECK(story.empty());
  clock.advance(5ms);
  turn();
  CHECK(story == "timer task death ");
  turn();
  CHECK(story.empty());
}

TEST_CASE_FIXTURE(LoopFixture, "the time stands still within a turn") {
  std::vector<Duration> ages;
  const TimePoint start = dispatcher.now();
  Alarm timer([&] {
    ages.push_back(dispatcher.now() - start);
    clock.advance(1s);
    ages.push_back(dispatcher.now() - start);
    ages.push_back(dispatcher.preciseNow() - start);
  });
  dispatcher.setDeadline(timer, start + 10ms);
  clock.advance(20ms);
  turn();
  CHECK(ages == std::vector<Duration>{20ms, 20ms, 1020ms});
  turn();
  CHECK(dispatcher.now() - start == 1020ms);
}

TEST_CASE_FIXTURE(LoopFixture, "turns are counted") {
  const uint64_t before = dispatcher.turns();
  turn();
  turn();
  CHECK(dispatcher.turns() == before + 2);
}

TEST_CASE_FIXTURE(LoopFixture, "tasks run in their order, once, however often they are queued") {
  Job a(tell("a")), b(tell("b"));
  dispatcher.soon(b);
  dispatcher.soon(a);
  dispatcher.soon(b);
  CHECK(b.queued());
  turn();
  CHECK(story == "ba");
  CHECK_FALSE(b.queued());
  turn();
  CHECK(story.empty());
}

TEST_CASE_FIXTURE(LoopFixture, "what a task queues runs in the next turn") {
  Job again([&] {
    story += "again ";
    dispatcher.soon(again);
  });
  dispatcher.soon(again);
  turn();
  CHECK(story == "again ");
  turn();
  CHECK(story == "again ");
  again.cancel();
}

TEST_CASE_FIXTURE(LoopFixture,
                  "what a task queues runs in the next turn, also in a cancelled one's place") {
  Job successor(tell("successor "));
  Job victim(tell("victim "));
  Job first([&] {
    story += "first ";
    victim.cancel();
    dispatcher.soon(successor);
  });
  dispatcher.soon(first);
  dispatcher.soon(victim);
  turn();
  CHECK(story == "first ");
  turn();
  CHECK(story == "successor ");
}

TEST_CASE_FIXTURE(LoopFixture, "a task may destroy the others") {
  std::vector<std::unique_ptr<Job>> others;
  Job first([&] { others.clear(); });
  dispatcher.soon(first);
  for (int i = 0; i < 3; ++i) {
    others.push_back(std::make_unique<Job>(tell("other ")));
    dispatcher.soon(*others.back());
  }
  turn();
  CHECK(story.empty());
}

TEST_CASE_FIXTURE(LoopFixture, "a task that is cancelled before its turn does not run") {
  Job task(tell("task"));
  dispatcher.soon(task);
  task.cancel();
  CHECK_FALSE(task.queued());
  turn();
  CHECK(story.empty());
}

TEST_CASE_FIXTURE(LoopFixture,
                  "what dies at the end of a turn may take others with it, in the same turn") {
  dispatcher.deferDelete(std::make_unique<Mortal>([&] {
    story += "first ";
    dispatcher.deferDelete(std::make_unique<Mortal>(tell("second ")));
  }));
  CHECK(story.empty());
  turn();
  CHECK(story == "first second ");
}

TEST_CASE("what is still to die goes with the dispatcher") {
  ManualClock clock;
  bool died = false;
  {
    Dispatcher dispatcher(clock);
    dispatcher.deferDelete(std::make_unique<Mortal>([&] { died = true; }));
    dispatcher.deferDelete(nullptr);
  }
  CHECK(died);
}

TEST_CASE_FIXTURE(LoopFixture, "timers are counted until they fire or are removed") {
  Alarm a(tell("a")), b(tell("b"));
  dispatcher.setDeadline(a, dispatcher.now() + 1s);
  dispatcher.setDeadline(b, dispatcher.now() + 2s);
  CHECK(dispatcher.timers() == 2);
  dispatcher.remove(b);
  CHECK(dispatcher.timers() == 1);
  clock.advance(1s);
  turn();
  CHECK(story == "a");
  CHECK(dispatcher.timers() == 0);
}

TEST_CASE_FIXTURE(LoopFixture, "messages run in the order of posting, within a turn") {
  dispatcher.post(tell("1"));
  dispatcher.post(tell("2"));
  dispatcher.post(tell("3"));
  CHECK(story.empty());
  turn();
  CHECK(story == "123");
}

TEST_CASE_FIXTURE(LoopFixture, "a message that a message posts waits for the next turn") {
  dispatcher.post([&] {
    story += "1";
    dispatcher.post(tell("2"));
  });
  turn();
  CHECK(story == "1");
  turn();
  CHECK(story == "2");
}

TEST_CASE_FIXTURE(LoopFixture, "messages that nobody read are freed with the dispatcher") {
  auto held = std::make_shared<int>(1);
  {
    Dispatcher brief(clock);
    brief.post([held] { FAIL("nobody turns this loop"); });
    CHECK(held.use_count() == 2);
  }
  CHECK(held.use_count() == 1);
}

TEST_CASE("messages from other threads all arrive, in each thread's order, and wake the loop") {
  SystemClock clock;
  Dispatcher dispatcher(clock);
  constexpr int kThreads = 3;
  constexpr int kMessages = 2000;
  std::vector<int> next(kThreads, 0);
  int inOrder = 0;
  int ended = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kMessages; ++i)
        dispatcher.post([&, t, i] { inOrder += next[t]++ == i ? 1 : 0; });
      dispatcher.post([&] {
        if (++ended == kThreads) dispatcher.stop();
      });
    });
  }
  dispatcher.run();  // sleeps between messages: one that did not wake it would hang here
  for (std::thread& thread : threads) thread.join();
  CHECK(inOrder == kThreads * kMessages);
}

TEST_CASE("a sleeping loop wakes for its timer") {
  SystemClock clock;
  Dispatcher dispatcher(clock);
  const TimePoint due = dispatcher.now() + 3ms;
  bool late = false;
  Alarm timer([&] {
    late = clock.now() >= due;
    dispatcher.stop();
  });
  dispatcher.setDeadline(timer, due);
  dispatcher.run();
  CHECK(late);
}

TEST_CASE("a turn with work left over does not wait") {
  SystemClock clock;
  Dispatcher dispatcher(clock);
  int runs = 0;
  Job job([&] {
    if (++runs < 3) dispatcher.soon(job);
  });
  dispatcher.soon(job);
  for (int i = 0; i < 3; ++i) dispatcher.turn(true);  // would hang otherwise
  CHECK(runs == 3);
}
