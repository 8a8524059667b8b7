#include "proxy/log/socket_sink.h"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <thread>
#include <vector>

#include "tests/unit/log/temp_dir.h"

using namespace oxbow;
using namespace oxbow::log;
using namespace std::chrono_literals;

namespace {

const std::atomic<bool> kServing{false};

// What reads the log at the other end.
class Reader {
 public:
  Reader(const SocketAddress& address, int type) {
    fd_ = socket(address.family(), type | SOCK_CLOEXEC, 0);
    REQUIRE(bind(fd_, address.get(), address.length()) == 0);
    if (type == SOCK_STREAM) REQUIRE(listen(fd_, 8) == 0);
    path_ = address.isUnix() ? address.text().substr(5) : "";
    stream_ = type == SOCK_STREAM;
  }
  ~Reader() {
    if (accepted_ >= 0) close(accepted_);
    close(fd_);
    if (!path_.empty()) unlink(path_.c_str());
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // One datagram, or what the stream has; empty when there is nothing for a while.
  std::string read() {
    if (stream_ && accepted_ < 0 && isReadable(fd_)) accepted_ = accept(fd_, nullptr, nullptr);
    const int fd = stream_ ? accepted_ : fd_;
    if (fd < 0 || !isReadable(fd)) return {};
    std::string text(200000, '\0');
    const ssize_t n = recv(fd, text.data(), text.size(), 0);
    text.resize(n > 0 ? static_cast<size_t>(n) : 0);
    return text;
  }
  std::string readAll(size_t bytes) {
    std::string all;
    while (all.size() < bytes) {
      const std::string more = read();
      if (more.empty()) break;
      all += more;
    }
    return all;
  }
  static bool isReadable(int fd) {
    pollfd asked{fd, POLLIN, 0};
    return poll(&asked, 1, 1000) > 0;
  }
  void hangUp() { close(std::exchange(accepted_, -1)); }

  SocketAddress address() const {
    sockaddr_storage storage;
    socklen_t length = sizeof storage;
    getsockname(fd_, reinterpret_cast<sockaddr*>(&storage), &length);
    return SocketAddress(reinterpret_cast<sockaddr*>(&storage), length);
  }

 private:
  int fd_ = -1;
  int accepted_ = -1;
  bool stream_ = false;
  std::string path_;
};

struct SocketFixture {
  TempDir dir;
  SocketAddress address = SocketAddress::parse("unix:" + dir.file("log")).value();

  Destination to(Destination::Kind kind) const {
    Destination out;
    out.kind = kind;
    out.address = address;
    return out;
  }
  Destination lines() const { return to(Destination::Kind::Socket); }
  Destination syslog() const { return to(Destination::Kind::Syslog); }
};

std::string behindHeader(const std::string& message) {
  const std::string end = " access - ";
  const size_t at = message.find(end);
  return at == std::string::npos ? "no header" : message.substr(at + end.size());
}

}  // namespace

TEST_CASE_FIXTURE(SocketFixture, "a stream gets the lines as they are") {
  Reader reader(address, SOCK_STREAM);
  SocketSink sink(lines(), 1s);
  CHECK(sink.write("a\nb\n", kServing) == 0);
  CHECK(sink.write("c\n", kServing) == 0);
  CHECK(reader.readAll(6) == "a\nb\nc\n");
}

TEST_CASE_FIXTURE(SocketFixture, "a datagram socket gets a line each, without its newline") {
  Reader reader(address, SOCK_DGRAM);
  SocketSink sink(lines(), 1s);
  CHECK(sink.write("a\nb\n", kServing) == 0);
  CHECK(reader.read() == "a");
  CHECK(reader.read() == "b");
}

TEST_CASE_FIXTURE(SocketFixture, "while nobody serves the socket lines are lost and counted") {
  SocketSink sink(lines(), 1s);
  CHECK(sink.write("a\nb\n", kServing) == 2);
  CHECK(sink.failure() == ENOENT);
  Reader reader(address, SOCK_STREAM);
  CHECK(sink.write("c\n", kServing) == 0);
  CHECK(reader.read() == "c\n");
}

TEST_CASE_FIXTURE(SocketFixture, "a stream whose reader hangs up is connected to again") {
  Reader reader(address, SOCK_STREAM);
  SocketSink sink(lines(), 1s);
  CHECK(sink.write("a\n", kServing) == 0);
  CHECK(reader.read() == "a\n");
  reader.hangUp();
  CHECK(sink.write("b\n", kServing) == 0);
  CHECK(reader.read() == "b\n");
}

TEST_CASE_FIXTURE(SocketFixture, "a line that was cut begins again on the next connection") {
  Reader reader(address, SOCK_STREAM);
  SocketSink sink(lines(), 1s);
  CHECK(sink.write("first\n", kServing) == 0);  // a batch connects once
  CHECK(reader.read() == "first\n");
  std::string many;
  for (int i = 0; i < 20; ++i) many += std::string(99999, static_cast<char>('a' + i)) + '\n';
  uint64_t lost = 1;
  std::thread writer([&] { lost = sink.write(many, kServing); });
  CHECK(reader.read().front() == 'a');
  reader.hangUp();
  const std::string rest = reader.readAll(many.size());
  writer.join();
  CHECK(lost == 0);
  CHECK(rest.size() % 100000 == 0);
  CHECK(many.substr(many.size() - rest.size()) == rest);
}

TEST_CASE_FIXTURE(SocketFixture, "a stream that is not read does not hold up the end") {
  Reader reader(address, SOCK_STREAM);
  SocketSink sink(lines(), 20ms);
  const std::atomic<bool> stopping{true};
  std::string many;
  for (int i = 0; i < 50; ++i) many += std::string(99999, 'x') + '\n';
  CHECK(sink.write(many, stopping) > 0);
  CHECK(sink.failure() == EAGAIN);
}

TEST_CASE_FIXTURE(SocketFixture, "syslog gets a header in front of each line") {
  Reader reader(address, SOCK_DGRAM);
  Destination destination = syslog();
  destination.syslog.tag = "edge";
  SocketSink sink(destination, 1s);
  CHECK(sink.write("{\"a\":1}\nb\n", kServing) == 0);
  const std::string first = reader.read();
  CHECK(first.find("<190>1 2") == 0);
  CHECK(first.find(" edge " + std::to_string(getpid()) + " access - ") != std::string::npos);
  CHECK(behindHeader(first) == "{\"a\":1}");
  CHECK(behindHeader(reader.read()) == "b");
}

TEST_CASE_FIXTURE(SocketFixture, "a syslog that starts anew gets the lines from then on") {
  SocketSink sink(syslog(), 1s);
  {
    Reader reader(address, SOCK_DGRAM);
    CHECK(sink.write("a\n", kServing) == 0);
  }
  CHECK(sink.write("b\nc\n", kServing) == 2);
  Reader reader(address, SOCK_DGRAM);
  CHECK(sink.write("d\n", kServing) == 0);
  CHECK(behindHeader(reader.read()) == "d");
}

TEST_CASE_FIXTURE(SocketFixture, "a syslog that is moved is found again by reopening") {
  Reader old(address, SOCK_DGRAM);
  SocketSink sink(syslog(), 1s);
  CHECK(sink.write("a\n", kServing) == 0);
  std::filesystem::rename(dir.file("log"), dir.file("old"));
  Reader reader(address, SOCK_DGRAM);
  CHECK(sink.reopen());
  CHECK(sink.write("b\n", kServing) == 0);
  CHECK(behindHeader(reader.read()) == "b");
}

TEST_CASE("syslog over UDP: a refusal tells of the line before, and is no end") {
  Destination to;
  to.kind = Destination::Kind::Syslog;
  {
    Reader nobody(SocketAddress::parse("127.0.0.1:0").value(), SOCK_DGRAM);
    to.address = nobody.address();
  }
  SocketSink sink(to, 1s);
  uint64_t lost = 0;
  for (int i = 0; i < 10; ++i) lost += sink.write("x\n", kServing);
  CHECK(lost >= 8);
  CHECK(lost <= 10);
  CHECK(sink.failure() == ECONNREFUSED);
  Reader reader(to.address, SOCK_DGRAM);
  CHECK(sink.write("a\nb\n", kServing) <= 1);  // the last of those before
  CHECK(behindHeader(reader.read()) == "a");
  CHECK(behindHeader(reader.read()) == "b");
  CHECK(sink.write("c\n", kServing) == 0);
}
