#include "proxy/server/memory_guard.h"

#include <doctest/doctest.h>

#include <memory>
#include <vector>

#include "proxy/base/clock.h"

using namespace std::chrono_literals;

namespace oxbow::server {

namespace {

constexpr uint64_t kLimit = 1 << 20;
constexpr uint64_t kBuffers = 64 << 20;

struct Owner final : MemoryGuard::Owner {
  uint64_t objectBytes() override { return objects; }
  size_t shedIdle(size_t most) override {
    const size_t shed = std::min(most, idle);
    idle -= shed;
    return shed;
  }
  uint64_t objects = 0;
  size_t idle = 0;
};

struct Reader final : upstream::StarvedReader {
  void onRoom() override { ++woken; }
  int woken = 0;
};

struct Fixture {
  explicit Fixture(uint64_t limit = kLimit) {
    account.setLimit(limit);
    guard.configure(kBuffers);
  }
  void hold(size_t bytes) { held.push_back(worker->blocks.take(bytes)); }
  void advance(Duration by) {
    clock.advance(by);
    dispatcher.turn(false);
  }

  ManualClock clock;
  event::Dispatcher dispatcher{clock};
  std::unique_ptr<upstream::WorkerContext> worker =
      std::make_unique<upstream::WorkerContext>(dispatcher, 1);
  MemoryAccount account;
  Owner owner;
  MemoryGuard guard{*worker, account, owner};
  std::vector<Block> held;
};

}  // namespace

TEST_CASE("without a limit there is no watch") {
  Fixture f(0);
  CHECK(f.worker->memory == nullptr);
  CHECK(f.worker->bufferLimit == kBuffers);
}

TEST_CASE("buffers and objects together are held against the limit") {
  Fixture f;
  REQUIRE(f.worker->memory == &f.guard);
  CHECK(f.guard.admits());
  f.hold(512 << 10);
  CHECK(f.guard.admits());
  CHECK_FALSE(f.guard.pressed());
  f.owner.objects = 512 << 10;
  f.advance(150ms);
  CHECK_FALSE(f.guard.admits());
  CHECK(f.guard.refused() == 1);
  f.owner.objects = 0;
  f.advance(150ms);
  CHECK(f.guard.admits());
}

TEST_CASE("what is taken at once is seen by the next exchange") {
  Fixture f;
  f.hold(kLimit);
  CHECK_FALSE(f.guard.admits());
  f.held.clear();
  CHECK(f.guard.admits());
}

TEST_CASE("from 80 % on less is read and idle clients go; behind it readers go on") {
  Fixture f;
  Reader reader;
  f.owner.idle = 300;
  CHECK(f.guard.admits());  // a look is due
  f.hold(kLimit / 10 * 7);
  f.advance(150ms);
  CHECK(f.owner.idle == 300);
  CHECK(f.worker->bufferLimit == kBuffers);

  f.hold(kLimit / 10);
  f.hold(kLimit / 50);
  f.advance(150ms);
  CHECK(f.guard.pressed());
  CHECK(f.guard.admits());  // not full
  CHECK(f.worker->bufferLimit == 0);
  CHECK(f.owner.idle == 300 - 256);
  f.worker->starved.pushBack(reader);
  f.advance(150ms);
  CHECK(f.owner.idle == 0);
  CHECK(f.guard.shed() == 300);
  CHECK(reader.woken == 0);

  f.held.clear();
  f.advance(150ms);
  CHECK_FALSE(f.guard.pressed());
  CHECK(f.worker->bufferLimit == kBuffers);
  CHECK(reader.woken == 1);
}

TEST_CASE("nothing wakes it while nothing changes") {
  Fixture f;
  CHECK(f.guard.admits());
  f.hold(100 << 10);
  f.advance(150ms);
  f.advance(150ms);
  f.owner.objects = 900 << 10;  // nobody looks
  f.advance(10s);
  CHECK(f.account.used() < 500 << 10);
}

TEST_CASE("workers share the account, and one that ends takes its part out") {
  Fixture f;
  {
    Owner owner;
    owner.objects = kLimit;
    MemoryGuard other(*f.worker, f.account, owner);
    other.configure(kBuffers);
    CHECK_FALSE(f.guard.admits());
  }
  CHECK(f.guard.admits());
  f.worker->memory = nullptr;
}

}  // namespace oxbow::server
