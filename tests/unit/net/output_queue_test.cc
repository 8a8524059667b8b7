#include "proxy/net/output_queue.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "proxy/base/random.h"

using namespace oxbow;
using namespace oxbow::net;

namespace {

// A socket that takes as many bytes as the test allows, a few at a time.
class SlowTransport final : public Transport {
 public:
  size_t room = 0;       // bytes that it still takes
  size_t atOnce = 1000;  // bytes that one call takes
  bool broken = false;
  std::string taken;
  int calls = 0;
  int mostParts = 0;

  IoResult writev(const iovec* parts, int count) override {
    ++calls;
    mostParts = std::max(mostParts, count);
    if (broken) return {.kind = IoResult::Kind::Error, .error = 104};
    size_t left = std::min(room, atOnce);
    if (left == 0) return {.kind = IoResult::Kind::WouldBlock};
    const size_t before = left;
    for (int i = 0; i < count && left > 0; ++i) {
      const size_t n = std::min(left, parts[i].iov_len);
      CHECK(parts[i].iov_len > 0);
      taken.append(static_cast<const char*>(parts[i].iov_base), n);
      left -= n;
    }
    room -= before - left;
    return {.kind = IoResult::Kind::Ok, .bytes = before - left};
  }

  bool start(oxbow::event::Dispatcher&, oxbow::event::IoHandler&) override { return true; }
  void stop() override {}
  IoResult read(char*, size_t) override { return {}; }
  IoResult write(std::string_view) override { return {}; }
  Liveness peek() override { return Liveness::Alive; }
  int takeError() override { return 0; }
  void shutdownWrite() override {}
  void close(CloseHow) override {}
  bool closed() const override { return false; }
  int descriptor() const override { return -1; }
};

// `size` bytes in which a missing or doubled one shows.
std::string pattern(size_t size, uint64_t seed = 1) {
  Random random(seed);
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(random.next());
  return bytes;
}

struct QueueFixture {
  BlockPool blocks;
  OutputQueue queue;
  SlowTransport socket;
  size_t written = 0;

  OutputQueue::Flush flush(size_t room) {
    socket.room = room;
    return queue.flush(socket, written);
  }
};

}  // namespace

TEST_CASE_FIXTURE(QueueFixture, "an empty queue holds no memory and writes nothing") {
  CHECK(queue.empty());
  CHECK(blocks.lentBytes() == 0);
  CHECK(flush(100) == OutputQueue::Flush::Done);
  CHECK(socket.calls == 0);
  queue.append(blocks, "");
  CHECK(queue.empty());
  CHECK(blocks.lentBytes() == 0);
}

TEST_CASE_FIXTURE(QueueFixture, "bytes leave in their order, as the socket takes them") {
  const std::string bytes = pattern(50000);
  queue.append(blocks, bytes);
  CHECK(queue.size() == 50000);
  CHECK(flush(0) == OutputQueue::Flush::Blocked);
  CHECK(flush(12345) == OutputQueue::Flush::Blocked);
  CHECK(written == 12345);
  CHECK(queue.size() == 50000 - 12345);
  CHECK(flush(1000000) == OutputQueue::Flush::Done);
  CHECK(written == 50000);
  CHECK(socket.taken == bytes);
  CHECK(queue.empty());
  CHECK(blocks.lentBytes() == 0);
}

TEST_CASE_FIXTURE(QueueFixture, "a socket that takes a byte at a time gets them all") {
  socket.atOnce = 1;
  const std::string bytes = pattern(3000);
  queue.append(blocks, bytes);
  CHECK(flush(3000) == OutputQueue::Flush::Done);
  CHECK(socket.taken == bytes);
  CHECK(socket.calls == 3000);
}

TEST_CASE_FIXTURE(QueueFixture, "a block that is adopted is not copied, and keeps its place") {
  const std::string large = pattern(200000);
  Block block = blocks.take(large.size());
  std::copy(large.begin(), large.end(), block.data());
  const size_t lent = blocks.lentBytes();
  queue.append(blocks, "before ");
  queue.adopt(std::move(block), 1000, large.size());
  queue.append(blocks, " behind");
  CHECK(blocks.lentBytes() <= lent + 2048);
  CHECK(flush(50000) == OutputQueue::Flush::Blocked);
  CHECK(flush(1000000) == OutputQueue::Flush::Done);
  CHECK(socket.taken == "before " + large.substr(1000) + " behind");
  CHECK(blocks.lentBytes() == 0);
}

TEST_CASE_FIXTURE(QueueFixture, "small pieces share a block") {
  for (int i = 0; i < 100; ++i) queue.append(blocks, "0123456789");
  CHECK(queue.size() == 1000);
  CHECK(blocks.lentBytes() == 1024);
  CHECK(flush(1000) == OutputQueue::Flush::Done);
  CHECK(socket.calls == 1);
}

TEST_CASE_FIXTURE(QueueFixture, "what is appended behind a partial flush comes last") {
  const std::string first = pattern(1500, 1);
  const std::string second = pattern(40000, 2);
  queue.append(blocks, first);
  CHECK(flush(700) == OutputQueue::Flush::Blocked);
  queue.append(blocks, second);
  CHECK(queue.size() == 800 + 40000);
  CHECK(flush(100000) == OutputQueue::Flush::Done);
  CHECK(socket.taken == first + second);
}

TEST_CASE_FIXTURE(QueueFixture, "blocks go back as soon as they are out") {
  queue.append(blocks, pattern(160000));
  const size_t full = blocks.lentBytes();
  CHECK(full >= 160000);
  CHECK(flush(80000) == OutputQueue::Flush::Blocked);
  // What is left, and at most one block begun at either end.
  CHECK(blocks.lentBytes() <= 80000 + 2 * 16384);
}

TEST_CASE_FIXTURE(QueueFixture, "a long queue leaves in several calls of bounded length") {
  const std::string bytes = pattern(2 << 20);
  socket.atOnce = bytes.size();
  queue.append(blocks, bytes);
  CHECK(flush(bytes.size()) == OutputQueue::Flush::Done);
  CHECK(socket.mostParts <= 64);  // what a Transport takes
  CHECK(socket.calls > 1);
  CHECK(socket.taken == bytes);
}

TEST_CASE_FIXTURE(QueueFixture, "a broken socket is told, and what was written counted") {
  queue.append(blocks, pattern(5000));
  CHECK(flush(2000) == OutputQueue::Flush::Blocked);
  socket.broken = true;
  CHECK(flush(2000) == OutputQueue::Flush::Failed);
  CHECK(written == 2000);
  queue.clear();
  CHECK(queue.empty());
  CHECK(blocks.lentBytes() == 0);
}

TEST_CASE_FIXTURE(QueueFixture, "a queue can be used again when it was cleared") {
  queue.append(blocks, pattern(5000));
  queue.clear();
  queue.append(blocks, "again");
  CHECK(flush(100) == OutputQueue::Flush::Done);
  CHECK(socket.taken == "again");
}

TEST_CASE("appends and flushes of all sizes keep the bytes in order") {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    BlockPool blocks;
    OutputQueue queue;
    SlowTransport socket;
    std::string all;
    size_t written = 0;
    for (int i = 0; i < 300; ++i) {
      if (random.below(2) == 0) {
        const std::string bytes = pattern(random.below(uint64_t{1} << random.below(17)),
                                          seed + 1000 + static_cast<uint64_t>(i));
        queue.append(blocks, bytes);
        all += bytes;
      } else {
        socket.atOnce = 1 + random.below(uint64_t{1} << random.below(15));
        socket.room = random.below(60000);
        const auto result = queue.flush(socket, written);
        CHECK((result == OutputQueue::Flush::Done) == queue.empty());
      }
      CHECK(queue.size() == all.size() - socket.taken.size());
      CHECK(written == socket.taken.size());
      if (queue.empty()) CHECK(blocks.lentBytes() == 0);
    }
    socket.room = all.size();
    CHECK(queue.flush(socket, written) == OutputQueue::Flush::Done);
    CHECK(socket.taken == all);
  }
}
