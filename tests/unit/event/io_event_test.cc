#include "proxy/event/io_event.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "proxy/event/dispatcher.h"

using namespace oxbow;
using namespace oxbow::event;

namespace {

struct Recorder final : IoHandler {
  std::vector<uint8_t> seen;
  IoEvent* stopWhenCalled = nullptr;
  void onIo(uint8_t ready) override {
    seen.push_back(ready);
    if (stopWhenCalled != nullptr) stopWhenCalled->stop();
  }
};

// Our end of a connection is watched; the peer's is the test's.
struct SocketFixture {
  ManualClock clock;
  Dispatcher dispatcher{clock};
  Recorder recorder;
  IoEvent event;
  int ours = -1;
  int peer = -1;

  SocketFixture() {
    int fds[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
    ours = fds[0];
    peer = fds[1];
  }
  ~SocketFixture() {
    event.stop();
    close(ours);
    if (peer >= 0) close(peer);
  }

  void peerSends(const std::string& bytes) {
    REQUIRE(write(peer, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  }
  // What one turn reported, all bits together.
  uint8_t turn() {
    recorder.seen.clear();
    dispatcher.turn(false);
    uint8_t all = 0;
    for (const uint8_t ready : recorder.seen) all = static_cast<uint8_t>(all | ready);
    return all;
  }
};

}  // namespace

TEST_CASE_FIXTURE(SocketFixture, "an edge is reported once, though nobody reads") {
  REQUIRE(event.start(dispatcher, ours, recorder));
  CHECK(turn() == kWritable);
  CHECK(turn() == 0);
  peerSends("x");
  CHECK((turn() & kReadable) != 0);
  CHECK(turn() == 0);
  peerSends("y");
  CHECK((turn() & kReadable) != 0);
}

TEST_CASE_FIXTURE(SocketFixture, "a level is reported until it is gone") {
  REQUIRE(event.start(dispatcher, ours, recorder, IoEvent::Trigger::LevelRead));
  CHECK(turn() == 0);  // readability only
  peerSends("x");
  CHECK(turn() == kReadable);
  CHECK(turn() == kReadable);
  char byte = 0;
  REQUIRE(read(ours, &byte, 1) == 1);
  CHECK(turn() == 0);
}

TEST_CASE_FIXTURE(SocketFixture, "the peer's end of stream is told apart from its bytes") {
  REQUIRE(event.start(dispatcher, ours, recorder));
  turn();
  shutdown(peer, SHUT_WR);
  CHECK((turn() & kClosed) != 0);
}

TEST_CASE_FIXTURE(SocketFixture, "a stopped event reports nothing, and can be started again") {
  REQUIRE(event.start(dispatcher, ours, recorder));
  CHECK(event.started());
  event.stop();
  CHECK_FALSE(event.started());
  peerSends("x");
  CHECK(turn() == 0);
  REQUIRE(event.start(dispatcher, ours, recorder));
  CHECK((turn() & kReadable) != 0);
}

TEST_CASE_FIXTURE(SocketFixture, "a handler may stop its event") {
  recorder.stopWhenCalled = &event;
  REQUIRE(event.start(dispatcher, ours, recorder));
  CHECK(turn() != 0);
  peerSends("x");
  CHECK(turn() == 0);
}

TEST_CASE_FIXTURE(SocketFixture, "a descriptor that cannot be watched is refused") {
  const int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  REQUIRE(file >= 0);
  CHECK_FALSE(event.start(dispatcher, file, recorder));  // epoll: EPERM
  CHECK_FALSE(event.started());
  close(file);
}
