// An upstream whose endpoints change: real sockets on the loopback, and the test's clock.

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proxy/log/log.h"
#include "proxy/net/socket.h"
#include "proxy/upstream/upstream.h"

using namespace oxbow;
using namespace oxbow::upstream;
using namespace std::chrono_literals;
using pool::CloseReason;
using pool::PoolRole;

namespace {

// A server that accepts by itself, as the kernel does.
struct Server {
  explicit Server(const std::string& at) : fd(::socket(familyOf(at), SOCK_STREAM, 0)) {
    address = SocketAddress::parse(at).value();
    REQUIRE(::bind(fd, address.get(), address.length()) == 0);
    address = net::localAddress(fd);
  }
  ~Server() {
    for (const int peer : filler) ::close(peer);
    ::close(fd);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  static int familyOf(const std::string& at) { return at[0] == '[' ? AF_INET6 : AF_INET; }
  void listens() { REQUIRE(::listen(fd, 64) == 0); }
  // What connects gets no answer: the backlog is full.
  void hangs() {
    REQUIRE(::listen(fd, 0) == 0);
    filler.push_back(::socket(address.family(), SOCK_STREAM, 0));
    REQUIRE(::connect(filler.back(), address.get(), address.length()) == 0);
  }

  int fd;
  SocketAddress address;
  std::vector<int> filler;
};

struct Client final : pool::Waiter {
  ~Client() override { lease.release(); }
  void onLease(pool::Lease given) override { lease = std::move(given); }
  void onNoLease(const Error& why) override { error = why; }

  pool::Lease lease;
  std::optional<Error> error;
};

struct Swap {
  std::string server;
  std::string name;
  int family;
};

struct Workers {
  struct Worker {
    explicit Worker(const Clock& clock) : dispatcher(clock) {
      context = std::make_unique<WorkerContext>(dispatcher, 1);
    }
    event::Dispatcher dispatcher;
    std::unique_ptr<WorkerContext> context;
    std::unique_ptr<Upstream> upstream;
    std::vector<std::unique_ptr<Client>> clients;
  };

  explicit Workers(size_t count = 1) {
    log::setLevel(log::Level::Off);
    std::vector<event::Dispatcher*> dispatchers;
    for (size_t i = 0; i < count; ++i) {
      all.push_back(std::make_unique<Worker>(clock));
      dispatchers.push_back(&all.back()->dispatcher);
    }
    shared = std::make_shared<SharedState>(*config, dispatchers);
    shared->setFamilyListener([this](const std::string& server, const std::string& name, int f) {
      swaps.push_back({server, name, f});
    });
    for (size_t i = 0; i < count; ++i)
      all[i]->upstream = std::make_unique<Upstream>(*all[i]->context, i, config, shared);
  }
  ~Workers() {
    for (auto& worker : all) worker->clients.clear();
    turn();
    for (auto& worker : all) worker->upstream.reset();
    turn();
    CHECK(shared->queue()->total.used() == 0);
  }

  void configure(const EndpointSet& set) {
    for (auto& worker : all) worker->upstream->configure(config, nullptr, set);
  }
  void publish(const EndpointSet& set) {
    for (auto& worker : all) worker->upstream->setEndpoints(set);
  }
  Client& ask(size_t worker = 0) {
    Worker& w = *all[worker];
    Client& client = *w.clients.emplace_back(std::make_unique<Client>());
    w.upstream->acquire(client, pool::Need());
    return client;
  }
  void turn() {
    for (int i = 0; i < 6; ++i)
      for (auto& worker : all) worker->dispatcher.turn(false);
  }
  void pass(Duration time) {
    for (Duration passed{}; passed < time; passed += 10ms) {
      clock.advance(10ms);
      turn();
    }
  }
  Upstream& upstream(size_t worker = 0) { return *all[worker]->upstream; }
  const Upstream::Endpoint& endpoint(size_t i, size_t worker = 0) {
    return upstream(worker).endpoints()[i];
  }
  uint64_t closed(const Upstream::Endpoint& endpoint, CloseReason reason) {
    return endpoint.stats->closedFor(reason).value();
  }

  ManualClock clock;
  const std::shared_ptr<config::Upstream> config = std::make_shared<config::Upstream>();
  std::vector<std::unique_ptr<Worker>> all;
  std::shared_ptr<SharedState> shared;
  std::vector<Swap> swaps;
};

EndpointSpec specOf(const SocketAddress& address) {
  EndpointSpec spec;
  spec.address = address;
  spec.server = spec.name = "a.example:80";
  return spec;
}

EndpointSet setOf(std::initializer_list<EndpointSpec> specs) {
  EndpointSet set;
  set.endpoints = specs;
  return set;
}

}  // namespace

TEST_CASE("exchanges wait for names, and fail as the set says") {
  Workers workers;
  EndpointSet awaited;
  awaited.awaited = true;
  workers.configure(awaited);
  Client& early = workers.ask();
  CHECK(early.waiting());
  SUBCASE("served") {
    Server server("127.0.0.1:0");
    server.listens();
    workers.publish(setOf({specOf(server.address)}));
    workers.turn();
    CHECK(early.lease);
    early.lease.release();
  }
  const auto failsWith = [&](ErrorCode code, const std::string& detail) {
    EndpointSet none;
    none.none = code;
    workers.publish(none);
    Client& late = workers.ask();
    for (const Client* client : {&early, &late}) {
      REQUIRE(client->error.has_value());
      CHECK(client->error->code == code);
      CHECK(client->error->statusCode() == 503);
      CHECK(client->error->retry == Retry::Safe);
      CHECK(client->error->detail == detail);
    }
  };
  SUBCASE("late") {
    failsWith(ErrorCode::DnsTimeout, "the upstream's names were not resolved in time");
  }
  SUBCASE("unknown") { failsWith(ErrorCode::DnsError, "the upstream's names do not resolve"); }
  SUBCASE("none") { failsWith(ErrorCode::DestinationUnavailable, "the upstream has no endpoint"); }
}

TEST_CASE("an endpoint that leaves the DNS drains, and is revived when it comes back") {
  Server a("127.0.0.1:0");
  Server b("127.0.0.1:0");
  a.listens();
  b.listens();
  Workers workers;
  EndpointSpec ofA = specOf(a.address);
  ofA.maxConns = 1;
  workers.configure(setOf({ofA}));
  Client& client = workers.ask();
  workers.turn();
  REQUIRE(client.lease);
  const pool::PooledConn* conn = &client.lease.conn();
  const pool::ConnPool* before = workers.endpoint(0).pool.get();
  client.lease.release();
  workers.publish(setOf({specOf(b.address)}));
  REQUIRE(workers.upstream().leaving().size() == 1);
  CHECK(before->idle() == 1);
  workers.shared->keepOnly({keyOf(specOf(b.address), *workers.config, nullptr)});
  CHECK(workers.shared->endpointsKnown() == 2);  // one connection of it is left

  SUBCASE("with its connections and its account") {
    workers.publish(setOf({specOf(b.address), ofA}));
    CHECK(workers.upstream().leaving().empty());
    CHECK(workers.endpoint(1).pool.get() == before);
    CHECK(workers.upstream().stats().endpointsRevived.value() == 1);
    CHECK(before->idle() == 1);
    workers.publish(setOf({ofA}));
    Client& next = workers.ask();
    REQUIRE(next.lease);
    CHECK(&next.lease.conn() == conn);
    Client& more = workers.ask();
    workers.turn();
    CHECK(more.waiting());  // max_conns
    next.lease.release();
    CHECK(more.lease);
  }
  SUBCASE("or it is gone for good") {
    workers.pass(20s);
    CHECK(workers.upstream().leaving().empty());
    CHECK(workers.upstream().stats().endpointsDrained.value() == 1);
    workers.shared->keepOnly({keyOf(specOf(b.address), *workers.config, nullptr)});
    CHECK(workers.shared->endpointsKnown() == 1);
  }
  SUBCASE("at once when the configuration says so") {
    workers.publish(setOf({ofA}));
    workers.configure(setOf({specOf(b.address)}));
    REQUIRE(workers.upstream().leaving().size() == 1);
    CHECK(workers.upstream().leaving()[0].pool->idle() == 0);
    CHECK(workers.closed(workers.upstream().leaving()[0], CloseReason::Removed) == 1);
  }
}

TEST_CASE("an account that anybody holds is not forgotten") {
  Workers workers;
  const EndpointSpec spec = specOf(SocketAddress::parse("127.0.0.1:9").value());
  std::shared_ptr<pool::EndpointState> held = workers.shared->endpoint(spec);
  workers.shared->keepOnly({});
  CHECK(workers.shared->endpoint(spec) == held);
  held.reset();
  workers.shared->keepOnly({});
  CHECK(workers.shared->endpointsKnown() == 0);
}

TEST_CASE("workers that apply sets at different moments keep one account of an address") {
  Server server("127.0.0.1:0");
  server.listens();
  Workers workers(2);
  EndpointSpec spec = specOf(server.address);
  spec.maxConns = 1;
  workers.configure(setOf({spec}));
  Client& client = workers.ask(1);
  workers.turn();
  REQUIRE(client.lease);
  workers.upstream(0).setEndpoints({});  // the other one is late
  workers.shared->keepOnly({});
  workers.pass(20s);
  CHECK(workers.upstream(0).leaving().empty());
  workers.upstream(0).setEndpoints(setOf({spec}));
  workers.upstream(1).setEndpoints({});
  workers.upstream(1).setEndpoints(setOf({spec}));
  Client& other = workers.ask(0);
  workers.turn();
  CHECK(other.waiting());  // max_conns
  client.lease.release();
  workers.pass(50ms);
  CHECK(other.lease);
}

TEST_CASE("when little changes, everything else stays as it is") {
  std::vector<EndpointSpec> specs;
  for (int i = 1; i <= 50; ++i)
    specs.push_back(specOf(SocketAddress::parse("127.1.0." + std::to_string(i) + ":9").value()));
  Workers workers;
  EndpointSet set;
  set.endpoints = specs;
  workers.configure(set);
  std::vector<const pool::ConnPool*> before;
  for (const auto& endpoint : workers.upstream().endpoints()) before.push_back(endpoint.pool.get());

  set.endpoints.erase(set.endpoints.begin() + 10);
  set.endpoints.push_back(specOf(SocketAddress::parse("127.2.0.1:9").value()));
  set.endpoints[3].weight = 7;
  std::swap(set.endpoints[0], set.endpoints[1]);
  workers.publish(set);
  const auto& now = workers.upstream().endpoints();
  REQUIRE(now.size() == 50);
  CHECK(now[0].pool.get() == before[1]);
  CHECK(now[1].pool.get() == before[0]);
  CHECK(now[3].pool.get() == before[3]);
  CHECK(now[3].spec.weight == 7);
  for (size_t i = 10; i < 49; ++i) CHECK(now[i].pool.get() == before[i + 1]);
  for (size_t i = 0; i < 50; ++i) CHECK(now[i].pool->index() == i);
}

TEST_CASE("names that hang give way to their other family, on this worker and then on the others") {
  Server hanging("127.0.0.1:0");
  Server standing("[::1]:0");
  hanging.hangs();
  standing.listens();
  Workers workers(2);
  const EndpointSpec first = specOf(hanging.address);
  EndpointSpec second = specOf(standing.address);
  second.standby = true;
  workers.configure(setOf({first, second}));
  CHECK(workers.endpoint(1).pool->role() == PoolRole::Standby);
  Client& client = workers.ask();
  workers.pass(200ms);
  CHECK(client.waiting());
  workers.pass(100ms);
  REQUIRE(client.lease);
  CHECK(&client.lease.conn().pool() == workers.endpoint(1).pool.get());
  CHECK(workers.closed(workers.endpoint(0), CloseReason::RaceLost) == 1);
  CHECK(workers.upstream().stats().racesBegun.value() == 1);
  CHECK(workers.upstream().stats().racesWon.value() == 1);
  REQUIRE(workers.swaps.size() == 1);
  CHECK(workers.swaps[0].server == "a.example:80");
  CHECK(workers.swaps[0].name == "a.example:80");
  CHECK(workers.swaps[0].family == AF_INET6);

  // What the main thread makes of it.
  EndpointSet swapped = setOf({first, second});
  swapped.endpoints[0].standby = true;
  swapped.endpoints[1].standby = false;
  workers.publish(swapped);
  for (size_t i = 0; i < 2; ++i) {
    CHECK(workers.endpoint(0, i).pool->role() == PoolRole::Standby);
    CHECK(workers.endpoint(1, i).pool->role() == PoolRole::Serving);
  }
  CHECK(client.lease);
  Client& other = workers.ask(1);
  workers.turn();
  CHECK(other.lease);
  CHECK(workers.swaps.size() == 1);

  // And when it prefers the first again.
  const pool::ConnPool* pool = workers.endpoint(1).pool.get();
  workers.publish(setOf({first, second}));
  CHECK(pool->role() == PoolRole::Standby);
  CHECK(pool->active() == 1);
  client.lease.release();
  CHECK(pool->total() == 0);
  CHECK(workers.swaps.size() == 1);
}

TEST_CASE("a refused family gives way at once") {
  Server refusing("127.0.0.1:0");
  Server standing("[::1]:0");
  standing.listens();
  Workers workers;
  EndpointSpec second = specOf(standing.address);
  second.standby = true;
  workers.configure(setOf({specOf(refusing.address), second}));
  Client& client = workers.ask();
  workers.turn();
  CHECK(client.lease);
  CHECK(workers.swaps.size() == 1);
}

TEST_CASE("a family that stands by for nobody serves") {
  Server server("127.0.0.1:0");
  server.listens();
  Workers workers;
  EndpointSpec spec = specOf(server.address);
  spec.standby = true;
  workers.configure(setOf({spec}));
  Client& client = workers.ask();
  workers.turn();
  CHECK(client.lease);
}

TEST_CASE("a set that comes behind the shutdown opens nothing ahead") {
  Server server("127.0.0.1:0");
  server.listens();
  Workers workers;
  workers.config->keepaliveMin.value = 2;
  workers.configure({});
  workers.upstream().shutdown();
  workers.publish(setOf({specOf(server.address)}));
  workers.pass(1s);
  CHECK(workers.endpoint(0).pool->total() == 0);
}
