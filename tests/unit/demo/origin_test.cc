#include "proxy/demo/origin.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <string>

#include "proxy/demo/origin_thread.h"

namespace oxbow::demo {

namespace {

// A client that blocks, for ten seconds at most.
class Client {
 public:
  explicit Client(const SocketAddress& to) : fd_(socket(to.family(), SOCK_STREAM, 0)) {
    const timeval patience{10, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    REQUIRE(connect(fd_, to.get(), to.length()) == 0);
  }
  ~Client() { close(fd_); }

  void ask(const std::string& path) {
    const std::string request = "GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n";
    REQUIRE(send(fd_, request.data(), request.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(request.size()));
  }

  // What comes until `end` has come, or the connection has ended.
  std::string readTo(const std::string& end) {
    std::string all;
    char bytes[4096];
    while (all.size() < end.size() || all.compare(all.size() - end.size(), end.size(), end) != 0) {
      const ssize_t n = recv(fd_, bytes, sizeof bytes, 0);
      REQUIRE(n >= 0);
      if (n == 0) break;
      all.append(bytes, static_cast<size_t>(n));
    }
    return all;
  }

  bool atEnd() {
    char byte;
    return recv(fd_, &byte, 1, 0) == 0;
  }

 private:
  const int fd_;
};

OriginOptions anywhere() {
  OriginOptions options;
  options.address = SocketAddress::parse("127.0.0.1:0").value();
  return options;
}

}  // namespace

TEST_CASE("an origin tells where it listens, and counts") {
  const auto origin = std::move(OriginThread::start(anywhere()).value());
  CHECK(origin->address().port() != 0);
  Client client(origin->address());
  client.ask("/status/200");
  CHECK(client.readTo("200 OK\n").find("HTTP/1.1 200 OK\r\n") == 0);
  client.ask("/status/404");
  CHECK(client.readTo("Not Found\n").find("HTTP/1.1 404 Not Found\r\n") == 0);
  const admin::ListenerReport report = origin->report();
  CHECK(report.accepted == 1);
  CHECK(report.requests == 2);
}

TEST_CASE("an address that is taken is an error") {
  const auto first = std::move(OriginThread::start(anywhere()).value());
  OriginOptions options;
  options.address = first->address();
  const auto second = OriginThread::start(options);
  REQUIRE_FALSE(second.ok());
  CHECK(second.error().find(first->address().text()) != std::string::npos);
}

TEST_CASE("an origin closes a connection after as many requests as it is told") {
  OriginOptions options = anywhere();
  options.closeAfter = 2;
  const auto origin = std::move(OriginThread::start(options).value());
  Client client(origin->address());
  client.ask("/status/200");
  CHECK(client.readTo("200 OK\n").find("Connection: close") == std::string::npos);
  client.ask("/status/200");
  CHECK(client.readTo("200 OK\n").find("Connection: close\r\n") != std::string::npos);
  CHECK(client.atEnd());
}

TEST_CASE("/close says so and closes") {
  const auto origin = std::move(OriginThread::start(anywhere()).value());
  Client client(origin->address());
  client.ask("/close");
  CHECK(client.readTo("closes.\n").find("Connection: close\r\n") != std::string::npos);
  CHECK(client.atEnd());
}

TEST_CASE("an origin closes an idle connection in its time, and tells of whole seconds") {
  OriginOptions options = anywhere();
  options.idleClose = std::chrono::milliseconds(1);
  options.keepAliveHint = true;
  const auto origin = std::move(OriginThread::start(options).value());
  Client client(origin->address());
  client.ask("/status/200");
  CHECK(client.readTo("200 OK\n").find("Keep-Alive") == std::string::npos);
  CHECK(client.atEnd());
}

TEST_CASE("a large body arrives as it was made up") {
  const auto origin = std::move(OriginThread::start(anywhere()).value());
  Client client(origin->address());
  client.ask("/bytes/1000000");
  const std::string head = "\r\n\r\n";
  // The pattern's place at the end: 999999 is 16393 * 61 + 26.
  client.ask("/status/404");
  const std::string all = client.readTo("Not Found\n");
  const size_t body = all.find(head) + head.size();
  REQUIRE(all.size() > body + 1000000);
  size_t wrong = 0;
  for (size_t i = 61; i < 1000000; ++i) wrong += all[body + i] != all[body + i - 61] ? 1 : 0;
  CHECK(wrong == 0);
  CHECK(all[body + 999999] == 'q');
  CHECK(all.compare(body + 1000000, 12, "HTTP/1.1 404") == 0);
}

TEST_CASE("clients that are there when an origin goes are let go") {
  auto origin = std::move(OriginThread::start(anywhere()).value());
  Client idle(origin->address());
  idle.ask("/status/200");
  idle.readTo("200 OK\n");
  Client waiting(origin->address());
  waiting.ask("/delay/600000");
  Client reading(origin->address());
  reading.ask("/bytes/10000000000");
  reading.readTo("0123456789");
  origin.reset();
  CHECK(idle.atEnd());
}

}  // namespace oxbow::demo
