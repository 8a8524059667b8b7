#include "proxy/demo/origin_answers.h"

#include "tests/unit/demo/fake_exchange.h"

namespace oxbow::demo {

namespace {

constexpr auto kWindow = static_cast<size_t>(MadeUpBody::kWindow);

struct Fixture : TurnedByHand {
  FakeExchange exchange{"GET /bytes HTTP/1.1\r\nHost: a"};

  void start(uint64_t bytes, size_t piece = MadeUpBody::kMaxPiece) {
    MadeUpBody::start(dispatcher, exchange, {bytes, piece, false}, {});
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a body waits for its client when the window is full") {
  start(10 * kWindow);
  CHECK(exchange.body.size() == kWindow);
  turn();
  CHECK(exchange.body.size() == kWindow);
  exchange.take(1000);
  CHECK(exchange.body.size() == kWindow);  // not inside the credit's call
  turn();
  CHECK(exchange.body.size() > kWindow);
  CHECK(exchange.body.size() <= kWindow + 1000 + MadeUpBody::kMaxPiece);
}

TEST_CASE_FIXTURE(Fixture, "a body comes to its end with a client that takes it") {
  start(3 * kWindow + 7);
  int turns = 0;
  while (!exchange.over()) {
    exchange.takeAll();
    turn();
    REQUIRE(++turns < 10);
  }
  CHECK(exchange.body.size() == 3 * kWindow + 7);
  CHECK(exchange.ended);
}

TEST_CASE_FIXTURE(Fixture, "one turn makes up no more than a window, however fast the client is") {
  start(10 * kWindow, 1000);
  exchange.takeAll();
  const size_t before = exchange.body.size();
  turn();
  CHECK(exchange.body.size() - before <= kWindow + 1000);
}

TEST_CASE_FIXTURE(Fixture, "a client that leaves ends the body") {
  start(10 * kWindow);
  exchange.take(5000);  // which queues the next piece
  exchange.leave();
  const size_t before = exchange.body.size();
  turn();
  CHECK(exchange.body.size() == before);
}

TEST_CASE_FIXTURE(Fixture, "the pieces are one pattern of 61 characters") {
  start(2 * kWindow);
  exchange.takeAll();
  turn();
  REQUIRE(exchange.body.size() == 2 * kWindow);
  CHECK(exchange.body.substr(0, 12) == "0123456789ab");
  size_t wrong = 0;
  for (size_t i = 61; i < exchange.body.size(); ++i)
    wrong += exchange.body[i] != exchange.body[i - 61] ? 1 : 0;
  CHECK(wrong == 0);
  // No shorter period: a piece at a wrong offset shows.
  CHECK(exchange.body.substr(0, 61).find(exchange.body[60]) == 60);
}

TEST_CASE("a piece begins where its offset says") {
  CHECK(MadeUpBody::piece(0, 3) == "012");
  CHECK(MadeUpBody::piece(10, 3) == "abc");
  CHECK(MadeUpBody::piece(60, 3) == "Y01");
  CHECK(MadeUpBody::piece(61'000'000'001, 2) == "12");
}

}  // namespace oxbow::demo
