#include "proxy/server/service_manager.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>

#include "proxy/log/log.h"

namespace oxbow::server {

namespace {

// The manager's socket holds few datagrams, and at boot everybody sends some.
constexpr Duration kRetry = std::chrono::milliseconds(50);
constexpr size_t kMostUnsent = 16;
// Beyond, no watchdog is meant, and a Duration would overflow.
constexpr uint64_t kLongestWatchdog = uint64_t{1'000'000} * 3600 * 24 * 365;

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

std::optional<uint64_t> number(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Duration watchdogOfEnvironment() {
  const std::string_view pid = variable("WATCHDOG_PID");
  if (!pid.empty() && number(pid) != static_cast<uint64_t>(getpid())) return {};
  const uint64_t usec = number(variable("WATCHDOG_USEC")).value_or(0);
  return std::chrono::microseconds(usec <= kLongestWatchdog ? usec : 0);
}

// The length of the address, 0 when `name` is none.
socklen_t fill(sockaddr_un& address, const std::string& name) {
  if ((name[0] != '/' && name[0] != '@') || name.size() < 2) return 0;
  if (name.size() >= sizeof address.sun_path) return 0;
  address.sun_family = AF_UNIX;
  name.copy(address.sun_path, name.size());
  // Of an abstract name the length counts, and nothing ends it (unix(7)).
  if (name[0] == '@') address.sun_path[0] = '\0';
  const size_t end = name[0] == '@' ? 0 : 1;
  return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + end);
}

}  // namespace

ServiceManager::Environment ServiceManager::environment() {
  return {std::string(variable("NOTIFY_SOCKET")), watchdogOfEnvironment()};
}

ServiceManager::ServiceManager(event::Dispatcher& dispatcher)
    : dispatcher_(dispatcher),
      retry_(dispatcher, [this] { send(); }),
      nextPing_(dispatcher, [this] { ping(); }) {}

void ServiceManager::connect(const Environment& environment) {
  if (environment.socket.empty()) return;
  addressLength_ = fill(address_, environment.socket);
  if (addressLength_ == 0) {
    LOG_WARN("NOTIFY_SOCKET is no Unix socket: {}", environment.socket);
    return;
  }
  fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) LOG_WARN("NOTIFY_SOCKET: no socket: {}", std::strerror(errno));
  watchdog_ = environment.watchdog;
}

void ServiceManager::disconnect() {
  retry_.cancel();
  nextPing_.cancel();
  loops_.clear();
  unsent_.clear();
  serving_ = false;
  if (const int fd = std::exchange(fd_, -1); fd >= 0) ::close(fd);
}

void ServiceManager::ready(const std::vector<event::Activity*>& loops) {
  if (fd_ < 0) return;
  serving_ = true;
  for (const event::Activity* activity : loops) loops_.push_back({activity, {}});
  tell("READY=1\nSTATUS=serving");
  if (watchdog_ > Duration(0)) ping();
}

void ServiceManager::reloading() {
  if (!serving_) return;
  const auto now = dispatcher_.preciseNow().time_since_epoch();  // CLOCK_MONOTONIC
  tell(fmt::format("RELOADING=1\nMONOTONIC_USEC={}\nSTATUS=loading the configuration anew",
                   std::chrono::duration_cast<std::chrono::microseconds>(now).count()));
}

void ServiceManager::reloaded(bool applied) {
  if (!serving_) return;
  tell(applied ? "READY=1\nSTATUS=serving"
               : "READY=1\nSTATUS=serving; the last reload was refused, the log says why");
}

void ServiceManager::stopping() {
  if (!std::exchange(serving_, false)) return;
  tell("STOPPING=1\nSTATUS=draining");
}

// Datagrams -------------------------------------------------------------------------------------

void ServiceManager::tell(std::string message) {
  // What is new says more.
  if (unsent_.size() >= kMostUnsent) unsent_.pop_front();
  unsent_.push_back(std::move(message));
  send();
}

void ServiceManager::send() {
  for (; !unsent_.empty(); unsent_.pop_front()) {
    const std::string& message = unsent_.front();
    const bool sent = ::sendto(fd_, message.data(), message.size(), MSG_NOSIGNAL,
                               reinterpret_cast<const sockaddr*>(&address_), addressLength_) >= 0;
    if (!sent && errno == EAGAIN) return retry_.setIn(kRetry);
    if (!sent && !failing_)
      LOG_WARN("the service manager cannot be told how it goes: {}", std::strerror(errno));
    failing_ = !sent;
  }
}

// Watchdog --------------------------------------------------------------------------------------

// This thread turns: it is here. A loop that is stuck is looked at more often, so that the manager
// hears of its end in time.
void ServiceManager::ping() {
  const bool stuck = isStuck();
  if (!stuck && unsent_.empty()) tell("WATCHDOG=1");
  nextPing_.setIn(stuck ? watchdog_ / 16 : watchdog_ / 2);
}

// Whether a loop is at work in the turn that it was in at the last look.
bool ServiceManager::isStuck() {
  bool stuck = false;
  for (Loop& loop : loops_) {
    const event::Activity::Sample before = std::exchange(loop.seen, loop.activity->sample());
    stuck |= before.working() && loop.seen.working() && before.turn == loop.seen.turn;
  }
  return stuck;
}

}  // namespace oxbow::server
