#include "proxy/server/watchdog.h"

#include <doctest/doctest.h>

#include <atomic>
#include <functional>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "proxy/event/dispatcher.h"
#include "proxy/log/log.h"
#include "tests/unit/log/temp_dir.h"

using namespace oxbow;
using namespace oxbow::server;
using namespace std::chrono_literals;

namespace {

// Bounded: what does not come in ten seconds does not come.
bool await(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

// A loop that runs in a thread, and its watchdog.
struct DogFixture {
  SystemClock clock;
  event::Dispatcher dispatcher{clock};
  std::optional<Watchdog> dog;
  std::thread thread{[this] { dispatcher.run(); }};

  DogFixture() { dog.emplace(clock, std::vector<Watchdog::Loop>{{"a loop", &activity()}}); }
  ~DogFixture() {
    dog.reset();
    dispatcher.post([this] { dispatcher.stop(); });
    thread.join();
  }
  event::Activity& activity() { return dispatcher.activity(); }

  // A turn that goes on until the watchdog has found it.
  bool holdUp() {
    const uint64_t before = dog->longTurns(0);
    std::atomic<int> found{-1};
    dispatcher.post([&] { found = await([&] { return dog->longTurns(0) > before; }) ? 1 : 0; });
    return await([&] { return found >= 0; }) && found == 1;
  }
};

}  // namespace

TEST_CASE("a turn that holds up its loop is counted and logged, and so is its end") {
  const TempDir dir;
  REQUIRE(log::init(log::Level::Warn, dir.file("log")));
  uint64_t turns = 0;
  {
    DogFixture fixture;
    CHECK(fixture.holdUp());
    turns = fixture.dog->longTurns(0);
    CHECK(await([&] { return fixture.dog->parked(); }));  // it has seen the end then
  }
  log::shutdown();
  const std::string text = dir.read("log");
  CAPTURE(text);
  CHECK(turns == 1);
  CHECK(text.find("a loop: a loop turn takes longer than 100 ms, at: messages\n") != text.npos);
  CHECK(text.find("a loop: the long loop turn took about ") != text.npos);
}

TEST_CASE_FIXTURE(DogFixture, "it parks without traffic, and finds the first turn that hangs") {
  log::setLevel(log::Level::Off);
  for (uint64_t i = 1; i <= 3; ++i) {
    CHECK(await([&] { return dog->parked(); }));
    CHECK(holdUp());
    CHECK(dog->longTurns(0) == i);
  }
  dog.reset();
  log::setLevel(log::Level::Warn);
}

TEST_CASE_FIXTURE(DogFixture, "it may come and go while its loop runs") {
  std::atomic<bool> stop{false};
  std::promise<void> stopped;
  std::function<void()> again = [&] {
    if (stop)
      stopped.set_value();
    else
      dispatcher.post(again);
  };
  dispatcher.post(again);
  for (int i = 0; i < 100; ++i)
    dog.emplace(clock, std::vector<Watchdog::Loop>{{"a loop", &activity()}});
  stop = true;
  CHECK(stopped.get_future().wait_for(10s) == std::future_status::ready);
}
