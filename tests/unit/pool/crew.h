#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <vector>

#include "tests/unit/pool/fakes.h"

// One upstream with one endpoint on several workers. All of them on the test's thread: a worker
// does something when the test turns it, so that messages between them can be late in any order.
namespace oxbow::pool {

struct CrewRules {
  size_t workers = 2;
  PoolPolicy pool;
  QueuePolicy queue;
  uint32_t maxConns = 0;
  uint32_t maxTotalConns = 0;
  uint32_t maxConnecting = 8;
};

class Crew {
 public:
  struct Worker {
    Worker(const ManualClock& clock, uint64_t seed) : dispatcher(clock), random(seed) {}

    event::Dispatcher dispatcher;
    Random random;
    FakeBalancer balancer;
    QueueStats queueStats;
    PoolStats stats;
    std::unique_ptr<FakeConnector> connector;
    std::unique_ptr<WaitQueue> queue;
    std::unique_ptr<ConnPool> pool;
    std::vector<std::unique_ptr<Client>> clients;
  };

  explicit Crew(const CrewRules& r = {}) : rules(r) {
    log::setLevel(log::Level::Off);
    std::vector<event::Dispatcher*> dispatchers;
    for (size_t i = 0; i < rules.workers; ++i) {
      workers.push_back(std::make_unique<Worker>(clock, i + 1));
      dispatchers.push_back(&workers.back()->dispatcher);
    }
    shared = std::make_shared<SharedQueue>(rules.maxTotalConns, dispatchers);
    state = std::make_shared<EndpointState>(rules.maxConns, rules.maxConnecting, rules.workers);
    state->health.configure(0, Duration(0));
    for (size_t i = 0; i < rules.workers; ++i) join(i);
  }
  ~Crew() { end(); }

  const CrewRules rules;
  ManualClock clock;
  std::vector<std::unique_ptr<Worker>> workers;
  std::shared_ptr<SharedQueue> shared;
  std::shared_ptr<EndpointState> state;

  Worker& worker(size_t i) { return *workers[i]; }

  // Clients and servers ---------------------------------------------------------------------------

  Client& ask(size_t at, const Need& need = {}) {
    Worker& w = worker(at);
    Client& client = *w.clients.emplace_back(std::make_unique<Client>());
    w.queue->acquire(client, need);
    return client;
  }
  void hangUp(size_t at, Client& client) {
    std::erase_if(worker(at).clients, [&](const auto& c) { return c.get() == &client; });
  }
  FakeConn* first(size_t at, ConnState wanted) {
    for (FakeConn* conn : worker(at).connector->alive)
      if (conn->state() == wanted) return conn;
    return nullptr;
  }
  // What is being opened is open.
  void connectAll() {
    for (size_t i = 0; i < workers.size(); ++i)
      while (FakeConn* conn = first(i, ConnState::Connecting)) conn->connects();
  }
  // A connection of that worker, idle and used.
  void warm(size_t at) {
    Client& client = ask(at);
    connectAll();
    REQUIRE(client.served());
    client.finish();
    turnAll();
  }

  // Turns -----------------------------------------------------------------------------------------

  void turn(size_t at) {
    worker(at).dispatcher.turn(false);
    checkCaps();
  }
  // Until every message has been answered. What opens is open at once when `connecting` is set.
  void turnAll(bool connecting = false) {
    for (int round = 0; round < 12; ++round) {
      for (size_t i = 0; i < workers.size(); ++i) turn(i);
      if (connecting) connectAll();
    }
  }
  void pass(Duration time) {
    clock.advance(time);
    turnAll();
  }

  // Checks ----------------------------------------------------------------------------------------

  uint32_t open() const {
    uint32_t sum = 0;
    for (const auto& w : workers) sum += w->connector->openNow;
    return sum;
  }
  uint64_t opened() const {
    uint64_t sum = 0;
    for (const auto& w : workers) sum += w->stats.opened.value();
    return sum;
  }
  uint32_t idle() const {
    uint32_t sum = 0;
    for (const auto& w : workers) sum += w->pool->idle();
    return sum;
  }
  size_t waiting() const {
    size_t sum = 0;
    for (const auto& w : workers) sum += w->queue->waiting();
    return sum;
  }
  // What the server sees, at every moment.
  void checkCaps() const {
    CHECK(state->budget.used() >= open());
    if (rules.maxConns > 0) CHECK(state->budget.used() <= rules.maxConns);
    if (rules.maxTotalConns > 0) CHECK(shared->total.used() <= rules.maxTotalConns);
    if (rules.maxConnecting > 0) CHECK(state->connecting.used() <= rules.maxConnecting);
  }
  // REQUIRES: every message has been delivered, and nothing is being opened.
  void checkNobodyWaitsInVain() const {
    CHECK(state->budget.used() == open());
    CHECK(shared->total.used() == open());
    if (waiting() == 0) return;
    CHECK(idle() == 0);
    for (const auto& w : workers)
      if (w->queue->waiting() > 0) CHECK_FALSE(w->pool->canOpen());
  }

  void end() {
    if (workers.empty()) return;
    for (auto& w : workers) w->clients.clear();
    turnAll();
    for (auto& w : workers) {
      w->queue->setPools({});
      w->pool.reset();
    }
    for (auto& w : workers) w->dispatcher.turn(false);
    CHECK(state->budget.used() == 0);
    CHECK(state->connecting.used() == 0);
    CHECK(shared->total.used() == 0);
    for (auto& w : workers) w->queue.reset();
    workers.clear();
  }

 private:
  void join(size_t i) {
    Worker& w = worker(i);
    w.connector = std::make_unique<FakeConnector>(state->budget, shared->total);
    w.queue =
        std::make_unique<WaitQueue>(w.dispatcher, w.balancer, rules.queue, w.queueStats, shared, i);
    w.pool = std::make_unique<ConnPool>(
        ConnPool::Parts{w.dispatcher, w.random, *w.connector, state, shared, w.stats, *w.queue, i},
        rules.pool, 0);
    w.queue->setPools({w.pool.get()});
    w.pool->start();
  }
};

}  // namespace oxbow::pool
