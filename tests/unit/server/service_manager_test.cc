#include "proxy/server/service_manager.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "proxy/event/dispatcher.h"
#include "proxy/log/log.h"
#include "tests/unit/log/temp_dir.h"

using namespace oxbow;
using namespace oxbow::server;
using namespace std::chrono_literals;

namespace {

// What systemd has: a datagram socket under a name.
class Manager {
 public:
  explicit Manager(const std::string& name) : fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name.copy(address.sun_path, name.size());
    if (name[0] == '@') address.sun_path[0] = '\0';
    const size_t length = offsetof(sockaddr_un, sun_path) + name.size() + (name[0] == '@' ? 0 : 1);
    REQUIRE(bind(fd_, reinterpret_cast<const sockaddr*>(&address),
                 static_cast<socklen_t>(length)) == 0);
  }
  ~Manager() { close(fd_); }
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;

  // The next datagram; nothing when there is none.
  std::optional<std::string> next() {
    char text[256];
    const ssize_t size = recv(fd_, text, sizeof text, 0);
    if (size < 0) return std::nullopt;
    return std::string(text, static_cast<size_t>(size));
  }
  std::vector<std::string> all() {
    std::vector<std::string> texts;
    while (auto text = next()) texts.push_back(*text);
    return texts;
  }

 private:
  int fd_;
};

using Texts = std::vector<std::string>;
const std::string kServing = "READY=1\nSTATUS=serving";

struct NotifyFixture {
  TempDir dir;
  std::string path = dir.file("notify");
  Manager manager{path};
  ManualClock clock;
  event::Dispatcher dispatcher{clock};
  ServiceManager service{dispatcher};

  void connect(Duration watchdog = {}) { service.connect({path, watchdog}); }
  void advance(Duration by) {
    clock.advance(by);
    dispatcher.turn(false);
  }
};

class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    setenv(name, value.c_str(), 1);
  }
  ~Variable() { unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
};

}  // namespace

TEST_CASE_FIXTURE(NotifyFixture, "what happens is told in its order") {
  connect();
  CHECK(manager.all().empty());
  service.ready({});
  CHECK(manager.all() == Texts{kServing});
  clock.advance(1500us);
  service.reloading();
  CHECK(manager.all() == Texts{"RELOADING=1\nMONOTONIC_USEC=3600001500\n"
                               "STATUS=loading the configuration anew"});
  service.reloaded(true);
  CHECK(manager.all() == Texts{kServing});
  service.reloading();
  service.reloaded(false);
  CHECK(manager.all().back() ==
        "READY=1\nSTATUS=serving; the last reload was refused, the log says why");
  service.stopping();
  CHECK(manager.all() == Texts{"STOPPING=1\nSTATUS=draining"});
}

TEST_CASE_FIXTURE(NotifyFixture, "who stops is not ready again, and stops once") {
  connect();
  service.reloading();  // before it serves
  service.stopping();
  CHECK(manager.all().empty());
  service.ready({});
  service.reloading();
  service.stopping();
  manager.all();
  service.reloaded(true);
  service.reloading();
  service.stopping();
  CHECK(manager.all().empty());
}

TEST_CASE_FIXTURE(NotifyFixture, "without a socket nothing is told") {
  service.connect({"", 10s});
  service.ready({});
  service.reloading();
  service.stopping();
  advance(1min);
  CHECK(manager.all().empty());
  CHECK(dispatcher.timers() == 0);
}

TEST_CASE("an abstract name") {
  const std::string name = "@oxbow-test-" + std::to_string(getpid());
  Manager manager(name);
  ManualClock clock;
  event::Dispatcher dispatcher(clock);
  ServiceManager service(dispatcher);
  service.connect({name, {}});
  service.ready({});
  CHECK(manager.all() == Texts{kServing});
}

TEST_CASE_FIXTURE(NotifyFixture, "a socket that cannot be used is a warning, once") {
  REQUIRE(log::init(log::Level::Warn, dir.file("log")));
  const std::string nobody = dir.file("nobody");
  for (const std::string& name : {std::string("relative"), std::string("vsock:2:1234"),
                                  std::string("@"), "/" + std::string(107, 'x'), nobody}) {
    ServiceManager broken(dispatcher);
    broken.connect({name, 10s});
    broken.ready({});
    broken.stopping();
  }
  log::shutdown();
  const std::string text = dir.read("log");
  CAPTURE(text);
  size_t lines = 0;
  for (const char c : text) lines += c == '\n' ? 1 : 0;
  CHECK(lines == 5);
  CHECK(text.find("NOTIFY_SOCKET is no Unix socket: relative\n") != text.npos);
  CHECK(text.find("NOTIFY_SOCKET is no Unix socket: vsock:2:1234\n") != text.npos);
  CHECK(text.find("the service manager cannot be told how it goes: No such file") != text.npos);
}

TEST_CASE_FIXTURE(NotifyFixture,
                  "a full queue holds nobody up, and nothing is lost or out of step") {
  connect();
  service.ready({});
  // More than a queue of datagrams holds (net.unix.max_dgram_qlen), but for the end.
  Texts expected{kServing};
  for (int i = 0; i < 10000 && expected.size() == 1; ++i) {
    service.reloaded(true);
    if (dispatcher.timers() > 0) expected.clear();
  }
  REQUIRE(expected.empty());  // it waits for room
  service.stopping();
  const Texts first = manager.all();
  REQUIRE(!first.empty());
  CHECK(first.back() == kServing);
  CHECK(manager.all().empty());
  advance(50ms);
  CHECK(manager.all() == Texts{kServing, "STOPPING=1\nSTATUS=draining"});
  CHECK(dispatcher.timers() == 0);
}

TEST_CASE_FIXTURE(NotifyFixture, "pings come at half of the time, also while it stops") {
  connect(10s);
  service.ready({&dispatcher.activity()});
  CHECK(manager.all() == Texts{kServing, "WATCHDOG=1"});
  advance(4900ms);
  CHECK(manager.all().empty());
  advance(200ms);
  CHECK(manager.all() == Texts{"WATCHDOG=1"});
  service.stopping();
  advance(5100ms);
  CHECK(manager.all() == Texts{"STOPPING=1\nSTATUS=draining", "WATCHDOG=1"});
  service.disconnect();
  advance(5100ms);
  CHECK(manager.all().empty());
  CHECK(dispatcher.timers() == 0);
}

TEST_CASE_FIXTURE(NotifyFixture,
                  "a loop that is stuck in a turn ends the pings, until the turn ends") {
  event::Activity loop(clock, 100ms);
  connect(16s);
  service.ready({&loop});
  manager.all();
  loop.beginTurn();
  loop.begin("something");
  advance(8100ms);  // the first look at this turn
  CHECK(manager.all() == Texts{"WATCHDOG=1"});
  advance(8100ms);
  CHECK(manager.all().empty());
  advance(1100ms);
  CHECK(manager.all().empty());
  loop.endTurn();
  advance(1100ms);
  CHECK(manager.all() == Texts{"WATCHDOG=1"});
  loop.beginTurn();
  loop.begin("another turn");
  advance(8100ms);
  loop.endTurn();
  loop.beginTurn();
  loop.begin("one more");
  advance(8100ms);
  CHECK(manager.all() == Texts{"WATCHDOG=1", "WATCHDOG=1"});
}

TEST_CASE("the environment") {
  CHECK(ServiceManager::environment().socket.empty());
  CHECK(ServiceManager::environment().watchdog == 0s);
  const Variable socket("NOTIFY_SOCKET", "/run/systemd/notify");
  const Variable watchdog("WATCHDOG_USEC", "30000000");
  CHECK(ServiceManager::environment().socket == "/run/systemd/notify");
  CHECK(ServiceManager::environment().watchdog == 30s);
  {
    const Variable pid("WATCHDOG_PID", std::to_string(getpid()));
    CHECK(ServiceManager::environment().watchdog == 30s);
  }
  {
    // Meant for who has started us.
    const Variable pid("WATCHDOG_PID", std::to_string(getpid() + 1));
    CHECK(ServiceManager::environment().watchdog == 0s);
  }
  for (const char* none : {"", "0", "-1", "30s", "18446744073709551615", "99999999999999999999"}) {
    CAPTURE(none);
    const Variable wrong("WATCHDOG_USEC", none);
    CHECK(ServiceManager::environment().watchdog == 0s);
  }
}
