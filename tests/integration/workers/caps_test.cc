// Several workers, one pool: caps, fairness and reuse as the origin counts them.

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "tests/integration/support/crowd.h"
#include "tests/integration/support/fake_upstream.h"
#include "tests/integration/support/oxbow.h"

namespace oxbow::integration {

namespace {

std::string topFor(int workers) { return "workers: " + std::to_string(workers) + "\n" + kAdmin; }

// Answers after a millisecond; after every `closing`-th response of all it closes. 0: never.
FakeUpstream::Script slowly(std::atomic<uint64_t>& served, uint64_t closing) {
  return [&served, closing](UpstreamConn& conn) {
    while (conn.request()) {
      std::this_thread::sleep_for(milliseconds(1));
      if (!conn.send(ok())) return;
      if (closing > 0 && ++served % closing == 0) return;
    }
  };
}

}  // namespace

TEST_CASE("a cap holds over the workers, and no client starves") {
  struct Case {
    int workers;
    size_t cap;
    uint64_t closing;
  };
  for (const Case& c : {Case{2, 10, 0}, Case{4, 10, 0}, Case{2, 1, 0}, Case{4, 1, 0}, Case{4, 3, 0},
                        Case{2, 10, 13}, Case{4, 10, 13}, Case{4, 3, 7}}) {
    CAPTURE(c.workers);
    CAPTURE(c.cap);
    CAPTURE(c.closing);
    std::atomic<uint64_t> served{0};
    FakeUpstream upstream(slowly(served, c.closing));
    Oxbow oxbow(Setup{.servers = {upstream.address()},
                      .upstream = "keepalive: 10\nkeepalive_requests: 1000000\nmax_conns: " +
                                  std::to_string(c.cap) + "\nqueue: { timeout: 20s }",
                      .top = topFor(c.workers)});
    Crowd crowd(oxbow.address(), 300);
    crowd.askUntil(300 * 15);
    CHECK(crowd.failures() == 0);
    CHECK(crowd.answers() >= 300 * 15);
    CHECK(upstream.mostOpen() <= c.cap);
    if (c.closing == 0) CHECK(upstream.connections() == c.cap);
    INFO("answers ", crowd.answers(), ", fairness ", crowd.fairness(), ", median ",
         crowd.latency(0.5), " ms, p99 ", crowd.latency(0.99), " ms");
    CHECK(crowd.fairness() >= 0.8);
    // 250 ms of a machine that stands still meet all who wait just then.
    CHECK(crowd.latency(0.99) <= 2.5 * crowd.latency(0.5) + 250);
  }
}

TEST_CASE("reuse does not fall with workers") {
  FakeUpstream upstream(answering(ok()));
  Oxbow oxbow(Setup{.servers = {upstream.address()},
                    .upstream = "keepalive: 10\nkeepalive_requests: 1000000",
                    .top = topFor(4)});
  Crowd crowd(oxbow.address(), 100);
  crowd.ask(10000, 5);
  CHECK(crowd.failures() == 0);
  CHECK(crowd.answers() == 10000);
  CHECK(upstream.connections() <= 12);
}

TEST_CASE("clients are spread over the workers") {
  FakeUpstream upstream(answering(ok()));
  for (const auto& [workers, most] : {std::pair{2, 110}, std::pair{4, 60}}) {
    CAPTURE(workers);
    Oxbow oxbow(Setup{.servers = {upstream.address()}, .top = topFor(workers)});
    Crowd crowd(oxbow.address(), 200);
    crowd.ask(200, 20);  // then each of them has been accepted
    CHECK(crowd.failures() == 0);
    double all = 0;
    for (int i = 0; i < workers; ++i) {
      const double has = oxbow.metric("oxbow_worker_clients{worker=\"" + std::to_string(i) + "\"}");
      CHECK(has <= most);
      all += has;
    }
    CHECK(all == 200);
  }
}

TEST_CASE("worker_connections counts the clients of all workers") {
  FakeUpstream upstream(answering(ok()));
  Oxbow oxbow(
      Setup{.servers = {upstream.address()}, .top = "worker_connections: 20\n" + topFor(2)});
  auto first = std::make_unique<Crowd>(oxbow.address(), 20);
  first->ask(20, 20);
  CHECK(first->failures() == 0);
  // The kernel takes it; nobody answers until another leaves.
  Crowd later(oxbow.address(), 1);
  later.askFor(milliseconds(200));
  CHECK(later.answers() == 0);
  first.reset();
  later.askUntil(1);
  CHECK(later.answers() == 1);
}

}  // namespace oxbow::integration
