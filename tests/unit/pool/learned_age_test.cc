#include <doctest/doctest.h>

#include "tests/unit/pool/fakes.h"

using namespace oxbow;
using namespace oxbow::pool;

namespace {

// A server that closes what has been idle for 5 s, once it has done so three times.
struct LearnedFixture {
  Scene scene{{.maxConns = 2}};

  LearnedFixture() {
    // Demand for one connection, or the unused ones would not be kept.
    scene.connectAndRelease().serverCloses(CloseReason::UnexpectedData);
    scene.turn();
  }
  void closeUsed(Duration idle) {
    FakeConn& conn = scene.connectAndRelease();
    scene.pass(idle);
    conn.serverCloses();
    scene.turn();
  }
  // A connection that was opened for a client that left.
  FakeConn& openUnused() {
    scene.hangUp(scene.ask());
    scene.connectAll();
    return scene.idling();
  }
  void closeUnused(Duration idle) {
    FakeConn& conn = openUnused();
    scene.pass(idle);
    conn.serverCloses();
    scene.turn();
  }
  bool knowsUsed() {
    return scene.endpointState().usedAge.learned(scene.dispatcher.now()).has_value();
  }
  bool knowsUnused() {
    return scene.endpointState().unusedAge.learned(scene.dispatcher.now()).has_value();
  }
  void learn() {
    for (int i = 0; i < 3; ++i) closeUsed(5s);
    REQUIRE(knowsUsed());
  }
};

}  // namespace

TEST_CASE_FIXTURE(LearnedFixture, "what a server closes three times at one age is retired before") {
  learn();
  scene.connectAndRelease();
  scene.pass(3900ms);
  scene.checkState({.idle = 1});
  scene.pass(100ms);
  scene.checkState({});
  CHECK(scene.closed(CloseReason::LearnedAge) == 1);
}

TEST_CASE_FIXTURE(LearnedFixture, "closes found by looking teach as well") {
  for (int i = 0; i < 3; ++i) {
    FakeConn& conn = scene.connectAndRelease();
    scene.pass(5s);
    conn.found = Probe::Dead;
    scene.hangUp(scene.askUnreplayable());
    scene.connectAll();
    scene.idling().serverCloses(CloseReason::UnexpectedData);
    scene.turn();
  }
  CHECK(scene.closed(CloseReason::DeadOnPeek) == 3);
  CHECK(knowsUsed());
  CHECK_FALSE(knowsUnused());  // bytes that nobody asked for are no timeout
}

TEST_CASE_FIXTURE(LearnedFixture, "resets teach as well") {
  for (int i = 0; i < 3; ++i) {
    FakeConn& conn = scene.connectAndRelease();
    scene.pass(5s);
    conn.serverCloses(CloseReason::ServerReset);
  }
  CHECK(knowsUsed());
}

TEST_CASE_FIXTURE(LearnedFixture, "idleness that was survived in between contradicts") {
  closeUsed(5s);
  scene.connectAndRelease();
  scene.pass(6s);
  scene.ask().finish();
  scene.idling().serverCloses(CloseReason::UnexpectedData);
  closeUsed(5s);
  closeUsed(5s);
  CHECK_FALSE(knowsUsed());
}

TEST_CASE_FIXTURE(LearnedFixture, "connections that were never used learn separately") {
  for (int i = 0; i < 3; ++i) closeUnused(5s);
  CHECK(knowsUnused());
  CHECK_FALSE(knowsUsed());
  openUnused();
  scene.pass(4s);
  CHECK(scene.closed(CloseReason::LearnedAge) == 1);
  scene.connectAndRelease();
  scene.pass(10s);
  scene.checkState({.idle = 1});
}

TEST_CASE_FIXTURE(LearnedFixture,
                  "what a never-used connection survived says nothing of used ones") {
  closeUsed(5s);
  openUnused();
  scene.pass(30s);
  scene.ask().finish();
  scene.idling().serverCloses(CloseReason::UnexpectedData);
  scene.turn();
  closeUsed(5s);
  closeUsed(5s);
  CHECK(knowsUsed());
}

TEST_CASE_FIXTURE(LearnedFixture,
                  "what was learned is forgotten after 10 minutes without a close") {
  learn();
  scene.pass(10min, 1s);
  scene.connectAndRelease();
  scene.pass(30s);
  scene.checkState({.idle = 1});
  CHECK(scene.closed(CloseReason::LearnedAge) == 0);
}

// Half of the learned age -----------------------------------------------------------------------

TEST_CASE_FIXTURE(LearnedFixture,
                  "up to half the age, what cannot be replayed takes an idle connection") {
  learn();
  FakeConn& conn = scene.connectAndRelease();
  scene.pass(2500ms);
  CHECK(&scene.askUnreplayable().conn() == &conn);
  CHECK(conn.probes == 1);
}

TEST_CASE_FIXTURE(LearnedFixture, "past half the age, what cannot be replayed takes a new one") {
  learn();
  FakeConn& conn = scene.connectAndRelease();
  scene.pass(2600ms);
  Client& client = scene.askUnreplayable();
  CHECK(client.waiting());
  scene.checkState({.idle = 1, .connecting = 1, .waiting = 1});
  SUBCASE("while what can be replayed takes the idle one") {
    CHECK(&scene.ask().conn() == &conn);
    CHECK(client.waiting());
    scene.connectAll();
    CHECK(client.served());
  }
  SUBCASE("and the idle one after all when that fails") {
    scene.opening().refuses();
    CHECK(&client.conn() == &conn);
    CHECK(conn.probes == 1);
  }
}

TEST_CASE_FIXTURE(LearnedFixture, "past half the age, but at the cap, it takes the idle one") {
  learn();
  scene.warmUp(2);
  scene.pass(2600ms);
  Client& first = scene.askUnreplayable();
  CHECK(first.served());
  CHECK(first.conn().probes == 1);
  CHECK(scene.askUnreplayable().served());
}
