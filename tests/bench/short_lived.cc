// Short-lived clients: each makes one request over a connection of its own. They arrive at a fixed
// rate, whether those before them have been answered or not, and each is timed from the moment it
// was due. With a CA they speak TLS, verify the server and make a whole handshake each.

#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/bench/latencies.h"
#include "tests/bench/response.h"
#include "tests/bench/stream.h"

namespace oxbow::bench {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::nanoseconds;

constexpr std::chrono::seconds kPatience{10};  // for those that are still on their way at the end
constexpr size_t kMaxResponse = 4096;
const std::string kRequest = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

nanoseconds processTime() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + nanoseconds(time.tv_nsec);
}

timespec toTimespec(nanoseconds time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  return {.tv_sec = seconds.count(), .tv_nsec = (time - seconds).count()};
}

enum class Progress { Waiting, Answered, Failed };

class Client {
 public:
  Client(Fd fd, const ClientTls* tls, Clock::time_point due)
      : stream_(std::move(fd), tls), due_(due) {}

  // As far as the socket lets it.
  Progress advance() {
    if (!asked_) {
      if (stream_.send(kRequest.data(), kRequest.size()) < 0) return waitingOrFailed();
      asked_ = true;
    }
    for (;;) {
      const size_t room = response_.size() - 1 - have_;
      const ssize_t got = stream_.receive(response_.data() + have_, room);
      if (got < 0) return waitingOrFailed();
      if (got == 0) return Progress::Failed;
      have_ += static_cast<size_t>(got);
      const Progress progress = judge();
      if (progress != Progress::Waiting) return progress;
    }
  }

  Clock::time_point due() const { return due_; }

 private:
  static Progress waitingOrFailed() {
    return errno == EAGAIN ? Progress::Waiting : Progress::Failed;
  }

  Progress judge() {
    response_[have_] = '\0';
    const std::optional<ResponseHead> head = headOf(response_.data());
    if (!head) return have_ + 1 < response_.size() ? Progress::Waiting : Progress::Failed;
    const size_t whole = head->size + head->bodySize;
    if (!head->ok || have_ > whole || whole >= response_.size()) return Progress::Failed;
    return have_ == whole ? Progress::Answered : Progress::Waiting;
  }

  Stream stream_;
  const Clock::time_point due_;
  bool asked_ = false;
  size_t have_ = 0;
  std::array<char, kMaxResponse> response_;
};

class Arrivals {
 public:
  Arrivals(uint16_t port, uint32_t rate, uint32_t requests, const ClientTls* tls)
      : address_(loopback(port)),
        interval_(nanoseconds(std::chrono::seconds(1)) / rate),
        requests_(requests),
        tls_(tls) {
    watch(timer_.get(), EPOLLIN);
  }

  // Until all are answered or have failed.
  void run() {
    start_ = Clock::now();
    const itimerspec schedule{.it_interval = toTimespec(interval_),
                              .it_value = toTimespec((start_ + interval_).time_since_epoch())};
    if (timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &schedule, nullptr) != 0)
      die("timerfd_settime");
    const Clock::time_point deadline = start_ + interval_ * requests_ + kPatience;
    while (latencies_.size() + failed_ < requests_ && Clock::now() < deadline) turn();
    failed_ = requests_ - static_cast<uint32_t>(latencies_.size());
  }

  std::vector<int64_t> takeSorted() {
    std::sort(latencies_.begin(), latencies_.end());
    return std::move(latencies_);
  }
  uint32_t failed() const { return failed_; }

 private:
  void turn() {
    std::array<epoll_event, 64> events;
    const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 100);
    if (count < 0 && errno != EINTR) die("epoll_wait");
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<size_t>(i)].data.fd;
      fd == timer_.get() ? startAllDue() : onEvent(fd);
    }
  }

  void watch(int fd, uint32_t interest) {
    epoll_event event{};
    event.events = interest;
    event.data.fd = fd;
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
  }

  void startAllDue() {
    uint64_t due = 0;
    if (read(timer_.get(), &due, sizeof due) != sizeof due) return;
    for (; due > 0 && started_ < requests_; --due) start();
  }

  void start() {
    ++started_;
    Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (fd.get() < 0) die("socket");
    const auto* address = reinterpret_cast<const sockaddr*>(&address_);
    if (connect(fd.get(), address, sizeof address_) != 0 && errno != EINPROGRESS) die("connect");
    setNoDelay(fd.get());
    const int number = fd.get();
    clients_.try_emplace(number, std::move(fd), tls_, start_ + interval_ * started_);
    watch(number, EPOLLIN | EPOLLOUT | EPOLLET);
  }

  // The event may be left over from an earlier client with this number: trying does no harm.
  void onEvent(int fd) {
    const auto client = clients_.find(fd);
    if (client == clients_.end()) return;
    const Progress progress = client->second.advance();
    if (progress == Progress::Waiting) return;
    if (progress == Progress::Answered)
      latencies_.push_back((Clock::now() - client->second.due()) / nanoseconds(1));
    else
      ++failed_;
    clients_.erase(client);
  }

  const sockaddr_in address_;
  const nanoseconds interval_;
  const uint32_t requests_;
  const ClientTls* const tls_;
  Fd epoll_{epoll_create1(EPOLL_CLOEXEC)};
  Fd timer_{timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)};
  Clock::time_point start_;
  std::map<int, Client> clients_;  // by descriptor
  uint32_t started_ = 0;
  uint32_t failed_ = 0;
  std::vector<int64_t> latencies_;  // nanoseconds
};

}  // namespace
}  // namespace oxbow::bench

int main(int argc, char** argv) {
  using namespace oxbow::bench;
  if (argc < 4 || argc > 5) {
    std::fprintf(stderr, "usage: short_lived PORT RATE REQUESTS [CA_FILE]    (on 127.0.0.1)\n");
    return 2;
  }
  std::optional<ClientTls> tls;
  if (argc > 4) tls.emplace(argv[4]);
  Arrivals arrivals(portOf(argv[1]), numberOf(argv[2], 1, 100'000),
                    numberOf(argv[3], 1, 100'000'000), tls ? &*tls : nullptr);
  const auto before = processTime();
  arrivals.run();
  const long long spent = (processTime() - before).count();
  const std::vector<int64_t> sorted = arrivals.takeSorted();
  std::printf(
      "{\"requests\": %zu, \"errors\": %u, \"median_ns\": %lld, \"p99_ns\": %lld, "
      "\"cpu_ns\": %lld}\n",
      sorted.size(), arrivals.failed(), percentile(sorted, 50), percentile(sorted, 99), spent);
  return arrivals.failed() == 0 ? 0 : 1;
}
