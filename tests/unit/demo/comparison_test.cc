#include "proxy/demo/comparison.h"

#include <doctest/doctest.h>

namespace oxbow::demo {

namespace {

constexpr Duration kShort = std::chrono::milliseconds(50);

Measured figures(uint32_t keepalive, uint64_t connections, uint64_t requests) {
  Measured m;
  m.keepalive = keepalive;
  m.originConnections = connections;
  m.originRequests = requests;
  return m;
}

}  // namespace

TEST_CASE("without a pool every request has a connection of its own") {
  const Measured measured = std::move(measure(0, 4, kShort).value());
  CHECK(measured.load.answered() > 0);
  CHECK(measured.load.failed == 0);
  CHECK(measured.originRequests == measured.load.answered());
  CHECK(measured.originConnections == measured.originRequests);
  CHECK(measured.reuse() == 0);
}

TEST_CASE("with a pool there are no more connections than clients") {
  const Measured measured = std::move(measure(4, 4, kShort).value());
  CHECK(measured.load.answered() > 0);
  CHECK(measured.load.failed == 0);
  CHECK(measured.originRequests == measured.load.answered());
  CHECK(measured.originConnections <= 4);
}

TEST_CASE("reuse is the part of the requests that opened no connection") {
  CHECK(figures(4, 10, 1000).reuse() == doctest::Approx(0.99));
  CHECK(figures(4, 0, 0).reuse() == 0);
  // One that was opened and never used is not less than none.
  CHECK(figures(4, 11, 10).reuse() == 0);
}

TEST_CASE("the table has a column each and a row a figure") {
  Measured without = figures(0, 1234567, 1234567);
  without.load.micros = {1000, 2000};
  without.load.elapsed = std::chrono::seconds(1);
  without.load.failed = 3;
  Measured with = figures(64, 10, 1000);
  with.load.micros = {12};
  with.load.elapsed = std::chrono::seconds(1);
  CHECK(tableOf(without, with) ==
        "                            without a pool     with a pool\n"
        "keepalive                                0              64\n"
        "requests                                 2               1\n"
        "failed                                   3               0\n"
        "requests a second                        2               1\n"
        "latency p50                        1.00 ms         0.01 ms\n"
        "latency p99                        2.00 ms         0.01 ms\n"
        "connections at the origin        1,234,567              10\n"
        "requests on a reused one            0.00 %         99.00 %\n");
}

}  // namespace oxbow::demo
