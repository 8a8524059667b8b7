// A side that takes nothing stops the side that gives, and memory stays flat.

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "tests/integration/support/fake_upstream.h"
#include "tests/integration/support/memory.h"
#include "tests/integration/support/oxbow.h"
#include "tests/integration/support/raw_client.h"
#include "tests/integration/support/samples.h"

namespace oxbow::integration {

namespace {

constexpr int kBuffer = 64 << 10;
constexpr size_t kLarge = 200 << 20;
// The kernel's buffers, doubled, on four sockets, and a little of our own between them.
constexpr size_t kInFlight = 4 * 2 * kBuffer + (256 << 10);
constexpr long kGrowth = 5 << 20;

const std::string kBuffers = "rcvbuf: 64k\nsndbuf: 64k";

// Sends `size` bytes; opens `stalled` when nobody takes any more, and goes on when `resume` opens.
void sendMuch(Stream& stream, size_t size, std::atomic<size_t>& taken, Gate& stalled,
              Gate& resume) {
  const std::string block(64 << 10, 'x');
  while (taken < size) {
    const size_t n = std::min(block.size(), size - taken);
    const std::string_view piece(block.data(), n);
    size_t sent = stream.sendSome(piece, milliseconds(200));
    taken += sent;
    if (sent == n) continue;
    stalled.open();
    resume.await();
    if (!stream.send(piece.substr(sent))) break;
    taken += n - sent;
  }
}

// Reads up to the connection's end without keeping anything.
size_t discardAll(RawClient& client) {
  size_t total = 0;
  std::string bytes;
  while (client.stream().receive(bytes) == Read::Bytes) {
    total += bytes.size();
    bytes.clear();
  }
  return total;
}

}  // namespace

TEST_CASE("a response of 200 MB to a client that takes nothing for a while") {
  std::atomic<size_t> taken{0};
  Gate stalled, resume;
  std::string head;
  SUBCASE("of known length") { head = "Content-Length: " + std::to_string(kLarge) + "\r\n"; }
  SUBCASE("until the connection ends") { head = ""; }
  FakeUpstream upstream([&](UpstreamConn& conn) {
    if (!conn.request()) return;
    conn.stream().setBuffers(kBuffer);
    conn.send("HTTP/1.1 200 OK\r\n" + head + "\r\n");
    sendMuch(conn.stream(), kLarge, taken, stalled, resume);
  });
  Oxbow oxbow(Setup{.servers = {upstream.address()}, .upstream = kBuffers, .listener = kBuffers});
  const long before = residentBytes();
  RawClient client(oxbow.address(), kBuffer);
  client.send(get("/", "Connection: close\r\n"));
  REQUIRE(stalled.await());
  CHECK(taken < kInFlight);
  resume.open();
  const size_t received = discardAll(client);
  CHECK(taken == kLarge);
  CHECK(received > kLarge);
  if (kMemoryTells) CHECK(residentBytes() - before < kGrowth);
}

TEST_CASE("an upload of 200 MB to an upstream that takes nothing for a while") {
  Gate started, resume;
  std::atomic<size_t> received{0};
  FakeUpstream upstream([&](UpstreamConn& conn) {
    conn.stream().setBuffers(kBuffer);
    started.open();
    resume.await();
    received = conn.discardUntil("end.");
    conn.send(ok("taken"));
  });
  Oxbow oxbow(Setup{.servers = {upstream.address()}, .upstream = kBuffers, .listener = kBuffers});
  const long before = residentBytes();
  RawClient client(oxbow.address(), kBuffer);
  std::atomic<size_t> taken{0};
  Gate stalled;
  client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(kLarge + 4) +
              "\r\n\r\n");
  std::thread sender([&] {
    sendMuch(client.stream(), kLarge, taken, stalled, resume);
    client.send("end.");
  });
  CHECK(started.await());
  CHECK(stalled.await());
  CHECK(taken < kInFlight + (1 << 20));  // the accepted socket's buffer grew before it was set
  resume.open();
  sender.join();
  CHECK(client.receive().body == "taken");
  CHECK(received > kLarge);
  if (kMemoryTells) CHECK(residentBytes() - before < kGrowth);
}

TEST_CASE("a chunked upload to an upstream that takes nothing for a while") {
  Gate resume;
  FakeUpstream upstream([&resume](UpstreamConn& conn) {
    conn.stream().setBuffers(kBuffer);
    resume.await();
    conn.discardUntil("\r\n0\r\n\r\n");
    conn.send(ok("taken"));
  });
  Oxbow oxbow(Setup{.servers = {upstream.address()}, .upstream = kBuffers, .listener = kBuffers});
  RawClient client(oxbow.address(), kBuffer);
  const std::string whole = "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
                            chunked(std::string(20 << 20, 'x'));
  const size_t sent = client.stream().sendSome(whole, milliseconds(200));
  CHECK(sent < kInFlight + (1 << 20));
  resume.open();
  CHECK(client.send(whole.substr(sent)));
  CHECK(client.receive().body == "taken");
}

TEST_CASE("a slow client does not hold the upstream connection of a response that was read") {
  FakeUpstream upstream(answering(ok(std::string(60000, 'x'))));
  Oxbow oxbow(
      Setup{.servers = {upstream.address()}, .upstream = "max_conns: 1", .listener = "sndbuf: 4k"});
  RawClient slow(oxbow.address(), 4 << 10), quick(oxbow.address());
  slow.send(get("/slow"));
  REQUIRE(upstream.awaitRequests(1));
  CHECK(quick.ask(get("/quick")).body.size() == 60000);
  CHECK(upstream.connections() == 1);
  CHECK(slow.receive().body.size() == 60000);
}

TEST_CASE("the upstream connection is free when what is left fits into proxy_buffers") {
  constexpr size_t kSize = 130000;
  FakeUpstream upstream(answering(ok(std::string(kSize, 'x'))));
  Oxbow oxbow(Setup{.servers = {upstream.address()}, .listener = "sndbuf: 4k", .top = kAdmin});
  RawClient client(oxbow.address(), 4 << 10);
  client.send(get());
  REQUIRE(upstream.awaitRequests(1));
  CHECK(oxbow.awaitMetricAtLeast(kReadAhead, 40000));
  CHECK(oxbow.metric(activeOf(upstream)) == 1);
  std::string taken;
  while (taken.size() < kSize - (60 << 10) && client.stream().receive(taken) == Read::Bytes) {
  }
  CHECK(oxbow.awaitMetric(idleOf(upstream), 1));
  CHECK(oxbow.metric(kReadAhead) > 20000);  // and the client has not taken the rest
  while (taken.size() < kSize && client.stream().receive(taken) == Read::Bytes) {
  }
}

TEST_CASE("what is read ahead of clients that take nothing is bounded") {
  constexpr int kClients = 8;
  constexpr size_t kSize = 4 << 20;
  std::string upstreamKeys = "proxy_buffers: 4k", top = kAdmin;
  size_t bound = kClients * ((4 << 10) + 1024);
  SUBCASE("by proxy_buffers") {}
  SUBCASE("by proxy_buffers_total") {
    upstreamKeys = "proxy_buffers: 1m";
    top += "\nproxy_buffers_total: 1m";
    bound = (1 << 20) + kClients * (17 << 10);
  }
  std::atomic<int> stalled{0};
  Gate all;
  FakeUpstream upstream([&](UpstreamConn& conn) {
    if (!conn.request()) return;
    conn.stream().setBuffers(kBuffer);
    const std::string answer = ok(std::string(kSize, 'x'));
    const size_t sent = conn.stream().sendSome(answer, milliseconds(200));
    if (++stalled == kClients) all.open();
    conn.send(std::string_view(answer).substr(sent));
    conn.awaitEnd();
  });
  Oxbow oxbow(Setup{.servers = {upstream.address()},
                    .upstream = upstreamKeys + "\nrcvbuf: 64k",
                    .listener = "sndbuf: 4k",
                    .top = top});
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.push_back(std::make_unique<RawClient>(oxbow.address(), 4 << 10));
    clients.back()->send(get());
  }
  REQUIRE(all.await());
  CHECK(oxbow.metric(kReadAhead) >= kClients * 1024);
  CHECK(oxbow.metric(kReadAhead) <= static_cast<double>(bound));
  for (const auto& client : clients) client->stream().setBuffers(1 << 20);
  for (const auto& client : clients) CHECK(client->receive().body.size() == kSize);
}

TEST_CASE("a client that is slow with a small body holds no upstream connection") {
  FakeUpstream upstream(answering(ok()));
  Oxbow oxbow(Setup{.servers = {upstream.address()}});
  RawClient slow(oxbow.address()), quick(oxbow.address());
  slow.send("POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello");
  CHECK(quick.ask(get("/quick")).status() == 200);
  CHECK(upstream.requests() == 1);
  CHECK(upstream.connections() == 1);
  slow.send("world");
  CHECK(slow.receive().status() == 200);
  CHECK(upstream.connections() == 1);
  CHECK(upstream.lastRequest().body == "helloworld");
}

TEST_CASE("send_timeout of a client that takes nothing while the response drips on") {
  Gate left;
  FakeUpstream upstream([&left](UpstreamConn& conn) {
    if (!conn.request()) return;
    conn.send("HTTP/1.1 200 OK\r\n\r\n" + std::string(40000, 'x'));
    while (!left.await(milliseconds(20)) && conn.send("y")) {
    }
  });
  Oxbow oxbow(Setup{.servers = {upstream.address()},
                    .listener = "sndbuf: 4k\nsend_timeout: 200ms",
                    .top = kAdmin});
  RawClient client(oxbow.address(), 4 << 10);
  client.send(get());
  CHECK(oxbow.awaitMetric(clientsEndedFor("send_timeout"), 1));
  left.open();
}

TEST_CASE("send_timeout of the upstream: a server that takes nothing of a request") {
  Gate done;
  FakeUpstream upstream([&done](UpstreamConn& conn) {
    conn.stream().setBuffers(kBuffer);
    done.await();
  });
  Oxbow oxbow(Setup{.servers = {upstream.address()},
                    .upstream = "send_timeout: 200ms\n" + kBuffers,
                    .listener = kBuffers});
  RawClient client(oxbow.address(), kBuffer);
  client.stream().sendSome(
      "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 20000000\r\n\r\n" + std::string(20000000, 'x'),
      milliseconds(100));
  const Message answer = client.receive();
  CHECK(answer.status() == 504);
  CHECK(tokenOf(answer) == "connection_write_timeout");
  done.open();
}

}  // namespace oxbow::integration
