#include <doctest/doctest.h>

#include <string>

#include "proxy/session/forwarded_lines.h"
#include "proxy/session/output_batch.h"
#include "proxy/session/proxy_exchange.h"

namespace oxbow::session {
namespace {

TEST_CASE("the client behind trusted hops is counted from the right") {
  CHECK(clientBehind("1.1.1.1, 2.2.2.2, 3.3.3.3", 1, "9.9.9.9") == "3.3.3.3");
  CHECK(clientBehind("1.1.1.1, 2.2.2.2, 3.3.3.3", 2, "9.9.9.9") == "2.2.2.2");
  CHECK(clientBehind("1.1.1.1,2.2.2.2", 2, "9.9.9.9") == "1.1.1.1");
  CHECK(clientBehind("2001:db8::1", 1, "9.9.9.9") == "2001:db8::1");
}

TEST_CASE("what is too short or no address does not move the client") {
  CHECK(clientBehind("", 1, "9.9.9.9") == "9.9.9.9");
  CHECK(clientBehind("1.1.1.1", 5, "9.9.9.9") == "1.1.1.1");
  CHECK(clientBehind("forged, 3.3.3.3", 2, "9.9.9.9") == "3.3.3.3");
  CHECK(clientBehind("unknown", 1, "9.9.9.9") == "9.9.9.9");
}

std::string textOf(const http::FieldBlock& block) { return {block.base, block.end}; }

TEST_CASE("a client's forwarding lines are made once, and those of another are not taken for them") {
  config::Listener listener;
  ForwardedLines lines(listener);
  const std::string first =
      "X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: http\r\nVia: 1.1 oxbow\r\n";
  CHECK(textOf(lines.of("10.0.0.1")) == first);
  // These two share their last two bytes, hence their place.
  CHECK(textOf(lines.of("10.1.0.1")).substr(0, 27) == "X-Forwarded-For: 10.1.0.1\r\n");
  CHECK(textOf(lines.of("10.0.0.1")) == first);
  CHECK(textOf(lines.of("::1")).substr(0, 22) == "X-Forwarded-For: ::1\r\n");
}

TEST_CASE("each forwarding line has a key that turns it off") {
  config::Listener listener;
  listener.via = std::string();
  listener.xForwardedProto = false;
  ForwardedLines lines(listener);
  const http::FieldBlock& block = lines.of("10.0.0.1");
  CHECK(textOf(block) == "X-Forwarded-For: 10.0.0.1\r\n");
  CHECK(block.count == 1);
}

// Takes at most `room` bytes and keeps them.
class Socket final : public net::Transport {
 public:
  explicit Socket(size_t room) : room_(room) {}
  bool start(event::Dispatcher&, event::IoHandler&) override { return true; }
  net::IoResult read(char*, size_t) override { return {}; }
  net::IoResult write(std::string_view bytes) override {
    ++calls;
    if (broken) return {net::IoResult::Kind::Error, true, EPIPE, 0};
    const size_t n = std::min(room_, bytes.size());
    if (n == 0) return {};
    room_ -= n;
    taken.append(bytes.substr(0, n));
    return {net::IoResult::Kind::Ok, true, 0, n};
  }
  net::IoResult writev(const iovec* parts, int count) override {
    std::string all;
    for (int i = 0; i < count; ++i)
      all.append(static_cast<const char*>(parts[i].iov_base), parts[i].iov_len);
    return write(all);
  }
  net::Liveness peek() override { return net::Liveness::Alive; }
  int takeError() override { return 0; }
  void shutdownWrite() override {}
  void close(net::CloseHow) override {}
  bool closed() const override { return false; }
  int descriptor() const override { return -1; }

  std::string taken;
  int calls = 0;
  bool broken = false;

 private:
  size_t room_;
};

struct BatchFixture {
  std::string all(net::OutputQueue& queue) {
    Socket rest(1 << 20);
    size_t written = 0;
    CHECK(queue.flush(rest, written) == net::OutputQueue::Flush::Done);
    return rest.taken;
  }
  char scratch[64];
  OutputBatch batch{scratch, sizeof scratch};
  BlockPool blocks;
};

TEST_CASE_FIXTURE(BatchFixture, "small pieces leave as one, large ones stay where they are") {
  net::OutputQueue queue;
  Socket socket(1000);
  const std::string large(500, 'x');
  batch.copy("head ");
  batch.copy("more ");
  batch.refer(large);
  batch.copy("tail");
  CHECK(batch.flush(socket, queue, blocks));
  CHECK(socket.taken == "head more " + large + "tail");
  CHECK(socket.calls == 1);
  CHECK(queue.empty());
  CHECK(batch.empty());
}

TEST_CASE_FIXTURE(BatchFixture, "what the socket does not take is kept, in order, at every cut") {
  const std::string whole = "head body tail";
  for (size_t cut = 0; cut <= whole.size(); ++cut) {
    net::OutputQueue queue;
    Socket socket(cut);
    batch.copy("head ");
    batch.refer("body ");
    batch.copy("tail");
    CHECK(batch.flush(socket, queue, blocks));
    CHECK(socket.taken == whole.substr(0, cut));
    CHECK(all(queue) == whole.substr(cut));
  }
}

TEST_CASE_FIXTURE(BatchFixture, "nothing overtakes what waits already") {
  net::OutputQueue queue;
  queue.append(blocks, "first ");
  Socket socket(1000);
  batch.copy("second");
  CHECK(batch.flush(socket, queue, blocks));
  CHECK(socket.calls == 0);
  CHECK(all(queue) == "first second");
}

TEST_CASE_FIXTURE(BatchFixture, "a broken socket is told, and the batch is empty for the next client") {
  net::OutputQueue queue;
  Socket socket(1000);
  socket.broken = true;
  batch.copy("lost");
  CHECK_FALSE(batch.flush(socket, queue, blocks));
  CHECK(batch.empty());
  CHECK(queue.empty());
}

TEST_CASE_FIXTURE(BatchFixture, "it says when it is full") {
  CHECK(batch.fits(sizeof scratch));
  CHECK_FALSE(batch.fits(sizeof scratch + 1));
  batch.copy("12345");
  CHECK_FALSE(batch.fits(sizeof scratch - 4));
  int parts = 1;
  while (batch.hasPart()) {
    batch.refer("x");
    ++parts;
  }
  CHECK(parts < 64);
  CHECK(parts > 32);
}

}  // namespace
}  // namespace oxbow::session
