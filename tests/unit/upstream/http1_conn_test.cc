// How much of a response is read while its client is behind, and what is noticed meanwhile.

#include "proxy/upstream/http1_conn.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>

#include "proxy/net/socket.h"
#include "proxy/upstream/upstream.h"

using namespace oxbow;
using namespace oxbow::upstream;
using namespace std::chrono_literals;

namespace {

constexpr size_t kReadAhead = 64 << 10;

// An exchange with a server that the test plays, over a real socket. What comes is kept, and
// credited only when the test says so.
struct ConnFixture : pool::Waiter, HttpConnSink {
  ManualClock clock;
  event::Dispatcher dispatcher{clock};
  std::unique_ptr<WorkerContext> worker = std::make_unique<WorkerContext>(dispatcher, 1);
  const std::shared_ptr<config::Upstream> config = std::make_shared<config::Upstream>();
  std::unique_ptr<Upstream> upstream;
  int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  int peer = -1;
  pool::Lease lease;
  std::string body;
  bool ended = false;
  std::optional<Error> error;

  explicit ConnFixture(size_t proxyBuffers = kReadAhead) {
    config->proxyBuffers.value = proxyBuffers;
    EndpointSpec spec;
    spec.address = SocketAddress::parse("127.0.0.1:0").value();
    REQUIRE(::bind(listener, spec.address.get(), spec.address.length()) == 0);
    REQUIRE(::listen(listener, 1) == 0);
    spec.address = net::localAddress(listener);
    const std::vector<event::Dispatcher*> workers = {&dispatcher};
    upstream = std::make_unique<Upstream>(*worker, 0, config,
                                          std::make_shared<SharedState>(*config, workers));
    upstream->configure(config, nullptr, {{spec}});
  }
  ~ConnFixture() override {
    lease.release();
    upstream.reset();
    dispatcher.turn(false);  // deletes what has closed
    ::close(listener);
    if (peer >= 0) ::close(peer);
  }

  void begin(http::BodyKind requestBody = http::BodyKind::None) {
    upstream->acquire(*this, pool::Need());
    peer = ::accept(listener, nullptr, nullptr);
    const int much = 1 << 20;
    ::setsockopt(peer, SOL_SOCKET, SO_SNDBUF, &much, sizeof much);
    while (!lease) dispatcher.turn(false);
    http::RequestHead head;
    head.methodText = "GET";
    head.method = http::Method::Get;
    OutgoingRequest request;
    request.head = &head;
    request.target = "/";
    request.authority = "a";
    request.body = requestBody;
    conn().send(request, *this);
    // Whoever closes with bytes unread resets.
    char sent[1024];
    REQUIRE(::recv(peer, sent, sizeof sent, 0) > 0);
    turn();
  }
  HttpConn& conn() { return static_cast<HttpConn&>(lease.conn()); }

  // What has come is read, and what that led to is done.
  void turn() {
    for (int i = 0; i < 4; ++i) dispatcher.turn(false);
  }
  void peerSends(const std::string& bytes) {
    REQUIRE(::send(peer, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
    turn();
  }
  void peerCloses(bool reset) {
    const linger abort{1, 0};
    if (reset) ::setsockopt(peer, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
    ::close(std::exchange(peer, -1));
    turn();
  }
  void clientTakes(size_t bytes) {
    conn().addCredit(bytes);
    turn();
  }
  void pass(Duration time) {
    clock.advance(time);
    turn();
  }

  void onLease(pool::Lease given) override { lease = std::move(given); }
  void onNoLease(const Error& why) override { error = why; }
  void onInformational(http::ResponseHead&) override {}
  void onHead(http::ResponseHead&) override {}
  void onData(std::string_view bytes) override { body += bytes; }
  void onTrailers(http::FieldBlock&) override {}
  void onEnd() override { ended = true; }
  void onReset(const Error& why) override {
    error = why;
    lease.release();
  }
  void onBatchEnd() override {
    if (ended) lease.release();
  }
  void onRequestFlushed() override {}
};

const std::string kMillion = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
const std::string kChunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

std::string chunk(size_t size) {
  char line[24];
  return std::string(line, static_cast<size_t>(std::snprintf(line, sizeof line, "%zx\r\n", size))) +
         std::string(size, 'x') + "\r\n";
}

}  // namespace

TEST_CASE("proxy_buffers bounds what is read ahead") {
  for (const size_t bound : {4 << 10, 64 << 10, 128 << 10, 1 << 20}) {
    CAPTURE(bound);
    ConnFixture exchange(bound);
    exchange.begin();
    exchange.peerSends(kMillion + std::string(200000, 'x'));
    CHECK(exchange.body.size() >= std::min<size_t>(bound, 200000));
    CHECK(exchange.body.size() <= bound + (4 << 10));
  }
}

TEST_CASE_FIXTURE(ConnFixture, "a client that takes all the time gets everything") {
  begin();
  const std::string text = kMillion + std::string(1000000, 'x');
  for (size_t at = 0; at < text.size(); at += 50000) {
    const size_t before = body.size();
    peerSends(text.substr(at, 50000));
    if (lease) clientTakes(body.size() - before);
  }
  CHECK(body.size() == 1000000);
  CHECK(ended);
}

TEST_CASE_FIXTURE(ConnFixture, "framing is no reason to hold a connection") {
  SUBCASE("the last chunk") {
    begin();
    peerSends(kChunked);
    for (size_t i = 0; i < kReadAhead; i += 4096) peerSends(chunk(4096));
    CHECK(body.size() == kReadAhead);
    peerSends("0\r\n\r\n");
  }
  SUBCASE("trailers") {
    begin();
    peerSends(kChunked + chunk(kReadAhead) + "0\r\n");
    for (int i = 0; i < 50; ++i) peerSends("Name: " + std::string(100, 'v') + "\r\n");
    peerSends("\r\n");
  }
  SUBCASE("FIN") {
    begin();
    peerSends("HTTP/1.1 200 OK\r\n\r\n" + std::string(kReadAhead, 'x'));
    peerCloses(false);
  }
  CHECK(body.size() == kReadAhead);
  CHECK(ended);
}

TEST_CASE_FIXTURE(ConnFixture, "the rest of a known length is read as soon as it may be") {
  begin();
  constexpr size_t kRest = 1000;
  peerSends("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(kReadAhead + kRest) +
            "\r\n\r\n");
  peerSends(std::string(kReadAhead, 'x'));
  peerSends(std::string(kRest, 'x'));
  REQUIRE(body.size() == kReadAhead);
  clientTakes(kRest - 1);
  CHECK_FALSE(ended);
  clientTakes(1);
  CHECK(ended);
}

TEST_CASE_FIXTURE(ConnFixture,
                  "a client that takes a little at a time does not wake for each bit") {
  begin();
  peerSends(kMillion + std::string(150000, 'x'));
  const size_t ahead = body.size();
  clientTakes(ahead - kReadAhead / 2 - 1);
  CHECK(body.size() == ahead);
  clientTakes(1);
  CHECK(body.size() > ahead);
}

TEST_CASE_FIXTURE(ConnFixture, "what came to an end while nobody read is noticed afterwards") {
  begin();
  peerSends(kMillion);
  // Read short of what may be read, so that nothing is left in the socket but the end.
  peerSends(std::string(kReadAhead - 1000, 'x'));
  peerSends(std::string(1000, 'x'));
  REQUIRE(body.size() == kReadAhead);
  SUBCASE("silence: not while nobody reads") {
    pass(10min);
    CHECK_FALSE(error);
    clientTakes(kReadAhead);
    pass(59s);
    CHECK_FALSE(error);
    pass(2s);
    REQUIRE(error);
    CHECK(error->code == ErrorCode::ConnectionReadTimeout);
  }
  SUBCASE("FIN") {
    peerCloses(false);
    CHECK_FALSE(error);
    clientTakes(kReadAhead);
    REQUIRE(error);
    CHECK(error->code == ErrorCode::HttpResponseIncomplete);
  }
  SUBCASE("RST") {
    peerCloses(true);
    CHECK_FALSE(error);
    clientTakes(kReadAhead);
    REQUIRE(error);
    CHECK(error->code == ErrorCode::HttpResponseIncomplete);
  }
}

TEST_CASE_FIXTURE(ConnFixture,
                  "the end of the request does not begin a wait that nobody reads for") {
  begin(http::BodyKind::Chunked);
  peerSends(kMillion + std::string(100000, 'x'));
  clientTakes(1000);  // too little to go on
  conn().sendEnd();
  pass(10min);
  CHECK_FALSE(error);
}

TEST_CASE_FIXTURE(ConnFixture, "with proxy_buffers_total used up") {
  begin();
  worker->buffered = worker->bufferLimit;
  peerSends(kMillion + std::string(150000, 'x'));
  const size_t little = body.size();
  CHECK(little > 0);
  CHECK(little <= 16 << 10);
  SUBCASE("a client that has taken all gets a little more") {
    clientTakes(little);
    CHECK(body.size() > little);
    CHECK(body.size() <= 2 * (16 << 10));
  }
  SUBCASE("a client that has not gets nothing") {
    clientTakes(little - 1);
    CHECK(body.size() == little);
  }
  SUBCASE("what is not read is not missing") {
    pass(10min);
    CHECK_FALSE(error);
  }
  SUBCASE("when there is room again it goes on, whatever its client does") {
    worker->accountBuffered(worker->bufferLimit / 2, 0);
    turn();
    CHECK(body.size() >= kReadAhead);
  }
  SUBCASE("it may leave") {
    lease.release();
    turn();
    CHECK(worker->starved.empty());
  }
}
