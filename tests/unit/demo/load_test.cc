#include "proxy/demo/load.h"

#include <optional>

#include "proxy/demo/origin.h"
#include "tests/unit/demo/fake_exchange.h"

namespace oxbow::demo {

namespace {

constexpr int kMostTurns = 100000;

// Clients and origin on one dispatcher: the test turns it as often as it takes.
struct Fixture : TurnedByHand {
  std::unique_ptr<Origin> origin;
  std::unique_ptr<Load> load;
  std::optional<LoadResult> result;

  void listen(uint64_t closeAfter = 0) {
    OriginOptions options;
    options.address = SocketAddress::parse("127.0.0.1:0").value();
    options.closeAfter = closeAfter;
    origin = std::move(Origin::open(dispatcher, options).value());
  }

  void start(uint32_t clients) {
    load = std::make_unique<Load>(
        dispatcher, Load::Options{origin->address(), clients, std::chrono::seconds(1)});
    load->start([this](LoadResult done) { result = std::move(done); });
  }

  void turnUntilAnswered(uint64_t requests) {
    for (int i = 0; load->answered() < requests; ++i) {
      REQUIRE(i < kMostTurns);
      clock.advance(std::chrono::microseconds(1));
      turn();
    }
  }

  void turnUntilDone() {
    clock.advance(std::chrono::seconds(1));
    for (int i = 0; !result; ++i) {
      REQUIRE(i < kMostTurns);
      turn();
    }
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "each client keeps its connection") {
  listen();
  start(3);
  turnUntilAnswered(30);
  turnUntilDone();
  CHECK(result->answered() >= 30);
  CHECK(result->failed == 0);
  CHECK(origin->report().accepted == 3);
  CHECK(origin->report().requests == result->answered());
}

TEST_CASE_FIXTURE(Fixture, "a client whose connection ends opens another") {
  listen(1);
  start(2);
  turnUntilAnswered(6);
  turnUntilDone();
  CHECK(result->failed == 0);
  CHECK(origin->report().requests == result->answered());
  CHECK(origin->report().accepted >= result->answered());
}

TEST_CASE_FIXTURE(Fixture, "elapsed is the time from the first connection to the last answer") {
  listen();
  start(1);
  turnUntilAnswered(1);
  turnUntilDone();
  CHECK(result->elapsed >= std::chrono::seconds(1));
  CHECK(result->elapsed < std::chrono::seconds(2));
}

TEST_CASE_FIXTURE(Fixture, "refused connections are failures, tried again after a while") {
  listen();
  const SocketAddress target = origin->address();
  origin.reset();
  load =
      std::make_unique<Load>(dispatcher, Load::Options{target, 1, std::chrono::milliseconds(25)});
  load->start([this](LoadResult done) { result = std::move(done); });
  for (int i = 0; i < 100; ++i) turn();
  // Time stands still: there was one attempt, then two more at 10 and 20 ms.
  for (int step = 0; step < 2; ++step) {
    pass(Load::kRetry);
    for (int i = 0; i < 100; ++i) turn();
  }
  turnUntilDone();
  CHECK(result->answered() == 0);
  CHECK(result->failed == 3);
}

TEST_CASE("a percentile is a value that was measured") {
  LoadResult result;
  CHECK(result.percentile(0.5) == 0);
  CHECK(result.perSecond() == 0);
  for (uint32_t i = 1; i <= 200; ++i) result.micros.push_back(i);
  CHECK(result.percentile(0.5) == 100);
  CHECK(result.percentile(0.99) == 198);
  CHECK(result.percentile(0) == 1);
  CHECK(result.percentile(1) == 200);
  result.elapsed = std::chrono::milliseconds(500);
  CHECK(result.perSecond() == doctest::Approx(400));
}

}  // namespace oxbow::demo
