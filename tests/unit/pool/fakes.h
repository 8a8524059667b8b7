#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "proxy/base/clock.h"
#include "proxy/base/random.h"
#include "proxy/event/dispatcher.h"
#include "proxy/log/log.h"
#include "proxy/pool/conn_pool.h"
#include "proxy/pool/wait_queue.h"

// A scene for the pools: endpoints whose servers the test plays, and clients that ask for
// connections.
namespace oxbow::pool {

using namespace std::chrono_literals;

constexpr Error kRefused{ErrorCode::ConnectionRefused, Side::Upstream, Retry::Safe, 0, "refused"};

class FakeConnector;

// A connection without a socket; the test decides what its server does.
class FakeConn final : public PooledConn {
 public:
  explicit FakeConn(FakeConnector& connector) : connector_(connector) {}
  ~FakeConn() override;

  // What the test decides.
  Probe found = Probe::Alive;                    // when somebody looks
  bool clean = true;                             // the last exchange left it as new
  CloseReason why = CloseReason::ResponseClose;  // when it did not
  bool drains = false;                           // it goes on when its client leaves
  Duration promise = Duration::max();            // Keep-Alive: timeout
  bool hasAnswered = false;                      // while it is being opened

  // What the pool did.
  int probes = 0;
  bool open = true;

  // What the server does.
  void connects() { pool().onConnected(*this); }
  void refuses(CloseReason reason = CloseReason::ConnectFailed) {
    pool().onConnectFailed(*this, kRefused, reason);
  }
  void serverCloses(CloseReason reason = CloseReason::ServerClosed) {
    pool().onIdleEnded(*this, reason);
  }
  void drained(bool cleanly) {
    clean = cleanly;
    pool().onDrained(*this);
  }

  uint32_t room() const override { return clean ? 1 : 0; }

 protected:
  Probe probe() override {
    CHECK(state() == ConnState::Idle);
    ++probes;
    return found;
  }
  bool reusable() const override { return clean; }
  CloseReason closeReason() const override { return why; }
  bool drain() override { return drains; }
  std::unique_ptr<MovingConn> depart() override;
  void closeSocket() override;
  void onDeadline() override {}
  bool answered() const override { return hasAnswered; }
  Duration serverKeepAlive() const override { return promise; }

 private:
  FakeConnector& connector_;
};

// The network side of one endpoint. Checks that slots are taken before a socket and returned behind
// it.
class FakeConnector final : public Connector {
 public:
  FakeConnector(const Budget& endpoint, const Budget& upstream)
      : endpoint_(endpoint), upstream_(upstream) {}

  std::vector<FakeConn*> alive;  // in the order of opening; a closed one until the turn's end
  uint32_t openNow = 0;
  uint32_t mostOpen = 0;

  std::unique_ptr<PooledConn> connect() override {
    ++openNow;
    mostOpen = std::max(mostOpen, openNow);
    checkSlots();
    auto conn = std::make_unique<FakeConn>(*this);
    alive.push_back(conn.get());
    return conn;
  }
  std::unique_ptr<PooledConn> arrive(MovingConn& moving) override;
  void checkSlots() const {
    CHECK(endpoint_.used() >= openNow);
    CHECK(upstream_.used() >= openNow);
  }

 private:
  const Budget& endpoint_;
  const Budget& upstream_;
};

inline FakeConn::~FakeConn() {
  CHECK_FALSE(open);
  auto& all = connector_.alive;
  all.erase(std::find(all.begin(), all.end(), this));
}

// Its socket, between two workers.
struct FakeMoving final : MovingConn {
  explicit FakeMoving(FakeConnector& c) : from(&c) {}
  ~FakeMoving() override {
    if (from != nullptr) --from->openNow;  // closed on its way
  }
  FakeConnector* from;
  Probe found = Probe::Alive;
};

inline std::unique_ptr<MovingConn> FakeConn::depart() {
  CHECK(open);
  open = false;
  auto moving = std::make_unique<FakeMoving>(connector_);
  moving->found = found;
  return moving;
}

inline std::unique_ptr<PooledConn> FakeConnector::arrive(MovingConn& moving) {
  auto& fake = static_cast<FakeMoving&>(moving);
  --std::exchange(fake.from, nullptr)->openNow;
  ++openNow;
  auto conn = std::make_unique<FakeConn>(*this);
  conn->found = fake.found;
  alive.push_back(conn.get());
  return conn;
}

inline void FakeConn::closeSocket() {
  CHECK(open);
  connector_.checkSlots();
  open = false;
  --connector_.openNow;
}

// Takes turns among the usable pools.
class FakeBalancer final : public Balancer {
 public:
  ConnPool* pick(const std::vector<ConnPool*>& pools, const Usable& usable) override {
    for (size_t i = 0; i < pools.size(); ++i) {
      const size_t at = (next_ + i) % pools.size();
      if (!usable(*pools[at])) continue;
      next_ = at + 1;
      return pools[at];
    }
    return nullptr;
  }
  void turnTo(size_t pool) { next_ = pool; }

 private:
  size_t next_ = 0;
};

// An exchange that asks for a connection.
class Client final : public Waiter {
 public:
  ~Client() override { lease.release(); }

  Lease lease;
  std::optional<Error> refusal;
  int answers = 0;
  bool hangsUpWhenServed = false;
  std::function<void()> whenServed;
  std::function<void()> whenRefused;

  bool served() const { return static_cast<bool>(lease); }
  bool refused() const { return refusal.has_value(); }
  FakeConn& conn() const {
    REQUIRE(served());
    return static_cast<FakeConn&>(lease.conn());
  }
  // The exchange ended cleanly.
  void finish() {
    REQUIRE(served());
    lease.release();
  }
  // The exchange ended in a way that the connection does not survive.
  void breakOff(CloseReason reason) {
    conn().clean = false;
    conn().why = reason;
    lease.release();
  }

 private:
  void onLease(Lease given) override {
    ++answers;
    lease = std::move(given);
    if (hangsUpWhenServed) lease.release();
    if (whenServed) whenServed();
  }
  void onNoLease(const Error& error) override {
    ++answers;
    refusal = error;
    if (whenRefused) whenRefused();
  }
};

struct Rules {
  uint32_t endpoints = 1;
  PoolPolicy pool;
  QueuePolicy queue;
  uint32_t maxConns = 0;
  uint32_t maxTotalConns = 0;
  uint32_t maxConnecting = 8;
  uint64_t seed = 1;
  uint32_t maxFails = 0;  // failures are not counted
  Duration failTimeout = std::chrono::seconds(10);
};

struct State {
  uint32_t idle = 0;
  uint32_t active = 0;
  uint32_t connecting = 0;
  size_t waiting = 0;
};

// One upstream on one worker.
class Scene {
 public:
  struct Endpoint {
    Endpoint(Scene& scene, uint32_t index)
        : state(std::make_shared<EndpointState>(scene.rules.maxConns, scene.rules.maxConnecting)),
          connector(state->budget, scene.total),
          pool(std::make_unique<ConnPool>(
              ConnPool::Parts{scene.dispatcher, scene.random, connector, state, scene.shared, stats,
                              scene.queue, 0, &scene.lifecycle, index + 1},
              scene.rules.pool, index)) {
      state->health.configure(scene.rules.maxFails, scene.rules.failTimeout);
    }

    const std::shared_ptr<EndpointState> state;
    PoolStats stats;
    FakeConnector connector;
    std::unique_ptr<ConnPool> pool;
  };

  static constexpr uint32_t kQueuePlace = 99;  // pools have their index and one more

  explicit Scene(const Rules& r = {}) : rules(r) {
    log::setLevel(log::Level::Off);  // servers that refuse are the point, not news
    for (uint32_t i = 0; i < rules.endpoints; ++i)
      endpoints.push_back(std::make_unique<Endpoint>(*this, i));
    std::vector<ConnPool*> pools;
    for (auto& endpoint : endpoints) pools.push_back(endpoint->pool.get());
    queue.setPools(pools);
    queue.setLifecycle(lifecycle, kQueuePlace);
    for (ConnPool* p : pools) p->start();
  }
  ~Scene() { end(); }

  const Rules rules;
  ManualClock clock;
  event::Dispatcher dispatcher{clock};
  Random random{rules.seed};
  const std::shared_ptr<SharedQueue> shared =
      std::make_shared<SharedQueue>(rules.maxTotalConns, std::vector{&dispatcher});
  Budget& total = shared->total;
  FakeBalancer balancer;
  QueueStats queueStats;
  LifecycleRing lifecycle;
  WaitQueue queue{dispatcher, balancer, rules.queue, queueStats, shared, 0};
  std::vector<std::unique_ptr<Endpoint>> endpoints;

  // Clients -------------------------------------------------------------------------------------

  Client& ask(const Need& need = {}) {
    Client& client = arrive();
    queue.acquire(client, need);
    return client;
  }
  Client& askUnreplayable() { return ask({.replayable = false}); }
  Client& askReplay() { return ask({.fresh = true}); }
  // One that has not asked yet.
  Client& arrive() { return *clients_.emplace_back(std::make_unique<Client>()); }
  // Destroys the client, whatever it is doing.
  void hangUp(Client& client) {
    std::erase_if(clients_, [&](const auto& c) { return c.get() == &client; });
  }

  // Servers -------------------------------------------------------------------------------------

  ConnPool& pool(size_t endpoint = 0) { return *endpoints[endpoint]->pool; }
  PoolStats& stats(size_t endpoint = 0) { return endpoints[endpoint]->stats; }
  EndpointState& endpointState(size_t endpoint = 0) { return *endpoints[endpoint]->state; }
  FakeConnector& connector(size_t endpoint = 0) { return endpoints[endpoint]->connector; }
  uint64_t closed(CloseReason reason, size_t endpoint = 0) {
    return stats(endpoint).closedFor(reason).value();
  }

  // The connection of that state that was opened first.
  FakeConn* first(ConnState state, size_t endpoint = 0) {
    for (FakeConn* conn : connector(endpoint).alive)
      if (conn->state() == state) return conn;
    return nullptr;
  }
  FakeConn& opening(size_t endpoint = 0) {
    FakeConn* conn = first(ConnState::Connecting, endpoint);
    REQUIRE(conn != nullptr);
    return *conn;
  }
  FakeConn& idling(size_t endpoint = 0) {
    FakeConn* conn = first(ConnState::Idle, endpoint);
    REQUIRE(conn != nullptr);
    return *conn;
  }
  // All that are being opened are open, also those that are begun for the next in the queue.
  void connectAll() {
    for (size_t i = 0; i < endpoints.size(); ++i)
      while (FakeConn* conn = first(ConnState::Connecting, i)) conn->connects();
  }

  // A connection that has been lent and given back.
  FakeConn& connectAndRelease() {
    Client& client = ask();
    if (!client.served()) connectAll();
    FakeConn& conn = client.conn();
    client.finish();
    return conn;
  }
  // `count` idle connections that have carried an exchange each.
  std::vector<FakeConn*> warmUp(size_t count) {
    std::vector<Client*> borrowers;
    for (size_t i = 0; i < count; ++i) borrowers.push_back(&ask());
    connectAll();
    std::vector<FakeConn*> conns;
    for (Client* client : borrowers) {
      conns.push_back(&client->conn());
      client->finish();
    }
    return conns;
  }

  // Time ----------------------------------------------------------------------------------------

  void turn() {
    dispatcher.turn(false);
    checkAccounts();
  }
  // Passes in steps, as a loop that wakes for its timers sees it.
  void pass(Duration time, Duration step = 100ms) {
    while (time > Duration(0)) {
      const Duration by = std::min(time, step);
      clock.advance(by);
      turn();
      time -= by;
    }
  }

  // The end of the upstream: clients first, then pools.
  void end() {
    if (endpoints.empty()) return;
    clients_.clear();
    checkAccounts();
    queue.setPools({});
    for (auto& endpoint : endpoints) endpoint->pool.reset();
    dispatcher.turn(false);
    CHECK(total.used() == 0);
    for (auto& endpoint : endpoints) {
      CHECK(endpoint->state->budget.used() == 0);
      CHECK(endpoint->connector.openNow == 0);
      CHECK(endpoint->connector.alive.empty());
    }
    endpoints.clear();
  }

  // Checks --------------------------------------------------------------------------------------

  void checkState(const State& expected) {
    State found;
    for (auto& endpoint : endpoints) {
      found.idle += endpoint->pool->idle();
      found.active += endpoint->pool->active();
      found.connecting += endpoint->pool->connecting();
    }
    found.waiting = queue.waiting();
    CHECK(found.idle == expected.idle);
    CHECK(found.active == expected.active);
    CHECK(found.connecting == expected.connecting);
    CHECK(found.waiting == expected.waiting);
    checkAccounts();
  }

  // What is counted equals what is there, and no cap is passed.
  void checkAccounts() {
    uint32_t sum = 0;
    for (auto& endpoint : endpoints) {
      const ConnPool& p = *endpoint->pool;
      const PoolStats& s = endpoint->stats;
      CHECK(s.idle.value() == p.idle());
      CHECK(s.active.value() == p.active());
      CHECK(s.connecting.value() == p.connecting());
      uint64_t closes = 0;
      for (const auto& counter : s.closed) closes += counter.value();
      CHECK(s.opened.value() == closes + p.total());
      CHECK(endpoint->connector.openNow == p.total());
      CHECK(endpoint->state->budget.used() == p.total());
      if (rules.maxConns > 0) CHECK(endpoint->connector.mostOpen <= rules.maxConns);
      CHECK(p.connecting() <= rules.maxConnecting);
      sum += p.total();
    }
    CHECK(total.used() == sum);
    if (rules.maxTotalConns > 0) CHECK(sum <= rules.maxTotalConns);
    CHECK(queueStats.waiting.value() == static_cast<int64_t>(queue.waiting()));
  }

 private:
  std::vector<std::unique_ptr<Client>> clients_;
};

}  // namespace oxbow::pool
