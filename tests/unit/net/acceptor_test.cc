#include "proxy/net/acceptor.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "proxy/net/socket.h"
#include "tests/unit/log/temp_dir.h"

using namespace oxbow;
using namespace oxbow::net;

namespace {

class Nobody final : public AcceptHandler {
 public:
  void onAccept(int fd, const SocketAddress&) override { close(fd); }
  void onAcceptError(int) override {}
};

struct Listening {
  explicit Listening(const std::string& path)
      : acceptor(std::make_unique<Acceptor>(
            dispatcher, listenOn(SocketAddress::parse("unix:" + path).value(), 1, {}).value(),
            handler)) {}

  const SystemClock clock;
  oxbow::event::Dispatcher dispatcher{clock};
  Nobody handler;
  std::unique_ptr<Acceptor> acceptor;
};

}  // namespace

TEST_CASE("the file of a Unix socket goes with its acceptor") {
  const TempDir dir;
  Listening listening(dir.file("socket"));
  CHECK(std::filesystem::is_socket(dir.file("socket")));
  listening.acceptor.reset();
  CHECK_FALSE(std::filesystem::exists(dir.file("socket")));
}

TEST_CASE("what somebody else has put in its place stays") {
  const TempDir dir;
  Listening listening(dir.file("socket"));
  SUBCASE("another socket") {
    std::filesystem::rename(dir.file("socket"), dir.file("old"));
    Listening other(dir.file("socket"));
    listening.acceptor.reset();
    CHECK(std::filesystem::is_socket(dir.file("socket")));
  }
  SUBCASE("a file") {
    std::filesystem::rename(dir.file("socket"), dir.file("old"));
    std::ofstream(dir.file("socket")) << "mine";
    listening.acceptor.reset();
    CHECK(dir.read("socket") == "mine");
  }
  SUBCASE("nothing") {
    std::filesystem::remove(dir.file("socket"));
    listening.acceptor.reset();
    CHECK(std::filesystem::is_empty(std::filesystem::path(dir.file(".")).lexically_normal()));
  }
}
