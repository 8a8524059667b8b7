#include "proxy/pool/budget.h"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

using oxbow::pool::Budget;

TEST_CASE("a budget lends as many slots as its cap, and those that came back") {
  Budget budget(2);
  CHECK(budget.tryTake());
  CHECK(budget.hasRoom());
  CHECK(budget.tryTake());
  CHECK_FALSE(budget.hasRoom());
  CHECK_FALSE(budget.tryTake());
  CHECK(budget.used() == 2);
  budget.giveBack();
  CHECK(budget.used() == 1);
  CHECK(budget.tryTake());
  CHECK_FALSE(budget.tryTake());
}

TEST_CASE("a cap of 0 is no cap, but slots are counted") {
  Budget budget(0);
  for (int i = 0; i < 1000; ++i) CHECK(budget.tryTake());
  CHECK(budget.hasRoom());
  CHECK(budget.used() == 1000);
}

TEST_CASE("the cap holds when threads take and give back at once") {
  constexpr int kCap = 3;
  Budget budget(kCap);
  std::atomic<int> held{0};
  std::atomic<int> most{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20000; ++i) {
        if (!budget.tryTake()) continue;
        const int now = ++held;
        int seen = most.load();
        while (seen < now && !most.compare_exchange_weak(seen, now)) {
        }
        --held;
        budget.giveBack();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(most.load() <= kCap);
  CHECK(budget.used() == 0);
}

TEST_CASE("what is beyond a lowered cap is closed once, whoever sees it") {
  Budget budget(0);
  for (int i = 0; i < 5; ++i) REQUIRE(budget.tryTake());
  CHECK_FALSE(budget.claimExcess());
  budget.setCap(3);
  CHECK(budget.isOver());
  CHECK_FALSE(budget.tryTake());
  CHECK(budget.claimExcess());
  CHECK(budget.claimExcess());
  CHECK_FALSE(budget.claimExcess());
  budget.giveBack();
  budget.excessClosed();
  CHECK_FALSE(budget.claimExcess());
  budget.giveBack();
  budget.excessClosed();
  CHECK_FALSE(budget.isOver());
  CHECK_FALSE(budget.claimExcess());
}
