#include "proxy/stats/counter.h"

#include <doctest/doctest.h>

using namespace oxbow::stats;

TEST_CASE("a counter adds") {
  Counter counter;
  CHECK(counter.value() == 0);
  counter.add();
  counter.add(41);
  CHECK(counter.value() == 42);
}

TEST_CASE("a gauge rises, falls and goes below zero") {
  Gauge gauge;
  gauge.add(3);
  gauge.sub();
  CHECK(gauge.value() == 2);
  gauge.sub(5);
  CHECK(gauge.value() == -3);
  gauge.set(7);
  CHECK(gauge.value() == 7);
}
