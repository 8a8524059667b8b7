#include "tests/unit/pool/crew.h"

// What the workers do for each other.

namespace oxbow::pool {
namespace {

TEST_CASE("an idle connection of another worker goes before a new one") {
  Crew crew;
  crew.warm(0);
  Client& client = crew.ask(1);
  CHECK_FALSE(client.served());
  CHECK(crew.first(1, ConnState::Connecting) == nullptr);
  crew.turnAll();
  REQUIRE(client.served());
  CHECK(crew.opened() == 1);
  CHECK(crew.worker(0).stats.movedOut.value() == 1);
  CHECK(crew.worker(1).stats.movedIn.value() == 1);
  CHECK(client.conn().exchanges() == 2);
  CHECK(crew.worker(0).pool->idle() == 0);
}

TEST_CASE("what a connection has been through goes with it") {
  Crew crew({.pool = {.keepaliveRequests = 2, .keepaliveTimeout = 10s}});
  crew.warm(0);
  crew.clock.advance(4s);
  Client& client = crew.ask(1);
  crew.turnAll();
  REQUIRE(client.served());
  CHECK(client.conn().openedAt() == crew.clock.now() - 4s);
  client.finish();
  crew.turnAll();
  CHECK(crew.worker(1).stats.closedFor(CloseReason::KeepaliveRequests).value() == 1);
}

TEST_CASE("an idle connection that moved and was not needed retires by its own age") {
  Crew crew({.pool = {.keepaliveTimeout = 10s}});
  crew.warm(0);
  crew.pass(6s);
  Client& client = crew.ask(1);
  crew.hangUp(1, client);
  crew.turnAll();
  CHECK(crew.worker(1).pool->idle() == 1);
  crew.pass(3900ms);
  CHECK(crew.idle() == 1);
  crew.pass(200ms);
  CHECK(crew.idle() == 0);
  CHECK(crew.worker(1).stats.closedFor(CloseReason::KeepaliveTimeout).value() == 1);
}

TEST_CASE("when the other has given its last one away meanwhile a new one is opened") {
  Crew crew;
  crew.warm(0);
  Client& here = crew.ask(1);
  Client& there = crew.ask(0);
  CHECK(there.served());
  crew.turnAll();
  CHECK_FALSE(here.served());
  CHECK(crew.first(1, ConnState::Connecting) != nullptr);
  crew.connectAll();
  CHECK(here.served());
}

TEST_CASE("a worker that does not answer in time is not waited for") {
  Crew crew;
  crew.warm(0);
  Client& client = crew.ask(1);
  crew.turn(1);
  crew.clock.advance(4ms);
  crew.turn(1);
  CHECK(crew.first(1, ConnState::Connecting) == nullptr);
  crew.clock.advance(2ms);
  crew.turn(1);
  REQUIRE(crew.first(1, ConnState::Connecting) != nullptr);
  crew.connectAll();
  CHECK(client.served());
  // What comes late is kept.
  crew.turnAll();
  CHECK(crew.worker(1).pool->idle() == 1);
}

TEST_CASE("as many are asked for as there are") {
  Crew crew;
  crew.warm(0);
  crew.ask(1);
  crew.ask(1);
  // The second knows that the only one is asked for.
  CHECK(crew.worker(1).pool->connecting() == 1);
}

TEST_CASE("a connection that died on its way is not handed out") {
  for (const Probe found : {Probe::Dead, Probe::Dirty}) {
    Crew crew;
    crew.warm(0);
    crew.first(0, ConnState::Idle)->found = found;
    Client& client = crew.ask(1);
    crew.turnAll();
    CHECK_FALSE(client.served());
    CHECK(crew.open() == 1);  // the new one
    crew.connectAll();
    REQUIRE(client.served());
    CHECK(client.conn().exchanges() == 1);
  }
}

TEST_CASE("at the cap a connection that is given back goes to who has waited longer elsewhere") {
  Crew crew({.maxConns = 1});
  Client& holder = crew.ask(0);
  crew.connectAll();
  Client& elsewhere = crew.ask(1);
  crew.turnAll();
  crew.pass(SharedQueue::kHeadStart + 1ms);
  Client& here = crew.ask(0);
  crew.turnAll();
  holder.finish();
  CHECK_FALSE(here.served());
  crew.turnAll();
  CHECK(elsewhere.served());
  elsewhere.finish();
  crew.turnAll();
  CHECK(here.served());
  CHECK(crew.opened() == 1);
}

TEST_CASE("unless it came only a moment earlier") {
  Crew crew({.maxConns = 1});
  Client& holder = crew.ask(0);
  crew.connectAll();
  Client& elsewhere = crew.ask(1);
  crew.turnAll();
  crew.pass(SharedQueue::kHeadStart - 1ms);
  Client& here = crew.ask(0);
  crew.turnAll();
  holder.finish();
  CHECK(here.served());
  CHECK_FALSE(elsewhere.served());
  here.finish();
  crew.turnAll();
  CHECK(elsewhere.served());
}

TEST_CASE("with nobody waiting here it goes to whoever waits elsewhere, at once") {
  Crew crew({.workers = 3, .maxConns = 1});
  Client& holder = crew.ask(0);
  crew.connectAll();
  Client& second = crew.ask(2);
  crew.turnAll();
  crew.pass(1ms);
  Client& third = crew.ask(1);
  crew.turnAll();
  holder.finish();
  crew.turnAll();
  CHECK(second.served());
  CHECK_FALSE(third.served());
  second.finish();
  crew.turnAll();
  CHECK(third.served());
}

TEST_CASE("a grant that finds its waiter gone is passed on") {
  Crew crew({.workers = 3, .maxConns = 1});
  Client& holder = crew.ask(0);
  crew.connectAll();
  Client& second = crew.ask(1);
  crew.turnAll();
  crew.pass(1ms);
  Client& third = crew.ask(2);
  crew.turnAll();
  holder.finish();  // on its way to worker 1
  crew.hangUp(1, second);
  crew.turnAll();
  CHECK(third.served());
}

TEST_CASE("a slot that becomes free serves who waits elsewhere") {
  Crew crew({.maxConns = 1});
  Client& holder = crew.ask(0);
  crew.connectAll();
  Client& elsewhere = crew.ask(1);
  crew.turnAll();
  CHECK(crew.first(1, ConnState::Connecting) == nullptr);
  holder.breakOff(CloseReason::EndedInExchange);
  crew.turnAll();
  REQUIRE(crew.first(1, ConnState::Connecting) != nullptr);
  crew.connectAll();
  CHECK(elsewhere.served());
}

TEST_CASE("a free slot goes to who has waited longest, wherever") {
  Crew crew({.workers = 3, .maxConns = 1});
  Client& holder = crew.ask(0);
  crew.connectAll();
  crew.ask(2);
  crew.turnAll();
  crew.pass(20ms);
  crew.ask(0);
  crew.ask(1);
  crew.turnAll();
  holder.breakOff(CloseReason::EndedInExchange);
  crew.turnAll();
  CHECK(crew.first(2, ConnState::Connecting) != nullptr);
  CHECK(crew.first(0, ConnState::Connecting) == nullptr);
  CHECK(crew.first(1, ConnState::Connecting) == nullptr);
}

TEST_CASE("the cap of the upstream holds over all workers") {
  Crew crew({.workers = 3, .maxTotalConns = 2});
  for (size_t i = 0; i < 3; ++i) crew.ask(i);
  crew.turnAll(true);
  CHECK(crew.open() == 2);
  CHECK(crew.waiting() == 1);
}

TEST_CASE("max_connecting counts over all workers") {
  Crew crew({.workers = 2, .maxConnecting = 1});
  Client& first = crew.ask(0);
  Client& second = crew.ask(1);
  crew.turnAll();
  CHECK(crew.state->connecting.used() == 1);
  crew.first(0, ConnState::Connecting)->connects();
  CHECK(first.served());
  crew.turnAll();
  REQUIRE(crew.first(1, ConnState::Connecting) != nullptr);
  crew.connectAll();
  CHECK(second.served());
}

TEST_CASE("the queue is as long as it may be over all workers") {
  Crew crew({.workers = 2, .queue = {.size = 3}, .maxConns = 1});
  crew.ask(0);
  crew.connectAll();
  std::vector<Client*> clients;
  for (size_t i = 0; i < 5; ++i) clients.push_back(&crew.ask(i % 2));
  size_t refused = 0;
  for (const Client* client : clients) refused += client->refused() ? 1 : 0;
  CHECK(refused == 2);
  CHECK(clients[3]->refused());
  CHECK(clients[4]->refused());
  // A place that becomes free is free for all.
  crew.hangUp(0, *clients[0]);
  CHECK_FALSE(crew.ask(1).refused());
  CHECK(crew.ask(0).refused());
}

TEST_CASE("keepalive counts over all workers") {
  Crew crew({.workers = 2, .pool = {.keepalive = 3}});
  std::vector<Client*> clients;
  for (size_t i = 0; i < 4; ++i) clients.push_back(&crew.ask(i / 3));
  crew.connectAll();
  for (Client* client : clients) client->finish();
  crew.turnAll();
  crew.pass(6s);  // the sweep counts what one worker alone does not see
  CHECK(crew.idle() == 3);
}

TEST_CASE("what all workers needed lately stays, wherever it is") {
  Crew crew({.workers = 2});
  std::vector<Client*> clients;
  for (size_t i = 0; i < 4; ++i) clients.push_back(&crew.ask(i % 2));
  crew.connectAll();
  for (Client* client : clients) client->finish();
  // One of them goes to the other worker, and is not needed there.
  Client& client = crew.ask(0);
  Client& second = crew.ask(0);
  Client& third = crew.ask(0);
  crew.turnAll();
  for (Client* c : {&client, &second, &third}) c->finish();
  for (int i = 0; i < 11; ++i) crew.pass(5s);
  CHECK(crew.idle() == 4);
  for (int i = 0; i < 4; ++i) crew.pass(5s);
  CHECK(crew.idle() < 4);
}

TEST_CASE("one worker may keep all of them") {
  Crew crew({.workers = 4, .pool = {.keepalive = 8}});
  std::vector<Client*> clients;
  for (size_t i = 0; i < 8; ++i) clients.push_back(&crew.ask(2));
  crew.connectAll();
  for (Client* client : clients) client->finish();
  crew.turnAll();
  CHECK(crew.worker(2).pool->idle() == 8);
}

TEST_CASE("the warm floor is one floor") {
  Crew crew({.workers = 3, .pool = {.keepaliveMin = 2}});
  for (int i = 0; i < 10; ++i) {
    crew.connectAll();
    crew.pass(100ms);
  }
  CHECK(crew.open() == 2);
  CHECK(crew.opened() == 2);
}

TEST_CASE("an endpoint that refused one worker is left alone by the others") {
  Crew crew({.workers = 2});
  Client& first = crew.ask(0);
  for (int i = 0; i < 8 && first.waiting(); ++i) {
    crew.turnAll();
    if (FakeConn* conn = crew.first(0, ConnState::Connecting)) conn->refuses();
  }
  const bool backsOff = !crew.state->backoff.allows(crew.clock.now());
  crew.ask(1);
  CHECK((crew.first(1, ConnState::Connecting) == nullptr) == backsOff);
  REQUIRE(crew.state->backoff.failures() > 0);
}

TEST_CASE("a replay has room made for it where idle connections fill the cap") {
  Crew crew({.maxConns = 1});
  crew.warm(0);
  Client& replay = crew.ask(1, {.fresh = true});
  crew.turnAll(true);
  REQUIRE(replay.served());
  CHECK(replay.conn().exchanges() == 1);
  CHECK(crew.worker(0).stats.closedFor(CloseReason::MakeRoom).value() == 1);
}

TEST_CASE("what was on its way to a queue that has gone is closed and accounted for") {
  Crew crew;
  crew.warm(0);
  Client& client = crew.ask(1);
  crew.turn(0);
  crew.hangUp(1, client);
  crew.worker(1).queue->setPools({});
  crew.turnAll();
  CHECK(crew.open() == 0);
  CHECK(crew.state->budget.used() == 0);
}

// Every order of six operations ---------------------------------------------------------------

enum class Op { Ask, AskReplay, Finish, Break, HangUp };

// When messages arrive.
enum class Delivery { AtTheEnd, ToTheActor, ToTheNext, ToAll };

class Run {
 public:
  Run(uint32_t cap, Delivery delivery)
      : crew_({.workers = 3, .maxConns = cap}), delivery_(delivery) {}

  void step(size_t at, Op op) {
    perform(at, op);
    switch (delivery_) {
      case Delivery::AtTheEnd:
        break;
      case Delivery::ToTheActor:
        crew_.turn(at);
        break;
      case Delivery::ToTheNext:
        crew_.turn((at + 1) % 3);
        break;
      case Delivery::ToAll:
        crew_.turnAll();
        break;
    }
    crew_.checkCaps();
  }

  void finish() {
    crew_.turnAll(true);
    crew_.checkNobodyWaitsInVain();
    // Everybody is served in the end.
    for (int i = 0; i < 12; ++i) {
      for (size_t at = 0; at < 3; ++at) perform(at, Op::Finish);
      crew_.turnAll(true);
    }
    CHECK(crew_.waiting() == 0);
    for (size_t at = 0; at < 3; ++at)
      for (const auto& client : crew_.worker(at).clients) CHECK(client->answers == 1);
  }

 private:
  void perform(size_t at, Op op) {
    Crew::Worker& w = crew_.worker(at);
    const auto find = [&](auto condition) {
      return std::find_if(w.clients.begin(), w.clients.end(),
                          [&](const auto& c) { return condition(*c); });
    };
    const auto served = find([](const Client& c) { return c.served(); });
    const auto waiting = find([](const Client& c) { return c.waiting(); });
    if (op == Op::Ask) crew_.ask(at);
    if (op == Op::AskReplay) crew_.ask(at, {.fresh = true});
    if (op == Op::Finish && served != w.clients.end()) (*served)->finish();
    if (op == Op::Break && served != w.clients.end())
      (*served)->breakOff(CloseReason::EndedInExchange);
    if (op == Op::HangUp && waiting != w.clients.end()) crew_.hangUp(at, **waiting);
    if (delivery_ != Delivery::AtTheEnd) crew_.connectAll();
  }

  Crew crew_;
  const Delivery delivery_;
};

TEST_CASE("in every order of two operations of three workers nobody waits in vain") {
  const std::vector<std::pair<Op, Op>> scripts = {{Op::Ask, Op::Finish},
                                                  {Op::Ask, Op::Break},
                                                  {Op::Ask, Op::HangUp},
                                                  {Op::Ask, Op::Ask},
                                                  {Op::AskReplay, Op::Finish}};
  const auto runAll = [&](const std::vector<size_t>& order) {
    for (size_t a = 0; a < scripts.size(); ++a)
      for (size_t b = a; b < scripts.size(); ++b)
        for (size_t c = b; c < scripts.size(); ++c)
          for (const Delivery delivery :
               {Delivery::AtTheEnd, Delivery::ToTheActor, Delivery::ToTheNext, Delivery::ToAll}) {
            // Which script a worker has makes no difference beyond its order: worker numbers are
            // names.
            const size_t chosen[] = {a, b, c};
            INFO("order ", order[0], order[1], order[2], order[3], order[4], order[5]);
            CAPTURE(a);
            CAPTURE(b);
            CAPTURE(c);
            CAPTURE(static_cast<int>(delivery));
            Run run(1 + static_cast<uint32_t>(order[0] % 2), delivery);
            size_t done[3] = {};
            for (const size_t at : order) {
              const auto& script = scripts[chosen[at]];
              run.step(at, done[at]++ == 0 ? script.first : script.second);
            }
            run.finish();
          }
  };
  std::vector<size_t> order = {0, 0, 1, 1, 2, 2};
  size_t orders = 0;
  do {
    runAll(order);
    ++orders;
  } while (std::next_permutation(order.begin(), order.end()));
  CHECK(orders == 90);
}

// What another worker says of its waiters is read while it is being written: the time of the first
// may be gone already and the count still there.
TEST_CASE("a waiter that leaves while it is looked at is nobody to send a connection to") {
  ManualClock clock;
  event::Dispatcher first(clock), second(clock);
  const auto shared = std::make_shared<SharedQueue>(0, std::vector{&first, &second});
  shared->publish(1, 1, TimePoint::max());
  CHECK(shared->claimTaker(0, clock.now()) == shared->workers());
  shared->publish(1, 1, clock.now() - SharedQueue::kHeadStart);
  CHECK(shared->claimTaker(0, clock.now()) == 1);
}

}  // namespace
}  // namespace oxbow::pool
