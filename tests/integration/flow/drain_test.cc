// What SIGTERM does.

#include <doctest/doctest.h>

#include "tests/integration/support/fake_upstream.h"
#include "tests/integration/support/oxbow.h"
#include "tests/integration/support/raw_client.h"

namespace oxbow::integration {

namespace {

// An upstream that answers when the gate opens; oxbow with a client that waits for such an answer
// and one that is idle.
struct Draining {
  explicit Draining(const std::string& top = "shutdown_timeout: 10s\ndrain_spread: 0s")
      : upstream(answeringBehind(gate, ok("late"))),
        oxbow(Setup{.servers = {upstream.address()}, .top = top + "\n" + kAdmin}),
        busy(oxbow.address()),
        idle(oxbow.address()) {
    busy.send(get());
    REQUIRE(upstream.awaitRequests(1));
  }
  ~Draining() { gate.open(); }

  // Drains, and returns when the worker knows.
  void drain() {
    oxbow.drain();
    CHECK(idle.readToEnd().empty());
    CHECK(idle.end() == Read::Fin);
  }

  Gate gate;
  FakeUpstream upstream;
  Oxbow oxbow;
  RawClient busy;
  RawClient idle;
};

}  // namespace

TEST_CASE_FIXTURE(Draining, "what is in flight finishes, with Connection: close") {
  drain();
  CHECK_FALSE(oxbow.awaitStopped(milliseconds(50)));
  gate.open();
  const Message answer = busy.receive();
  CHECK(answer.body == "late");
  CHECK(answer.field("Connection") == "close");
  CHECK(busy.readToEnd().empty());
  CHECK(busy.end() == Read::Fin);
  CHECK(oxbow.awaitStopped());
  CHECK(upstream.awaitEnd(0));
}

TEST_CASE_FIXTURE(Draining, "new clients are refused while it drains") {
  drain();
  CHECK_FALSE(RawClient(oxbow.address()).connected());
}

TEST_CASE_FIXTURE(Draining, "the admin listener tells that it drains") {
  RawClient admin(oxbow.admin());
  CHECK(admin.ask("GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n").status() == 200);
  drain();
  RawClient later(oxbow.admin());
  CHECK(later.ask("GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n").status() == 503);
}

TEST_CASE_FIXTURE(Draining, "pipelined requests behind the one in flight are not begun") {
  busy.send(get("/second"));
  drain();
  gate.open();
  CHECK(busy.receive().field("Connection") == "close");
  CHECK(busy.readToEnd().empty());
  busy.stream().close();  // or oxbow lingers, for what else may have been sent
  CHECK(oxbow.awaitStopped());
  CHECK(upstream.requests() == 1);
}

TEST_CASE_FIXTURE(Draining, "a request that has begun to come in still gets its answer") {
  RawClient half(oxbow.address());
  half.send("GET /half HTTP/1.1\r\n");
  // Seen by the worker before it drains: it answers in order.
  RawClient probe(oxbow.address());
  CHECK(probe.ask("junk\r\n\r\n").status() == 400);
  drain();
  half.send("Host: a\r\n\r\n");
  gate.open();
  const Message answer = half.receive();
  CHECK(answer.body == "late");
  CHECK(answer.field("Connection") == "close");
}

TEST_CASE("shutdown_timeout ends what does not finish") {
  Draining draining("shutdown_timeout: 200ms\ndrain_spread: 0s");
  const auto start = std::chrono::steady_clock::now();
  draining.drain();
  CHECK(draining.oxbow.awaitStopped());
  const auto took = std::chrono::steady_clock::now() - start;
  CHECK(took >= milliseconds(190));
  CHECK(took < milliseconds(10000));  // the default is 30 s
  CHECK_FALSE(draining.busy.receive().complete);
  CHECK(draining.busy.end() != Read::Late);
  draining.gate.open();
  CHECK(draining.upstream.awaitEnd(0));
}

TEST_CASE("without clients it stops at once") {
  Oxbow oxbow(Setup{.servers = {"127.0.0.1:1"}, .top = "shutdown_timeout: 60s"});
  oxbow.drain();
  CHECK(oxbow.awaitStopped());
}

TEST_CASE("an upload in flight finishes") {
  FakeUpstream upstream(answering(ok("got it")));
  Oxbow oxbow(
      Setup{.servers = {upstream.address()}, .top = "shutdown_timeout: 10s\ndrain_spread: 0s"});
  RawClient client(oxbow.address()), idle(oxbow.address());
  client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" +
              std::string(50000, 'x'));
  REQUIRE(upstream.awaitReceived("xxxx"));
  oxbow.drain();
  CHECK(idle.readToEnd().empty());
  client.send(std::string(50000, 'y'));
  const Message answer = client.receive();
  CHECK(answer.body == "got it");
  CHECK(answer.field("Connection") == "close");
  CHECK(oxbow.awaitStopped());
  CHECK(upstream.lastRequest().body.size() == 100000);
}

TEST_CASE("draining twice is draining once; stopping ends it") {
  Draining draining;
  draining.drain();
  draining.oxbow.drain();
  CHECK_FALSE(draining.oxbow.awaitStopped(milliseconds(50)));
  draining.oxbow.stop();
  CHECK_FALSE(draining.busy.receive().complete);
}

}  // namespace oxbow::integration
