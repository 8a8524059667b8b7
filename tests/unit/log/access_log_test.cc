#include "proxy/log/access_log.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "proxy/log/log.h"
#include "tests/unit/log/temp_dir.h"

using namespace oxbow;
using namespace oxbow::log;
using namespace std::chrono_literals;

namespace {

struct AccessLogFixture {
  TempDir dir;
  std::unique_ptr<AccessLog> log;

  // Losses are logged as well, which these tests do not want to see.
  AccessLogFixture() { setLevel(Level::Off); }
  ~AccessLogFixture() { setLevel(Level::Warn); }

  AccessLogWriter& open(const std::string& name = "access.log") {
    Result<std::unique_ptr<AccessLog>> result = AccessLog::open(
        {.to = {.path = dir.file(name)}, .ringBytes = 64 << 10, .shutdownGrace = 20ms});
    REQUIRE(result.ok());
    log = std::move(result.value());
    return log->addWriter();
  }
  void close() { log.reset(); }

  static AccessRecord record(std::string_view target) {
    AccessRecord result;
    result.target = target;
    return result;
  }

  size_t lines(const std::string& name = "access.log") const {
    const std::string all = dir.read(name);
    return static_cast<size_t>(std::count(all.begin(), all.end(), '\n'));
  }
};

template <typename Condition>
bool eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

}  // namespace

TEST_CASE_FIXTURE(AccessLogFixture, "what was written is in the file when the log is gone") {
  AccessLogWriter& writer = open();
  for (int i = 0; i < 100; ++i) writer.write(record("/x"));
  close();
  CHECK(lines() == 100);
  CHECK(dir.read("access.log").find("\"target\":\"/x\"") != std::string::npos);
}

TEST_CASE_FIXTURE(AccessLogFixture, "a record appears without another one behind it") {
  AccessLogWriter& writer = open();
  writer.write(record("/first"));
  CHECK(eventually([&] { return lines() == 1; }));
  writer.write(record("/second"));  // now the thread naps, or has parked again
  CHECK(eventually([&] { return lines() == 2; }));
}

TEST_CASE_FIXTURE(AccessLogFixture, "lines of several workers come whole") {
  open();
  constexpr int kThreads = 3, kEach = 100;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([&writer = log->addWriter()] {
      for (int n = 0; n < kEach; ++n) writer.write(record("/x"));
    });
  for (std::thread& thread : threads) thread.join();
  const uint64_t dropped = log->dropped();
  close();
  CHECK(lines() + dropped == kThreads * kEach);
  const std::string all = dir.read("access.log");
  size_t whole = 0;
  for (size_t at = 0; (at = all.find("{\"time\":", at)) != all.npos; ++at)
    whole += at == 0 || all.compare(at - 2, 2, "}\n") == 0 ? 1 : 0;
  CHECK(whole == lines());
}

TEST_CASE_FIXTURE(AccessLogFixture, "what does not fit into the ring is counted") {
  AccessLogWriter& writer = open();
  const std::string target(1000, 'x');
  // Far more than 64 KiB, faster than any thread could take it; some of it may get through.
  for (int i = 0; i < 1000; ++i) writer.write(record(target));
  const uint64_t dropped = log->dropped();
  close();
  CHECK(lines() + dropped == 1000);
}

TEST_CASE_FIXTURE(AccessLogFixture,
                  "the file is appended to, and readable by owner and group only") {
  open().write(record("/1"));
  close();
  open().write(record("/2"));
  close();
  CHECK(lines() == 2);
  struct stat info;
  REQUIRE(stat(dir.file("access.log").c_str(), &info) == 0);
  CHECK((info.st_mode & 0777 & ~0640u) == 0);
}

TEST_CASE_FIXTURE(AccessLogFixture, "after rotation the file is opened anew") {
  AccessLogWriter& writer = open();
  writer.write(record("/old"));
  std::filesystem::rename(dir.file("access.log"), dir.file("access.log.1"));
  log->reopen();
  REQUIRE(eventually([&] { return std::filesystem::exists(dir.file("access.log")); }));
  writer.write(record("/new"));
  close();
  CHECK(dir.read("access.log.1").find("/old") != std::string::npos);
  CHECK(dir.read("access.log").find("/new") != std::string::npos);
  CHECK(dir.read("access.log").find("/old") == std::string::npos);
}

TEST_CASE_FIXTURE(AccessLogFixture, "a file that cannot be reopened goes on as the old one") {
  std::filesystem::create_directory(dir.file("sub"));
  AccessLogWriter& writer = open("sub/access.log");
  std::filesystem::rename(dir.file("sub"), dir.file("moved"));
  log->reopen();
  writer.write(record("/x"));
  close();
  CHECK(lines("moved/access.log") == 1);
}

TEST_CASE("a place that cannot be opened is an error with the path") {
  const auto result = AccessLog::open({.to = {.path = "/nonexistent/access.log"}});
  REQUIRE_FALSE(result.ok());
  CHECK(result.error().find("/nonexistent/access.log") != std::string::npos);
}

TEST_CASE_FIXTURE(AccessLogFixture, "a full disk drops and counts") {
  log = std::move(AccessLog::open({.to = {.path = "/dev/full"}}).value());
  AccessLogWriter& writer = log->addWriter();
  for (int i = 0; i < 3; ++i) writer.write(record("/x"));
  CHECK(eventually([&] { return log->dropped() == 3; }));
}

TEST_CASE_FIXTURE(AccessLogFixture, "a socket that nobody serves is no error, and lines are lost") {
  Destination to;
  to.kind = Destination::Kind::Socket;
  to.address = SocketAddress::parse("unix:" + dir.file("log")).value();
  log = std::move(AccessLog::open({.to = to}).value());
  AccessLogWriter& writer = log->addWriter();
  for (int i = 0; i < 3; ++i) writer.write(record("/x"));
  CHECK(eventually([&] { return log->dropped() == 3; }));
}

TEST_CASE_FIXTURE(AccessLogFixture, "a reader that has gone is no end") {
  REQUIRE(mkfifo(dir.file("fifo").c_str(), 0600) == 0);
  const int reader = ::open(dir.file("fifo").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  REQUIRE(reader >= 0);
  AccessLogWriter& writer = open("fifo");
  ::close(reader);
  writer.write(record("/x"));  // EPIPE, and no SIGPIPE
  CHECK(eventually([&] { return log->dropped() == 1; }));
}

TEST_CASE_FIXTURE(AccessLogFixture, "a reader that does not read does not hold up the end") {
  REQUIRE(mkfifo(dir.file("fifo").c_str(), 0600) == 0);
  const int reader = ::open(dir.file("fifo").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  REQUIRE(reader >= 0);
  AccessLogWriter& writer = open("fifo");
  const std::string target(2000, 'x');
  // The pipe takes 64 KiB, the batch and the ring as much again: the rest has nowhere to go.
  for (int i = 0; i < 500; ++i) writer.write(record(target));
  CHECK(log->dropped() > 0);
  const auto begin = std::chrono::steady_clock::now();
  close();
  CHECK(std::chrono::steady_clock::now() - begin < 5s);
  ::close(reader);
}
