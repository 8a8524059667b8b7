#include <sys/socket.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <memory>

#include "proxy/admin/admin_handler.h"
#include "proxy/net/plain_transport.h"
#include "proxy/session/http1_session.h"
#include "tests/unit/admin/fake_view.h"
#include "tests/unit/admin/support.h"

// The pages over a real session, which holds the handler to the contract of an exchange.

namespace oxbow::admin {

namespace {

class Fixture : private session::SessionOwner {
 public:
  Fixture() {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
    client_ = ends[0];
    const SocketAddress peer = SocketAddress::parse("127.0.0.1:1").value();
    auto session = std::make_unique<session::Http1Session>(
        environment_, std::make_unique<net::PlainTransport>(ends[1]), peer);
    REQUIRE(session->start());
    session_ = session.release();
  }

  virtual ~Fixture() {
    if (session_ != nullptr) session_->shutdown();
    turn();
    closeClient();
  }

  // Sends as much as the socket takes of `text`, turning in between.
  void send(std::string_view text) {
    for (int tries = 0; !text.empty() && tries < 1000; ++tries) {
      const ssize_t n = ::send(client_, text.data(), text.size(), MSG_NOSIGNAL);
      if (n > 0) text.remove_prefix(static_cast<size_t>(n));
      turn();
    }
    REQUIRE(text.empty());
  }

  std::string receive() {
    std::string all;
    for (int idle = 0; idle < 3; ++idle) {
      turn();
      char buffer[4096];
      ssize_t n;
      while ((n = ::recv(client_, buffer, sizeof buffer, 0)) > 0) {
        all.append(buffer, static_cast<size_t>(n));
        idle = 0;
      }
    }
    return all;
  }

  void closeClient() {
    if (client_ >= 0) ::close(client_);
    client_ = -1;
    turn();
  }

  bool open() const { return session_ != nullptr; }

  FakeView view;

 private:
  void turn() {
    for (int i = 0; i < 4; ++i) dispatcher_.turn(false);
  }

  void onSessionClosed(session::Http1Session& session) override {
    session_ = nullptr;
    dispatcher_.deferDelete(std::unique_ptr<event::Deferred>(&session));
  }

  static constexpr size_t kScratch = 64 << 10;

  ManualClock clock_;
  event::Dispatcher dispatcher_{clock_};
  std::unique_ptr<upstream::WorkerContext> worker_ =
      std::make_unique<upstream::WorkerContext>(dispatcher_, 1);
  std::unique_ptr<char[]> scratch_ = std::make_unique<char[]>(kScratch);
  session::OutputBatch batch_{scratch_.get(), kScratch};
  ObjectPool<session::ExchangeState> states_;
  config::Listener config_;
  session::SessionStats stats_;
  AdminHandler handler_{view};
  session::Pins pins_;
  const session::ListenerView view_{config_, handler_, pins_};
  session::SessionEnvironment environment_{*worker_, &view_, *this, stats_, batch_, states_, false};
  session::Http1Session* session_ = nullptr;
  int client_ = -1;
};

const char* const kGetHealth = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
const char* const kGetMetrics = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";

bool endsWith(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a page that waits for its report comes on the wire, and the next too") {
  send(kGetMetrics);
  CHECK(receive() == "");
  view.report(busyServer());
  const std::string answer = receive();
  CHECK(answer.rfind("HTTP/1.1 200 OK\r\n", 0) == 0);
  CHECK(endsWith(answer, "\r\n\r\n" + metricsText(busyServer())));
  send(kGetHealth);
  CHECK(endsWith(receive(), "\r\n\r\nok\n"));
  CHECK(open());
}

TEST_CASE_FIXTURE(Fixture, "pipelined requests are answered in order") {
  send(std::string(kGetMetrics) + kGetHealth);
  CHECK(receive() == "");
  view.report({});
  CHECK(endsWith(receive(), "\r\n\r\nok\n"));
}

TEST_CASE_FIXTURE(Fixture, "HEAD has the head of GET and no body") {
  send("HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
  view.report({});
  const std::string answer = receive();
  CHECK(answer.find("Content-Length: " + std::to_string(metricsText({}).size()) + "\r\n") !=
        std::string::npos);
  CHECK(endsWith(answer, "\r\n\r\n"));
}

TEST_CASE_FIXTURE(Fixture, "a large body does not hold up the answer or the next request") {
  // Much more than an exchange's credit, so that it has to be renewed.
  send("GET /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500000\r\n\r\n");
  send(std::string(500000, 'x'));
  view.report({});
  CHECK(endsWith(receive(), metricsText({})));
  send(kGetHealth);
  CHECK(endsWith(receive(), "\r\n\r\nok\n"));
}

TEST_CASE_FIXTURE(Fixture, "a body behind a page that is answered at once is skipped") {
  send("POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n");
  CHECK(receive().rfind("HTTP/1.1 405 ", 0) == 0);
  send(std::string(1000, 'x') + kGetHealth);
  CHECK(endsWith(receive(), "\r\n\r\nok\n"));
}

TEST_CASE_FIXTURE(Fixture, "a method that no page has is refused with those that there are") {
  send("TRACE /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const std::string answer = receive();
  CHECK(answer.rfind("HTTP/1.1 405 ", 0) == 0);
  CHECK(answer.find("\r\nAllow: GET, HEAD\r\n") != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "a client that closes while its report is awaited does no harm") {
  send(kGetMetrics);
  closeClient();
  view.report(busyServer());
  CHECK(view.asked.empty());
}

TEST_CASE_FIXTURE(Fixture, "a client that leaves in the middle of its body is forgotten") {
  send("GET /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nxxx");
  REQUIRE(view.asked.size() == 1);
  closeClient();
  CHECK_FALSE(open());
  view.report(busyServer());
}

TEST_CASE_FIXTURE(Fixture, "a client that reads slowly gets all of it") {
  ServerReport large = busyServer();
  while (large.upstreams.size() < 200) {
    large.upstreams.push_back(busyUpstream());
    large.upstreams.back().name += std::to_string(large.upstreams.size());
  }
  send(kGetMetrics);
  view.report(large);  // more than the socket's buffer takes
  CHECK(endsWith(receive(), "\r\n\r\n" + metricsText(large)));
}

}  // namespace oxbow::admin
