#include "proxy/top/asker.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <optional>

#include "proxy/demo/origin.h"
#include "proxy/net/socket.h"

using namespace oxbow;
using namespace oxbow::top;
using namespace std::chrono_literals;

namespace {

// Somebody who answers, with 404 to everything here.
struct Fixture {
  SystemClock clock;
  event::Dispatcher dispatcher{clock};
  std::unique_ptr<demo::Origin> origin = open();
  AdminTarget target{"admin", "localhost", {}};

  std::unique_ptr<demo::Origin> open() {
    demo::OriginOptions options;
    options.address = SocketAddress::parse("127.0.0.1:0").value();
    return std::move(demo::Origin::open(dispatcher, options).value());
  }

  // One that nobody listens on.
  static SocketAddress deadAddress() {
    const auto fd = net::listenOn(SocketAddress::parse("127.0.0.1:0").value(), 1, {});
    REQUIRE(fd.ok());
    const SocketAddress address = net::localAddress(fd.value());
    close(fd.value());
    return address;
  }

  std::string errorOf(Asker& asker) {
    std::optional<Result<Sample>> answer;
    asker.ask([&answer](Result<Sample> result) { answer = std::move(result); });
    while (!answer) dispatcher.turn(true);
    REQUIRE_FALSE(answer->ok());
    return answer->error();
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "when an address refuses, the others are asked, and kept") {
  target.addresses = {deadAddress(), deadAddress(), origin->address()};
  Asker asker(dispatcher, target, "");
  for (int i = 0; i < 3; ++i) CHECK(errorOf(asker) == "/api/upstreams is answered with 404");
  CHECK(origin->report().accepted == 3);
}

TEST_CASE_FIXTURE(Fixture, "when all of them refuse, that is told, and all are asked again") {
  target.addresses = {deadAddress(), deadAddress()};
  Asker asker(dispatcher, target, "");
  for (int i = 0; i < 3; ++i)
    CHECK(errorOf(asker) == "Connection refused; is oxbow running, with this admin address?");
}

TEST_CASE_FIXTURE(Fixture, "an asker may go while it asks") {
  target.addresses = {origin->address()};
  bool answered = false;
  {
    Asker asker(dispatcher, target, "");
    asker.ask([&answered](const auto&) { answered = true; });
    dispatcher.turn(false);
  }
  for (int i = 0; i < 10; ++i) dispatcher.turn(false);
  CHECK_FALSE(answered);
}
