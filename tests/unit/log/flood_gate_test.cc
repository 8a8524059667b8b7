#include "proxy/log/flood_gate.h"

#include <doctest/doctest.h>

using namespace oxbow;
using namespace oxbow::log;
using namespace std::chrono_literals;

namespace {

struct FloodFixture {
  FloodGate gate;
  ManualClock clock;

  uint32_t admittedOf(int events) {
    uint32_t admitted = 0;
    for (int i = 0; i < events; ++i) admitted += gate.ask(clock.now()).admitted ? 1 : 0;
    return admitted;
  }
};

}  // namespace

TEST_CASE_FIXTURE(FloodFixture, "twenty a second pass") {
  CHECK(admittedOf(20) == 20);
  CHECK(admittedOf(10) == 0);
  clock.advance(999ms);
  CHECK(admittedOf(1) == 0);
  clock.advance(1ms);
  CHECK(admittedOf(30) == 20);
}

TEST_CASE_FIXTURE(FloodFixture, "the first one of the next second tells how many were held back") {
  admittedOf(25);
  clock.advance(1s);
  const FloodGate::Verdict verdict = gate.ask(clock.now());
  CHECK(verdict.admitted);
  CHECK(verdict.suppressed == 5);
  CHECK(gate.ask(clock.now()).suppressed == 0);
}

TEST_CASE_FIXTURE(FloodFixture, "nothing is told when nothing was held back") {
  admittedOf(20);
  clock.advance(1s);
  CHECK(gate.ask(clock.now()).suppressed == 0);
  CHECK(gate.takeSuppressed() == 0);
}

TEST_CASE_FIXTURE(FloodFixture, "what was not told can be asked for, once") {
  admittedOf(21);
  CHECK(gate.takeSuppressed() == 1);
  CHECK(gate.takeSuppressed() == 0);
}
