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

// The lines behind the request id, which differs each time.
std::string behindId(const http::FieldBlock& block) {
  const std::string all(block.base, block.end);
  CHECK(all.substr(0, 14) == "X-Request-ID: ");
  CHECK(all.substr(14, 32).find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(all.substr(46, 2) == "\r\n");
  return all.substr(48);
}

struct LinesFixture {
  config::Listener listener;
  Random random{1};
};

TEST_CASE_FIXTURE(LinesFixture, "forwarding lines of one client are not taken for another's") {
  ForwardedLines lines(listener);
  const std::string first =
      "X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\n"
      "Via: 1.1 oxbow\r\n";
  CHECK(behindId(lines.of("10.0.0.1", "a", false, random)) == first);
  // This address and this host share their place with the first.
  CHECK(behindId(lines.of("10.1.0.1", "a", false, random)).substr(0, 27) ==
        "X-Forwarded-For: 10.1.0.1\r\n");
  CHECK(behindId(lines.of("10.0.0.1", "b", false, random)).find("X-Forwarded-Host: b\r\n") !=
        std::string::npos);
  CHECK(behindId(lines.of("10.0.0.1", "a", false, random)) == first);
  CHECK(behindId(lines.of("10.0.0.1", "a", true, random)).find("X-Forwarded-Proto: https\r\n") !=
        std::string::npos);
  CHECK(behindId(lines.of("10.0.0.1", "a", false, random)) == first);
  CHECK(behindId(lines.of("::1", "a", false, random)).substr(0, 22) == "X-Forwarded-For: ::1\r\n");
}

TEST_CASE_FIXTURE(LinesFixture, "each forwarding line has a key that turns it off") {
  listener.via = std::string();
  listener.xForwardedProto = false;
  listener.xForwardedHost = false;
  ForwardedLines lines(listener);
  const http::FieldBlock& block = lines.of("10.0.0.1", "a", false, random);
  CHECK(behindId(block) == "X-Forwarded-For: 10.0.0.1\r\n");
  CHECK(block.count == 2);
}

TEST_CASE_FIXTURE(LinesFixture, "every request gets an id of its own") {
  ForwardedLines lines(listener);
  const http::FieldBlock& block = lines.of("10.0.0.1", "a", false, random);
  const std::string first(block.valueAt(block.fields[0]));
  const http::FieldBlock& again = lines.of("10.0.0.1", "a", false, random);
  CHECK(first.size() == 32);
  CHECK(std::string(again.valueAt(again.fields[0])) != first);
}

TEST_CASE("a request id spells its random bits") {
  // The digits of both words, each from its lowest nibble up.
  Random expected(7);
  std::string digits;
  for (int word = 0; word < 2; ++word) {
    const uint64_t bits = expected.next();
    for (int i = 0; i < 16; ++i) digits += "0123456789abcdef"[bits >> (4 * i) & 15];
  }
  Random random(7);
  char id[kRequestIdSize];
  writeRequestId(id, random);
  CHECK(std::string(id, sizeof id) == digits);
}

// Takes at most `room` bytes and keeps them.
class Socket final : public net::Transport {
 public:
  explicit Socket(size_t room) : room_(room) {}
  bool start(event::Dispatcher&, event::IoHandler&) override { return true; }
  void stop() override {}
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
    size_t flushed = 0;
    CHECK(queue.flush(rest, flushed) == net::OutputQueue::Flush::Done);
    return rest.taken;
  }
  char scratch[64];
  OutputBatch batch{scratch, sizeof scratch};
  size_t written = 0;
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
  CHECK(batch.flush(socket, queue, blocks, written));
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
    CHECK(batch.flush(socket, queue, blocks, written));
    CHECK(written == cut);
    CHECK(socket.taken == whole.substr(0, cut));
    CHECK(all(queue) == whole.substr(cut));
  }
}

TEST_CASE_FIXTURE(BatchFixture, "nothing overtakes what waits already") {
  net::OutputQueue queue;
  queue.append(blocks, "first ");
  Socket socket(1000);
  batch.copy("second");
  CHECK(batch.flush(socket, queue, blocks, written));
  CHECK(written == 0);
  CHECK(socket.calls == 0);
  CHECK(all(queue) == "first second");
}

TEST_CASE_FIXTURE(BatchFixture,
                  "a broken socket is told, and the batch is empty for the next client") {
  net::OutputQueue queue;
  Socket socket(1000);
  socket.broken = true;
  batch.copy("lost");
  CHECK_FALSE(batch.flush(socket, queue, blocks, written));
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
