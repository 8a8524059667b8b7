#include <doctest/doctest.h>

#include <vector>

#include "tests/unit/pool/fakes.h"

using namespace oxbow;
using namespace oxbow::pool;

namespace {

// Clients, servers and the clock do what they like; after each step the pools must be right.
class Walk {
 public:
  Walk(const Rules& rules, bool serversRefuse)
      : scene_(rules), random_(rules.seed * 7919), serversRefuse_(serversRefuse) {}

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      step();
      checkNobodyWaitsInVain();
      scene_.checkAccounts();
    }
    settle();
  }

 private:
  void step() {
    const uint64_t dice = random_.below(100);
    if (dice < 30) return ask();
    if (dice < 45)
      return withClient([&](Client& c) {
        if (c.served()) c.finish();
      });
    if (dice < 50)
      return withClient([&](Client& c) {
        if (c.served()) breakOff(c);
      });
    if (dice < 55) return withClient([&](Client& c) { leave(c); });
    if (dice < 75) return withConn(ConnState::Connecting, [&](FakeConn& c) { openOrRefuse(c); });
    if (dice < 79) return withConn(ConnState::Idle, [&](FakeConn& c) { c.serverCloses(); });
    if (dice < 82) return withConn(ConnState::Idle, [&](FakeConn& c) { c.found = Probe::Dead; });
    if (dice < 84) return withConn(ConnState::Idle, [&](FakeConn& c) { c.found = Probe::Dirty; });
    if (dice < 86) return withConn(ConnState::Active, [&](FakeConn& c) { endDrain(c); });
    if (dice < 98) return scene_.pass(Duration(static_cast<int64_t>(random_.below(200'000'000))));
    scene_.pass(Duration(static_cast<int64_t>(random_.below(20'000'000'000))), 250ms);
  }

  void ask() {
    if (clients_.size() >= 40) return;
    const uint64_t kind = random_.below(10);
    Client& client = scene_.arrive();
    clients_.push_back(&client);
    needs_.push_back({.replayable = kind < 6, .fresh = kind == 9});
    client.hangsUpWhenServed = random_.below(12) == 0;
    scene_.queue.acquire(client, needs_.back());
  }
  void breakOff(Client& client) {
    if (random_.below(2) == 0) client.conn().drains = true;
    client.breakOff(CloseReason::EndedInExchange);
  }
  void openOrRefuse(FakeConn& conn) {
    if (serversRefuse_ && random_.below(3) == 0) return conn.refuses();
    conn.connects();
  }
  void endDrain(FakeConn& conn) {
    if (conn.clean) return;
    for (const Client* client : clients_)
      if (client->served() && &client->conn() == &conn) return;
    conn.drained(random_.below(2) == 0);
    conn.drains = false;
  }
  // A client leaves when it was answered, and sometimes before.
  void leave(Client& client) {
    CHECK(client.answers == (client.waiting() ? 0 : 1));
    const auto at = std::find(clients_.begin(), clients_.end(), &client);
    needs_.erase(needs_.begin() + (at - clients_.begin()));
    clients_.erase(at);
    scene_.hangUp(client);
  }

  template <typename Do>
  void withClient(Do what) {
    if (!clients_.empty()) what(*clients_[random_.below(clients_.size())]);
  }
  template <typename Do>
  void withConn(ConnState state, Do what) {
    const size_t from = random_.below(scene_.endpoints.size());
    for (size_t i = 0; i < scene_.endpoints.size(); ++i)
      if (FakeConn* conn = scene_.first(state, (from + i) % scene_.endpoints.size()))
        return what(*conn);
  }

  // With more waiters than attempts, one has none: nothing may be idle that it could use, nor may
  // anything be opened for one that has not failed yet.
  void checkNobodyWaitsInVain() {
    uint32_t connecting = 0;
    uint32_t takeIdle = 0;
    uint32_t untried = 0;
    for (const auto& endpoint : scene_.endpoints) connecting += endpoint->pool->connecting();
    for (size_t i = 0; i < clients_.size(); ++i) {
      CHECK(clients_[i]->answers <= 1);
      if (!clients_[i]->waiting()) continue;
      takeIdle += needs_[i].fresh ? 0 : 1;
      untried += clients_[i]->tries() == 0 ? 1 : 0;
    }
    for (const auto& endpoint : scene_.endpoints) {
      if (takeIdle > connecting) CHECK(endpoint->pool->idle() == 0);
      if (untried > connecting) CHECK_FALSE(endpoint->pool->canOpen());
    }
  }

  // Everything that is under way ends: nobody is forgotten.
  void settle() {
    serversRefuse_ = false;
    for (int round = 0; round < 300; ++round) {
      scene_.connectAll();
      for (Client* client : clients_)
        if (client->served()) client->finish();
      for (size_t i = 0; i < scene_.endpoints.size(); ++i)
        while (FakeConn* conn = scene_.first(ConnState::Active, i)) {
          conn->drains = false;
          conn->drained(true);
        }
      scene_.pass(100ms);
    }
    for (const Client* client : clients_) CHECK(client->answers == 1);
    CHECK(scene_.queue.waiting() == 0);
    scene_.connectAll();
    scene_.pass(5min, 250ms);
    scene_.checkState({});
    CHECK(scene_.dispatcher.timers() == 0);
  }

  Scene scene_;
  Random random_;
  bool serversRefuse_;
  std::vector<Client*> clients_;
  std::vector<Need> needs_;
};

}  // namespace

TEST_CASE("nobody waits in vain, and every account is right, whatever happens") {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    Rules rules;
    rules.seed = seed;
    rules.endpoints = static_cast<uint32_t>(1 + random.below(4));
    rules.maxConns = static_cast<uint32_t>(random.below(5));
    rules.maxTotalConns = static_cast<uint32_t>(random.below(3) * 4);
    rules.maxConnecting = static_cast<uint32_t>(1 + random.below(4));
    rules.pool.keepalive = static_cast<uint32_t>(random.below(5));
    rules.pool.keepaliveMin = static_cast<uint32_t>(random.below(3));
    rules.pool.keepaliveRequests = 1 + random.below(20);
    rules.pool.fifo = random.below(2) == 0;
    rules.queue.size = static_cast<uint32_t>(random.below(3) * 10);
    Walk walk(rules, seed % 2 == 0);
    walk.run(1500);
  }
}
