// A body that is still on its way when its connection dies: the replay gets all of it.

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>
#include <vector>

#include "proxy/net/socket.h"
#include "tests/integration/support/fake_upstream.h"
#include "tests/integration/support/oxbow.h"
#include "tests/integration/support/raw_client.h"

namespace oxbow::integration {

namespace {

const std::string kReplays = "oxbow_upstream_replays_total{upstream=\"up\"}";

std::string putHead(size_t size) {
  return "PUT /doc HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n";
}

// A server that takes no connections for a while: behind a full backlog their SYNs are lost.
class ShyServer {
 public:
  ShyServer() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    address_ = SocketAddress::parse("127.0.0.1:0").value();
    REQUIRE(::bind(listener_, address_.get(), address_.length()) == 0);
    REQUIRE(::listen(listener_, 16) == 0);
    address_ = net::localAddress(listener_);
  }
  ~ShyServer() {
    for (const int fd : fillers_) ::close(fd);
    ::close(listener_);
  }

  std::string address() const { return address_.text(); }
  Stream accept() { return Stream(::accept(listener_, nullptr, nullptr)); }

  void takeNobody() {
    REQUIRE(::listen(listener_, 0) == 0);
    for (int i = 0; i < 4; ++i) {
      fillers_.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      ::connect(fillers_.back(), address_.get(), address_.length());
    }
  }
  void takeAgain() {
    for (const int fd : fillers_) ::close(fd);
    fillers_.clear();
    REQUIRE(::listen(listener_, 16) == 0);
  }
  // Whoever waits in accept() gets a stream that is not open.
  void stop() { ::shutdown(listener_, SHUT_RDWR); }

 private:
  int listener_;
  SocketAddress address_;
  std::vector<int> fillers_;
};

// Reads the next request whole; null when the connection ends first.
std::optional<Message> requestOn(Stream& stream) {
  std::string bytes;
  size_t taken = 0;
  while (stream.receive(bytes) == Read::Bytes)
    if (auto message = readMessage(bytes, true, false, taken, Want::Whole)) return message;
  return std::nullopt;
}

}  // namespace

TEST_CASE("a body that goes on while its replay waits for a connection") {
  ShyServer server;
  Oxbow oxbow(Setup{.servers = {server.address()}, .top = kAdmin});
  RawClient client(oxbow.address());
  client.send(get());
  Stream first = server.accept();
  REQUIRE(requestOn(first));
  first.send(ok());
  REQUIRE(client.receive().status() == 200);

  server.takeNobody();
  // Chunked: whether all of it could be kept for a replay is not known before.
  const std::string body = pattern(300000);
  const std::string request =
      "PUT /doc HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(body);
  constexpr size_t kFirst = 30000;
  client.send(request.substr(0, kFirst));
  std::string received;
  while (received.size() < kFirst / 2 && first.receive(received) == Read::Bytes) {
  }
  first.close();
  REQUIRE(oxbow.awaitMetric(kReplays, 1));
  // As much as oxbow takes for now; the rest when there is a connection.
  size_t sent = kFirst;
  sent += client.stream().sendSome(std::string_view(request).substr(sent), milliseconds(100));

  server.takeAgain();
  std::optional<Message> replayed;
  std::thread serving([&] {
    while (!replayed) {  // what filled the backlog comes first
      Stream next = server.accept();
      if (!next.isOpen()) break;
      replayed = requestOn(next);
      if (replayed) next.send(ok("replayed"));
    }
  });
  client.send(std::string_view(request).substr(sent));
  CHECK(client.receive().body == "replayed");
  server.stop();
  serving.join();
  REQUIRE(replayed);
  CHECK(same(replayed->body, body));
}

TEST_CASE("a body of which the dead connection had not taken all") {
  Gate die;
  constexpr int kSmallBuffer = 4 << 10;
  FakeUpstream upstream({[&die](UpstreamConn& conn) {
                           if (conn.request()) conn.send(ok());
                           die.await();
                           conn.stream().reset();
                         },
                         answering(ok("replayed"))},
                        "127.0.0.1:0", kSmallBuffer);
  Oxbow oxbow(Setup{.servers = {upstream.address()}, .upstream = "sndbuf: 4k\nreplay_buffer: 16m"});
  RawClient client(oxbow.address());
  REQUIRE(client.ask(get()).status() == 200);
  const std::string body = pattern(8 << 20);
  client.send(putHead(body.size()));
  const size_t sent = client.stream().sendSome(body, milliseconds(100));
  REQUIRE(sent < body.size());
  die.open();
  CHECK(client.send(std::string_view(body).substr(sent)));
  CHECK(client.receive().body == "replayed");
  CHECK(same(upstream.lastRequest().body, body));
}

}  // namespace oxbow::integration
