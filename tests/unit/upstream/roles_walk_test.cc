#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "proxy/upstream/dual_stack.h"
#include "tests/unit/pool/fakes.h"

using namespace oxbow;
using namespace oxbow::pool;
using oxbow::upstream::DualStack;

namespace {

// Endpoints come, go, change their family and their group while clients, servers and the clock do
// what they like: accounts are right after each step, and in the end everybody was answered once.
// Endpoints 2n and 2n+1 are the two families of one name.
class RolesWalk final : DualStack::Owner {
 public:
  RolesWalk(const Rules& rules, bool grouped)
      : scene_(rules), random_(rules.seed * 104729), dual_(scene_.dispatcher, *this, races_) {
    grouped_ = grouped;
    for (size_t i = 0; i < scene_.endpoints.size(); ++i) {
      plans_.push_back({true, i % 2 == 1, "name " + std::to_string(i / 2)});
      if (grouped) scene_.pool(i).setGroup(static_cast<uint32_t>(i / 2));
    }
    arrange();
  }
  ~RolesWalk() { dual_.assign({}); }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      step();
      scene_.checkAccounts();
      checkRoles();
      if (!grouped_) checkNobodyWaitsInVain();
    }
    settle();
  }

  uint64_t races() const { return races_.value(); }
  int wins() const { return wins_; }

 private:
  struct Plan {
    bool isThere;
    bool standsBy;
    std::string name;
  };

  // As Upstream::apply.
  void arrange() {
    std::vector<DualStack::Member> members;
    std::vector<ConnPool*> leaving;
    arrangeQueue();
    for (size_t i = 0; i < plans_.size(); ++i) {
      Plan& plan = plans_[i];
      ConnPool& pool = scene_.pool(i);
      if (plan.isThere) members.push_back({plan.name, plan.name, pool, plan.standsBy});
    }
    dual_.assign(members);
    takeRoles();
    for (size_t i = 0; i < plans_.size(); ++i)
      if (!plans_[i].isThere && scene_.pool(i).role() != PoolRole::Retired)
        scene_.pool(i).retire(random_.below(2) == 0 ? Duration(0) : Duration(5s));
    scene_.queue.setAbsence(awaited_, kRefused);
    scene_.queue.attend();
  }
  void arrangeQueue() {
    std::vector<ConnPool*> pools;
    std::vector<ConnPool*> aside;
    for (size_t i = 0; i < plans_.size(); ++i) {
      const bool chosen = plans_[i].isThere && !plans_[i].standsBy;
      const auto index = static_cast<uint32_t>(pools.size());
      scene_.pool(i).setIndex(chosen ? index : ConnPool::kNoIndex);
      (chosen ? pools : aside).push_back(&scene_.pool(i));
    }
    scene_.queue.replacePools(pools, aside, scene_.balancer);
  }
  void takeRoles() {
    for (size_t i = 0; i < plans_.size(); ++i) {
      ConnPool& pool = scene_.pool(i);
      if (!plans_[i].isThere) continue;
      if (!plans_[i].standsBy)
        pool.revive();
      else if (pool.role() != PoolRole::Standby)
        pool.standBy(5s);
    }
  }
  void onFamilyWon(const std::string&, const std::string& name) override {
    for (Plan& plan : plans_)
      if (plan.name == name && plan.isThere) plan.standsBy = !plan.standsBy;
    ++wins_;
    arrangeQueue();
    takeRoles();
  }

  void step() {
    const uint64_t dice = random_.below(100);
    if (dice < 30) return ask();
    if (dice < 45)
      return withClient([](Client& c) {
        if (c.served()) c.finish();
      });
    if (dice < 50)
      return withClient([](Client& c) {
        if (c.served()) c.breakOff(CloseReason::ReadTimeout);
      });
    if (dice < 55) return withClient([&](Client& c) { leave(c); });
    if (dice < 70) return withConn(ConnState::Connecting, [&](FakeConn& c) { openOrRefuse(c); });
    if (dice < 74) return withConn(ConnState::Idle, [](FakeConn& c) { c.serverCloses(); });
    if (dice < 77) return withConn(ConnState::Idle, [](FakeConn& c) { c.found = Probe::Dead; });
    if (dice < 82) return change();
    if (dice < 98) return scene_.pass(Duration(static_cast<int64_t>(random_.below(200'000'000))));
    scene_.pass(Duration(static_cast<int64_t>(random_.below(9'000'000'000))), 250ms);
  }
  // A name comes or goes, or loses or gets a family, or prefers the other.
  void change() {
    const size_t name = random_.below(plans_.size() / 2) * 2;
    Plan& first = plans_[name];
    Plan& second = plans_[name + 1];
    awaited_ = random_.below(2) == 0;
    first.isThere = random_.below(4) != 0;
    second.isThere = random_.below(4) != 0;
    first.standsBy = second.isThere && random_.below(2) == 0;
    second.standsBy = first.isThere && !first.standsBy;
    arrange();
  }
  void ask() {
    if (clients_.size() >= 30) return;
    Client& client = scene_.arrive();
    clients_.push_back(&client);
    const uint64_t kind = random_.below(10);
    scene_.queue.acquire(client, {.replayable = kind < 6, .fresh = kind == 9});
  }
  void leave(Client& client) {
    CHECK(client.answers == (client.waiting() ? 0 : 1));
    std::erase(clients_, &client);
    scene_.hangUp(client);
  }
  void openOrRefuse(FakeConn& conn) {
    if (random_.below(3) == 0) return conn.refuses();
    conn.connects();
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

  void checkRoles() {
    for (size_t i = 0; i < plans_.size(); ++i) {
      const ConnPool& pool = scene_.pool(i);
      if (!plans_[i].isThere) CHECK(pool.connecting() == 0);
      if (plans_[i].standsBy) CHECK(pool.connecting() <= 1);
    }
    if (!scene_.queue.waiting()) return;
    const bool anyThere =
        std::any_of(plans_.begin(), plans_.end(), [](const Plan& p) { return p.isThere; });
    CHECK((anyThere || awaited_));
  }

  // See random_walk_test.cc.
  void checkNobodyWaitsInVain() {
    uint32_t connecting = 0;
    uint32_t takeIdle = 0;
    uint32_t untried = 0;
    for (const auto& endpoint : scene_.endpoints) connecting += endpoint->pool->connecting();
    for (const Client* client : clients_) {
      if (!client->waiting()) continue;
      takeIdle += client->need().fresh ? 0 : 1;
      untried += client->tries() == 0 ? 1 : 0;
    }
    for (const auto& endpoint : scene_.endpoints) {
      if (endpoint->pool->role() != PoolRole::Serving) continue;
      if (takeIdle > connecting) CHECK(endpoint->pool->idle() == 0);
      // Timers fire at whole milliseconds.
      const bool hasJustEnded = endpoint->state->backoff.failures() > 0 &&
                                scene_.clock.now() - endpoint->pool->backoffEnd() < 1ms;
      if (untried > connecting && !hasJustEnded) CHECK_FALSE(endpoint->pool->canOpen());
    }
  }

  void settle() {
    for (Plan& plan : plans_) plan.isThere = true;
    for (size_t i = 0; i < plans_.size(); ++i) plans_[i].standsBy = i % 2 == 1;
    arrange();
    for (int round = 0; round < 300; ++round) {
      scene_.connectAll();
      for (Client* client : clients_)
        if (client->served()) client->finish();
      scene_.pass(100ms);
    }
    for (const Client* client : clients_) CHECK(client->answers == 1);
    CHECK(scene_.queue.waiting() == 0);
    for (Duration passed{}; passed < 5min; passed += 250ms) {
      scene_.connectAll();  // the floor, too
      scene_.pass(250ms, 250ms);
    }
    scene_.checkState({});
    CHECK(scene_.dispatcher.timers() == 0);
  }

  Scene scene_;
  Random random_;
  stats::Counter races_;
  DualStack dual_;
  std::vector<Plan> plans_;
  int wins_ = 0;
  bool grouped_ = false;
  bool awaited_ = false;
  std::vector<Client*> clients_;
};

}  // namespace

TEST_CASE("endpoints may come and go, and families and groups change, whatever else happens") {
  uint64_t races = 0;
  int wins = 0;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    Rules rules;
    rules.seed = seed;
    rules.endpoints = static_cast<uint32_t>(2 + 2 * random.below(3));
    rules.maxConns = static_cast<uint32_t>(random.below(5));
    rules.maxTotalConns = static_cast<uint32_t>(random.below(3) * 4);
    rules.maxConnecting = static_cast<uint32_t>(1 + random.below(4));
    rules.pool.keepalive = static_cast<uint32_t>(random.below(5));
    rules.pool.keepaliveMin = static_cast<uint32_t>(random.below(3));
    rules.queue.size = static_cast<uint32_t>(random.below(3) * 10);
    RolesWalk walk(rules, seed % 2 == 0);
    walk.run(1500);
    races += walk.races();
    wins += walk.wins();
  }
  CHECK(races > 300);
  CHECK(wins > 100);
}
