#include "proxy/pool/conn_pool.h"

#include <doctest/doctest.h>

#include "tests/unit/pool/fakes.h"

using namespace oxbow;
using namespace oxbow::pool;

// Acquire ---------------------------------------------------------------------------------------

TEST_CASE("with nothing idle a connection is opened, and its client waits for it") {
  Scene scene;
  Client& client = scene.ask();
  CHECK(client.waiting());
  scene.checkState({.connecting = 1, .waiting = 1});
  scene.opening().connects();
  CHECK(client.served());
  scene.checkState({.active = 1});
  CHECK(client.conn().exchanges() == 1);
  CHECK(client.conn().fresh());
  client.finish();
  scene.checkState({.idle = 1});
  CHECK(scene.stats().opened.value() == 1);
  CHECK(scene.stats().connected.value() == 1);
  CHECK(scene.stats().acquired.value() == 1);
  CHECK(scene.stats().reused.value() == 0);
}

TEST_CASE("an idle connection is lent inside acquire") {
  Scene scene;
  FakeConn& conn = scene.connectAndRelease();
  Client& client = scene.ask();
  CHECK(client.served());
  CHECK_FALSE(client.waiting());
  CHECK(&client.conn() == &conn);
  CHECK(conn.exchanges() == 2);
  CHECK_FALSE(conn.fresh());
  CHECK(scene.stats().acquired.value() == 2);
  CHECK(scene.stats().reused.value() == 1);
  CHECK(scene.stats().opened.value() == 1);
}

TEST_CASE("the connection given back last is lent first") {
  Scene scene;
  const auto conns = scene.warmUp(3);
  CHECK(&scene.ask().conn() == conns[2]);
  CHECK(&scene.ask().conn() == conns[1]);
  CHECK(&scene.ask().conn() == conns[0]);
}

TEST_CASE("with scheduling: fifo the connection that was idle longest is lent first") {
  Scene scene({.pool = {.fifo = true}});
  const auto conns = scene.warmUp(3);
  CHECK(&scene.ask().conn() == conns[0]);
  CHECK(&scene.ask().conn() == conns[1]);
  CHECK(&scene.ask().conn() == conns[2]);
}

TEST_CASE("the time that a connect took is kept") {
  Scene scene;
  Client& client = scene.ask();
  scene.pass(30ms);
  scene.opening().connects();
  CHECK(client.conn().connectTime() == 30ms);
}

// Looking before reuse --------------------------------------------------------------------------

TEST_CASE("a replayable exchange trusts a second of idleness") {
  Scene scene;
  FakeConn& conn = scene.connectAndRelease();
  scene.pass(999ms);
  scene.ask().finish();
  CHECK(conn.probes == 0);
  scene.pass(1s);
  scene.ask().finish();
  CHECK(conn.probes == 1);
  CHECK(scene.stats().peeks.value() == 1);
  CHECK(scene.stats().deadPeeks.value() == 0);
}

TEST_CASE("an exchange that cannot be replayed always looks") {
  Scene scene;
  FakeConn& conn = scene.connectAndRelease();
  Client& client = scene.askUnreplayable();
  CHECK(&client.conn() == &conn);
  CHECK(conn.probes == 1);
}

TEST_CASE("a waiter that cannot be replayed looks at what is given back to it") {
  Scene scene({.maxConns = 1});
  Client& first = scene.ask();
  scene.connectAll();
  FakeConn& conn = first.conn();
  Client& second = scene.askUnreplayable();
  SUBCASE("and takes it alive") {
    first.finish();
    CHECK(conn.probes == 1);
    CHECK(&second.conn() == &conn);
  }
  SUBCASE("or waits for a new one") {
    conn.found = Probe::Dead;
    first.finish();
    CHECK(scene.closed(CloseReason::DeadOnPeek) == 1);
    scene.checkState({.connecting = 1, .waiting = 1});
    scene.connectAll();
    CHECK(second.served());
  }
}

TEST_CASE("dead and dirty connections are closed, and the next one is looked at") {
  Scene scene;
  const auto conns = scene.warmUp(3);
  conns[2]->found = Probe::Dead;
  conns[1]->found = Probe::Dirty;
  Client& client = scene.askUnreplayable();
  CHECK(&client.conn() == conns[0]);
  CHECK(scene.closed(CloseReason::DeadOnPeek) == 1);
  CHECK(scene.closed(CloseReason::UnexpectedData) == 1);
  CHECK(scene.stats().peeks.value() == 3);
  CHECK(scene.stats().deadPeeks.value() == 2);
  scene.checkState({.active = 1});
}

TEST_CASE("when all are dead a new one is opened") {
  Scene scene;
  for (FakeConn* conn : scene.warmUp(2)) conn->found = Probe::Dead;
  Client& client = scene.askUnreplayable();
  CHECK(client.waiting());
  CHECK(scene.closed(CloseReason::DeadOnPeek) == 2);
  scene.checkState({.connecting = 1, .waiting = 1});
  scene.connectAll();
  CHECK(client.served());
}

// Retirement ------------------------------------------------------------------------------------

TEST_CASE("an idle connection retires after keepalive_timeout") {
  Scene scene({.pool = {.keepaliveTimeout = 10s}});
  scene.connectAndRelease();
  scene.pass(9900ms);
  scene.checkState({.idle = 1});
  scene.pass(100ms);
  scene.checkState({});
  CHECK(scene.closed(CloseReason::KeepaliveTimeout) == 1);
}

TEST_CASE("idleness counts from the last exchange") {
  Scene scene({.pool = {.keepaliveTimeout = 10s}});
  scene.connectAndRelease();
  for (int i = 0; i < 5; ++i) {
    scene.pass(8s);
    scene.ask().finish();
  }
  scene.checkState({.idle = 1});
  CHECK(scene.stats().opened.value() == 1);
  scene.pass(10s);
  scene.checkState({});
}

TEST_CASE("a connection in use does not retire by idleness") {
  Scene scene({.pool = {.keepaliveTimeout = 10s}});
  scene.connectAndRelease();
  Client& client = scene.ask();
  scene.pass(1min);
  scene.checkState({.active = 1});
  client.finish();
  scene.checkState({.idle = 1});
}

TEST_CASE("a connection that is due is not lent, though its timer has not run yet") {
  Scene scene({.pool = {.keepaliveTimeout = 10s}});
  scene.connectAndRelease();
  Client* late = nullptr;
  // In a turn of its own the loop hears of the request before it runs timers.
  scene.clock.advance(10s);
  scene.dispatcher.post([&] { late = &scene.ask(); });
  scene.turn();
  REQUIRE(late != nullptr);
  CHECK(late->waiting());
  CHECK(scene.closed(CloseReason::KeepaliveTimeout) == 1);
}

TEST_CASE("the last of keepalive_requests exchanges closes the connection") {
  Scene scene({.pool = {.keepaliveRequests = 3}});
  for (int i = 0; i < 2; ++i) {
    scene.connectAndRelease();
    scene.checkState({.idle = 1});
  }
  scene.connectAndRelease();
  scene.checkState({});
  CHECK(scene.closed(CloseReason::KeepaliveRequests) == 1);
  CHECK(scene.stats().opened.value() == 1);
}

TEST_CASE("a connection retires at keepalive_time") {
  Scene scene({.pool = {.keepaliveTime = 30s}});
  SUBCASE("when it is given back") {
    Client& client = scene.ask();
    scene.connectAll();
    scene.pass(31s);
    scene.checkState({.active = 1});  // not in the middle of an exchange
    client.finish();
  }
  SUBCASE("while it is idle") {
    scene.connectAndRelease();
    scene.pass(29900ms);
    scene.checkState({.idle = 1});
    scene.pass(100ms);
  }
  scene.checkState({});
  CHECK(scene.closed(CloseReason::KeepaliveTime) == 1);
}

TEST_CASE("more than `keepalive` idle connections are not kept: the oldest go") {
  Scene scene({.pool = {.keepalive = 2}});
  std::vector<Client*> borrowers;
  for (int i = 0; i < 4; ++i) borrowers.push_back(&scene.ask());
  scene.connectAll();
  FakeConn* third = &borrowers[2]->conn();
  FakeConn* fourth = &borrowers[3]->conn();
  for (Client* client : borrowers) client->finish();
  scene.checkState({.idle = 2});
  CHECK(scene.closed(CloseReason::KeepaliveFull) == 2);
  CHECK(&scene.ask().conn() == fourth);
  CHECK(&scene.ask().conn() == third);
}

TEST_CASE("keepalive 0 closes behind each exchange") {
  Scene scene({.pool = {.keepalive = 0}});
  scene.connectAndRelease();
  scene.checkState({});
  CHECK(scene.closed(CloseReason::KeepaliveFull) == 1);
  // One that nobody waits for any more is not kept either.
  Client& client = scene.ask();
  scene.hangUp(client);
  scene.connectAll();
  scene.checkState({});
  CHECK(scene.closed(CloseReason::KeepaliveFull) == 2);
}

TEST_CASE("the server's own Keep-Alive timeout is obeyed, with a margin") {
  Scene scene;
  Client& client = scene.ask();
  scene.connectAll();
  Duration expected{};
  SUBCASE("of a second") {
    client.conn().promise = 10s;
    expected = 9s;
  }
  SUBCASE("of a fifth when it is short") {
    client.conn().promise = 2s;
    expected = 1600ms;
  }
  client.finish();
  scene.pass(expected - 100ms);
  scene.checkState({.idle = 1});
  scene.pass(100ms);
  scene.checkState({});
  CHECK(scene.closed(CloseReason::ServerKeepAlive) == 1);
}

TEST_CASE("a server that promises nothing is not trusted with an idle connection") {
  Scene scene;
  Client& client = scene.ask();
  scene.connectAll();
  client.conn().promise = 0s;
  client.finish();
  scene.checkState({});
  CHECK(scene.closed(CloseReason::ServerKeepAlive) == 1);
}

TEST_CASE("a promise beyond keepalive_timeout changes nothing") {
  Scene scene({.pool = {.keepaliveTimeout = 10s}});
  Client& client = scene.ask();
  scene.connectAll();
  client.conn().promise = 100s;
  client.finish();
  scene.pass(10s);
  CHECK(scene.closed(CloseReason::KeepaliveTimeout) == 1);
}

// The end of connections ------------------------------------------------------------------------

TEST_CASE("what ends an idle connection is its reason") {
  for (const CloseReason reason :
       {CloseReason::ServerClosed, CloseReason::ServerReset, CloseReason::UnexpectedData}) {
    CAPTURE(textOf(reason));
    Scene scene;
    scene.connectAndRelease().serverCloses(reason);
    scene.checkState({});
    CHECK(scene.closed(reason) == 1);
  }
}

TEST_CASE("what made an exchange end badly is the reason") {
  for (const CloseReason reason :
       {CloseReason::ResponseClose, CloseReason::EarlyResponse, CloseReason::ProtocolError,
        CloseReason::EndedInExchange, CloseReason::ReadTimeout, CloseReason::SendTimeout,
        CloseReason::ClientGone}) {
    CAPTURE(textOf(reason));
    Scene scene;
    Client& client = scene.ask();
    scene.connectAll();
    client.breakOff(reason);
    scene.checkState({});
    CHECK(scene.closed(reason) == 1);
  }
}

TEST_CASE("a connect that fails has its reason") {
  for (const CloseReason reason : {CloseReason::ConnectFailed, CloseReason::ConnectTimeout}) {
    CAPTURE(textOf(reason));
    Scene scene;
    Client& client = scene.ask();
    scene.opening().refuses(reason);
    CHECK(client.refused());
    scene.checkState({});
    CHECK(scene.closed(reason) == 1);
    CHECK(scene.stats().connectFailed.value() == 1);
  }
}

TEST_CASE("closed connections are destroyed at the end of the turn") {
  Scene scene;
  FakeConn& conn = scene.connectAndRelease();
  conn.serverCloses();
  CHECK(conn.state() == ConnState::Closed);
  CHECK_FALSE(conn.open);  // the descriptor goes at once
  CHECK(scene.connector().alive.size() == 1);
  scene.turn();
  CHECK(scene.connector().alive.empty());
}

TEST_CASE("a connection that drains serves the next client when it is done") {
  Scene scene({.maxConns = 1});
  Client& first = scene.ask();
  scene.connectAll();
  FakeConn& conn = first.conn();
  conn.clean = false;
  conn.drains = true;
  scene.hangUp(first);
  scene.checkState({.active = 1});
  Client& second = scene.ask();
  CHECK(second.waiting());
  SUBCASE("cleanly") {
    conn.drained(true);
    CHECK(&second.conn() == &conn);
  }
  SUBCASE("or a new one does when it is not") {
    conn.why = CloseReason::ClientGone;
    conn.drained(false);
    CHECK(scene.closed(CloseReason::ClientGone) == 1);
    scene.connectAll();
    CHECK(second.served());
    CHECK(&second.conn() != &conn);
  }
}

TEST_CASE("an exchange that ended cleanly does not drain") {
  Scene scene;
  Client& client = scene.ask();
  scene.connectAll();
  client.conn().drains = true;
  client.finish();
  scene.checkState({.idle = 1});
}

// Leases ----------------------------------------------------------------------------------------

TEST_CASE("a lease moves, and gives back once") {
  Scene scene;
  Client& client = scene.ask();
  scene.connectAll();
  Lease moved = std::move(client.lease);
  CHECK_FALSE(client.served());
  CHECK(moved);
  client.lease.release();
  scene.checkState({.active = 1});
  Lease target;
  target = std::move(moved);
  scene.checkState({.active = 1});
  target.release();
  scene.checkState({.idle = 1});
  target.release();
  scene.checkState({.idle = 1});
}

TEST_CASE("assigning to a lease gives back what it held") {
  Scene scene;
  Client& a = scene.ask();
  Client& b = scene.ask();
  scene.connectAll();
  FakeConn& kept = b.conn();
  a.lease = std::move(b.lease);
  scene.checkState({.idle = 1, .active = 1});
  CHECK(&a.conn() == &kept);
  a.lease = Lease();
  scene.checkState({.idle = 2});
}
