// The floor under every figure of the bench: accepts clients, gives each an upstream connection of
// its own and copies bytes, without looking at them. One thread, raw epoll, edge-triggered.
//
// A request costs recv, send, recv, send, and its share of an epoll_wait. Whatever a proxy costs
// above this is the price of understanding the bytes.

#include <sys/epoll.h>

#include <array>
#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "tests/bench/loopback.h"

namespace oxbow::bench {
namespace {

constexpr size_t kScratchBytes = 64 << 10;
constexpr int kEventsPerTurn = 512;

struct Pair;

// One direction's end: what arrives on `fd` goes to the other side of the pair.
struct Side {
  Side(Pair& owner, int socket) : pair(owner), fd(socket) {}

  Pair& pair;
  Fd fd;
  std::string unsent;  // arrived on the other side; this side's kernel buffer was full
  bool connected = true;
  bool readable = false;  // edge-triggered: stays set until a short recv
  bool hungUp = false;    // the peer sent FIN, perhaps behind bytes not read yet
  bool ended = false;     // the FIN has been read
};

struct Pair {
  Pair(int clientFd, int upstreamFd) : client(*this, clientFd), upstream(*this, upstreamFd) {}
  Side& other(const Side& side) { return &side == &client ? upstream : client; }

  Side client;
  Side upstream;
  bool dead = false;  // freed at the end of the turn: later events of the turn may name it
};

class Relay {
 public:
  Relay(uint16_t listenPort, uint16_t upstreamPort)
      : upstreamAddress_(loopback(upstreamPort)), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    const sockaddr_in address = loopback(listenPort);
    const int on = 1;
    setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      die("bind");
    if (listen(listener_.get(), 4096) != 0) die("listen");
    watch(listener_.get(), EPOLLIN, nullptr);
  }

  [[noreturn]] void run() {
    for (;;) turn();
  }

 private:
  void turn() {
    std::array<epoll_event, kEventsPerTurn> events;
    const int count = epoll_wait(epoll_.get(), events.data(), kEventsPerTurn, -1);
    if (count < 0 && errno != EINTR) die("epoll_wait");
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<size_t>(i)];
      if (event.data.ptr == nullptr)
        acceptAll();
      else
        onEvent(*static_cast<Side*>(event.data.ptr), event.events);
    }
    dead_.clear();
  }

  void watch(int fd, uint32_t interest, Side* side) {
    epoll_event event{};
    event.events = interest;
    event.data.ptr = side;
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
  }

  void acceptAll() {
    for (;;) {
      const int client = accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (client < 0) return;
      open(client);
    }
  }

  void open(int client) {
    const int upstream = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (upstream < 0) die("socket");
    setNoDelay(client);
    setNoDelay(upstream);
    const auto* address = reinterpret_cast<const sockaddr*>(&upstreamAddress_);
    if (connect(upstream, address, sizeof upstreamAddress_) != 0 && errno != EINPROGRESS)
      die("connect");
    auto* pair = new Pair(client, upstream);
    pair->upstream.connected = false;
    constexpr uint32_t kInterest = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    watch(client, kInterest, &pair->client);
    watch(upstream, kInterest, &pair->upstream);
  }

  void onEvent(Side& side, uint32_t events) {
    if (side.pair.dead) return;
    if ((events & EPOLLERR) != 0) return kill(side.pair);
    Side& other = side.pair.other(side);
    if ((events & EPOLLOUT) != 0) {
      side.connected = true;
      if (!flush(side)) return;
      if (other.readable && !pump(other, side)) return;
    }
    if ((events & (EPOLLIN | EPOLLRDHUP)) != 0) {
      side.readable = true;
      if ((events & EPOLLRDHUP) != 0) side.hungUp = true;
      pump(side, other);
    }
  }

  // Copies until `from` is drained or `to` is full. False when the pair died of it.
  bool pump(Side& from, Side& to) {
    while (from.readable && to.connected && to.unsent.empty()) {
      const ssize_t got = recv(from.fd.get(), scratch_.data(), scratch_.size(), 0);
      if (got < 0) {
        if (errno != EAGAIN) return kill(from.pair), false;
        from.readable = false;
      } else if (got == 0) {
        from.readable = false;
        from.ended = true;
        shutdown(to.fd.get(), SHUT_WR);
        if (to.ended) return kill(from.pair), false;
      } else {
        // A short recv has emptied the socket, unless a FIN stands behind the bytes.
        if (static_cast<size_t>(got) < scratch_.size() && !from.hungUp) from.readable = false;
        if (!pass(to, scratch_.data(), static_cast<size_t>(got))) return false;
      }
    }
    return true;
  }

  bool pass(Side& to, const char* bytes, size_t size) {
    const ssize_t sent = send(to.fd.get(), bytes, size, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) return kill(to.pair), false;
    const size_t done = sent < 0 ? 0 : static_cast<size_t>(sent);
    if (done < size) to.unsent.append(bytes + done, size - done);
    return true;
  }

  bool flush(Side& side) {
    if (side.unsent.empty()) return true;
    const std::string bytes = std::exchange(side.unsent, {});
    return pass(side, bytes.data(), bytes.size());
  }

  // Closes at once, so that epoll forgets both; the memory waits for the end of the turn.
  void kill(Pair& pair) {
    pair.dead = true;
    pair.client.fd = Fd(-1);
    pair.upstream.fd = Fd(-1);
    dead_.emplace_back(&pair);
  }

  const sockaddr_in upstreamAddress_;
  Fd listener_{socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  Fd epoll_;
  std::array<char, kScratchBytes> scratch_;
  std::vector<std::unique_ptr<Pair>> dead_;
};

}  // namespace
}  // namespace oxbow::bench

int main(int argc, char** argv) {
  using namespace oxbow::bench;
  if (argc != 3) {
    std::fprintf(stderr, "usage: relay LISTEN_PORT UPSTREAM_PORT    (both on 127.0.0.1)\n");
    return 2;
  }
  static Relay relay(portOf(argv[1]), portOf(argv[2]));
  relay.run();
}
