#include "proxy/event/file_watch.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "proxy/event/dispatcher.h"
#include "tests/unit/log/temp_dir.h"

using namespace oxbow;
using namespace oxbow::event;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

// The kernel queues an event before the call that caused it returns: nothing here waits.
struct WatchFixture {
  TempDir dir;
  ManualClock clock;
  Dispatcher dispatcher{clock};
  std::unique_ptr<FileWatch> watch;
  int calls = 0;

  std::string path(const std::string& name = "oxbow.yaml") const { return dir.file(name); }
  void write(const std::string& name, const std::string& text = "text") {
    std::ofstream(path(name)) << text;
  }
  void link(const std::string& target, const std::string& name) {
    fs::create_symlink(target, path(name));
  }
  // `mv`
  void move(const std::string& from, const std::string& to) { fs::rename(path(from), path(to)); }
  void make(const std::string& directory) { fs::create_directory(path(directory)); }
  void remove(const std::string& name) { fs::remove_all(path(name)); }

  void open(const std::string& name = "oxbow.yaml") { openPath(path(name)); }
  void openPath(const std::string& name) {
    watch.reset();
    auto opened = FileWatch::open(dispatcher, name, [this] { ++calls; });
    REQUIRE(opened.ok());
    watch = std::move(opened.value());
  }

  // All that is queued.
  void turn() {
    for (int i = 0; i < 5; ++i) dispatcher.turn(false);
  }
  void pass(Duration time) {
    turn();
    clock.advance(time);
    turn();
  }
  // How often it was told of what has happened since the last question.
  int told() {
    pass(FileWatch::kDelay);
    pass(FileWatch::kMostDelay);
    return std::exchange(calls, 0);
  }

  // A mounted ConfigMap: oxbow.yaml -> ..data/oxbow.yaml, ..data -> ..1, and the file in ..1.
  void makeConfigMap() {
    make("..1");
    write("..1/oxbow.yaml");
    link("..1", "..data");
    link("..data/oxbow.yaml", "oxbow.yaml");
  }
  // As the kubelet replaces what is in it.
  void updateConfigMap(const std::string& from, const std::string& to) {
    make(to);
    write(to + "/oxbow.yaml");
    link(to, "..data_tmp");
    move("..data_tmp", "..data");
    remove(from);
  }
};

}  // namespace

TEST_CASE_FIXTURE(WatchFixture, "a file that nobody touches") {
  write("oxbow.yaml");
  open();
  CHECK(told() == 0);
}

TEST_CASE_FIXTURE(WatchFixture, "a write in place is told, each time") {
  write("oxbow.yaml");
  open();
  for (int i = 0; i < 3; ++i) {
    write("oxbow.yaml", "text " + std::to_string(i));
    CHECK(told() == 1);
  }
  CHECK(told() == 0);
}

TEST_CASE_FIXTURE(WatchFixture, "a file that is being written is not told of until it is closed") {
  write("oxbow.yaml");
  open();
  {
    std::ofstream out(path(), std::ios::trunc);
    out << "half" << std::flush;
    CHECK(told() == 0);
  }
  CHECK(told() == 1);
  remove("oxbow.yaml");
  {
    std::ofstream out(path());
    out << "half" << std::flush;
    CHECK(told() == 0);
  }
  CHECK(told() == 1);
}

TEST_CASE_FIXTURE(WatchFixture, "a replacement by a rename is told, each time") {
  write("oxbow.yaml");
  open();
  for (int i = 0; i < 3; ++i) {
    write("new");
    CHECK(told() == 0);
    move("new", "oxbow.yaml");
    CHECK(told() == 1);
  }
  write("oxbow.yaml");  // the new one, in place
  CHECK(told() == 1);
}

TEST_CASE_FIXTURE(WatchFixture, "a replacement by a hard link is told") {
  write("new");
  open();
  fs::create_hard_link(path("new"), path());
  CHECK(told() == 1);
  write("new", "by its other name");
  CHECK(told() == 1);
}

TEST_CASE_FIXTURE(WatchFixture, "reading and other files are not told") {
  write("oxbow.yaml");
  write("other");
  open();
  std::ifstream(path()).get();
  write("other");
  remove("other");
  make("directory");
  CHECK(told() == 0);
}

TEST_CASE_FIXTURE(WatchFixture, "a file that comes later is told of") {
  open();
  CHECK(told() == 0);
  write("oxbow.yaml");
  CHECK(told() == 1);
}

TEST_CASE_FIXTURE(WatchFixture, "nothing is told while the file is away") {
  write("oxbow.yaml");
  open();
  move("oxbow.yaml", "backup");
  CHECK(told() == 0);
  move("backup", "oxbow.yaml");
  CHECK(told() == 1);
  remove("oxbow.yaml");
  CHECK(told() == 0);
  write("oxbow.yaml");
  remove("oxbow.yaml");
  CHECK(told() == 0);
}

TEST_CASE_FIXTURE(WatchFixture, "a burst is told once, 100 ms behind its last change") {
  write("oxbow.yaml");
  open();
  for (int i = 0; i < 5; ++i) {
    write("oxbow.yaml");
    pass(60ms);
  }
  CHECK(calls == 0);
  pass(39ms);
  CHECK(calls == 0);
  pass(1ms);
  CHECK(calls == 1);
  CHECK(told() == 1);
}

TEST_CASE_FIXTURE(WatchFixture, "a file that changes all the time is told of once a second") {
  write("oxbow.yaml");
  open();
  for (int i = 0; i < 70; ++i) {
    write("oxbow.yaml");
    pass(50ms);
  }
  CHECK(calls == 3);
}

TEST_CASE_FIXTURE(WatchFixture, "a link to the file, and one in its place") {
  write("first");
  write("second");
  link("first", "oxbow.yaml");
  open();
  write("first");
  CHECK(told() == 1);
  write("second");
  CHECK(told() == 0);
  link("second", "new");
  move("new", "oxbow.yaml");
  CHECK(told() == 1);
  write("second");
  CHECK(told() == 1);
  write("first");
  CHECK(told() == 0);
  remove("oxbow.yaml");
  CHECK(told() == 0);
  link("first", "oxbow.yaml");
  CHECK(told() == 1);
}

TEST_CASE_FIXTURE(WatchFixture, "an update of a ConfigMap is told once, each time") {
  makeConfigMap();
  open();
  CHECK(told() == 0);
  for (int i = 1; i <= 3; ++i) {
    updateConfigMap(".." + std::to_string(i), ".." + std::to_string(i + 1));
    CHECK(told() == 1);
  }
}

TEST_CASE_FIXTURE(WatchFixture, "an update of a ConfigMap, step by step") {
  makeConfigMap();
  open();
  make("..2");
  write("..2/oxbow.yaml");
  link("..2", "..data_tmp");
  CHECK(told() == 0);
  move("..data_tmp", "..data");
  CHECK(told() == 1);
  write("..2/oxbow.yaml");
  CHECK(told() == 1);
  write("..1/oxbow.yaml");
  remove("..1");
  CHECK(told() == 0);
}

TEST_CASE_FIXTURE(WatchFixture, "a chain of links through directories, absolute and relative") {
  make("etc");
  make("etc/real");
  make("home");
  write("etc/real/file");
  link(path("etc/real"), "home/here");  // absolute
  link("../home/./here/file", "etc/there");
  link("etc/there", "oxbow.yaml");
  open();
  write("etc/real/file");
  CHECK(told() == 1);
  make("etc/other");
  write("etc/other/file");
  CHECK(told() == 0);
  link("../etc/other", "home/new");
  move("home/new", "home/here");
  CHECK(told() == 1);
  write("etc/other/file");
  CHECK(told() == 1);
}

TEST_CASE_FIXTURE(WatchFixture, "the directory vanishes and comes back") {
  make("conf");
  write("conf/oxbow.yaml");
  open("conf/oxbow.yaml");
  for (int i = 0; i < 3; ++i) {
    remove("conf");
    CHECK(told() == 0);
    make("conf");
    CHECK(told() == 0);
    write("conf/oxbow.yaml");
    CHECK(told() == 1);
  }
}

TEST_CASE_FIXTURE(WatchFixture, "the directory is exchanged at once") {
  make("conf");
  write("conf/oxbow.yaml");
  make("new");
  write("new/oxbow.yaml");
  open("conf/oxbow.yaml");
  move("conf", "old");
  move("new", "conf");
  CHECK(told() == 1);
  write("conf/oxbow.yaml");
  CHECK(told() == 1);
  write("old/oxbow.yaml");
  CHECK(told() == 0);
}

TEST_CASE_FIXTURE(WatchFixture, "directories further up vanish and come back") {
  const auto build = [&] {
    make("a");
    make("a/b");
    make("a/b/c");
    write("a/b/c/oxbow.yaml");
  };
  build();
  open("a/b/c/oxbow.yaml");
  remove("a");
  CHECK(told() == 0);
  build();
  CHECK(told() == 1);
  move("a", "away");
  CHECK(told() == 0);
  write("away/b/c/oxbow.yaml");
  CHECK(told() == 0);
  move("away", "a");
  CHECK(told() == 1);
  write("a/b/c/oxbow.yaml");
  CHECK(told() == 1);
}

TEST_CASE_FIXTURE(WatchFixture, "links in a circle end, and may be mended") {
  link("b", "a");
  link("a", "b");
  link("a", "oxbow.yaml");
  open();
  CHECK(told() == 0);
  remove("b");
  write("b");
  CHECK(told() == 1);
}

TEST_CASE_FIXTURE(WatchFixture, "a link to nowhere, until there is something") {
  link("later", "oxbow.yaml");
  open();
  CHECK(told() == 0);
  write("later");
  CHECK(told() == 1);
}

TEST_CASE_FIXTURE(WatchFixture, "a relative path is one from where the process stands") {
  write("oxbow.yaml");
  const fs::path before = fs::current_path();
  fs::current_path(dir.file(""));
  openPath("oxbow.yaml");
  fs::current_path(before);
  write("oxbow.yaml");
  CHECK(told() == 1);
}

TEST_CASE_FIXTURE(WatchFixture, "more events than the kernel queues count as a change") {
  write("oxbow.yaml");
  open();
  size_t limit = 0;
  std::ifstream("/proc/sys/fs/inotify/max_queued_events") >> limit;
  REQUIRE(limit > 0);
  // Two names in turn: the kernel joins equal neighbours. Only an overflow says that more was lost.
  write("x");
  for (size_t i = 0; i <= limit; ++i) move(i % 2 == 0 ? "x" : "y", i % 2 == 0 ? "y" : "x");
  while (dispatcher.turn(false), calls == 0 && clock.now().time_since_epoch() < 2h)
    clock.advance(1s);
  CHECK(calls == 1);
}

TEST_CASE_FIXTURE(WatchFixture, "a watch that goes tells nothing more") {
  write("oxbow.yaml");
  open();
  write("oxbow.yaml");
  turn();
  watch.reset();
  CHECK(told() == 0);
}

TEST_CASE_FIXTURE(WatchFixture, "an error names the path and the reason") {
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
  const rlimit none{0, before.rlim_max};
  REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
  const auto opened = FileWatch::open(dispatcher, path(), [] {});
  setrlimit(RLIMIT_NOFILE, &before);
  REQUIRE_FALSE(opened.ok());
  CHECK(opened.error().find("cannot watch " + path() + ": Too many open files (") == 0);
}
