#include "proxy/log/output.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "tests/unit/log/temp_dir.h"

using namespace oxbow;
using namespace oxbow::log;
using namespace std::chrono_literals;

TEST_CASE("a line that was cut does not swallow the next one") {
  TempDir dir;
  REQUIRE(mkfifo(dir.file("fifo").c_str(), 0600) == 0);
  const int reader = open(dir.file("fifo").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  REQUIRE(reader >= 0);
  LogOutput output = std::move(LogOutput::open(dir.file("fifo"), 0s).value());
  const std::atomic<bool> stopping{true};  // nobody waits
  const std::string line = std::string(100000, 'x') + '\n';
  const size_t written = output.write(line, stopping);
  CHECK(written > 0);
  CHECK(written < line.size());
  CHECK(output.failure() == EAGAIN);

  std::string buffer(200000, '\0');
  REQUIRE(read(reader, buffer.data(), buffer.size()) == static_cast<ssize_t>(written));
  CHECK(output.write("next\n", stopping) == 5);
  const ssize_t n = read(reader, buffer.data(), buffer.size());
  CHECK(buffer.substr(0, static_cast<size_t>(n)) == "\nnext\n");
  close(reader);
}

TEST_CASE("an output that fails says why") {
  LogOutput output = std::move(LogOutput::open("/dev/full").value());
  const std::atomic<bool> stopping{false};
  CHECK(output.write("x\n", stopping) == 0);
  CHECK(output.failure() == ENOSPC);
}

TEST_CASE("reopening standard output does nothing, successfully") {
  LogOutput output = std::move(LogOutput::open("stdout").value());
  CHECK(output.reopen());
}
