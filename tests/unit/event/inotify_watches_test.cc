#include "proxy/event/inotify_watches.h"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/inotify.h>

#include <fstream>
#include <string>
#include <utility>

#include "tests/unit/log/temp_dir.h"

using namespace oxbow;
using namespace oxbow::event;

namespace {

struct WatchesFixture {
  TempDir dir;
  InotifyWatches watches = std::move(InotifyWatches::open().value());

  // A walk that comes to the directory, or to nothing.
  void walk(uint32_t events) {
    watches.beginWalk();
    if (events != 0) REQUIRE(watches.watch(dir.file(""), events) >= 0);
    watches.endWalk();
    drain();
  }
  void drain() {
    while (isReadable()) watches.read([](const InotifyWatches::Event&) {});
  }
  bool isReadable() {
    pollfd poller{watches.descriptor(), POLLIN, 0};
    return poll(&poller, 1, 0) == 1;
  }
  bool hearsOf(const std::string& name) {
    std::ofstream(dir.file(name)) << "text";
    return isReadable();
  }
};

}  // namespace

TEST_CASE_FIXTURE(WatchesFixture, "a directory of which less matters wakes nobody for the rest") {
  walk(IN_CREATE | IN_DELETE_SELF);
  CHECK(hearsOf("a"));
  walk(IN_DELETE_SELF);
  CHECK_FALSE(hearsOf("b"));
  walk(IN_CREATE);
  CHECK(hearsOf("c"));
}

TEST_CASE_FIXTURE(WatchesFixture, "what a walk does not come to is not watched any more") {
  walk(IN_CREATE);
  walk(0);
  CHECK_FALSE(hearsOf("a"));
}
