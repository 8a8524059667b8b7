#pragma once

#include <poll.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "proxy/base/address.h"

namespace oxbow::integration {

// Many clients on one thread, each with one connection and one request at a time: a response is
// answered by the next request. Small responses with a Content-Length only.
class Crowd {
 public:
  struct Client {
    int fd = -1;
    bool asking = false;
    std::string received;
    std::chrono::steady_clock::time_point asked;
    uint64_t answers = 0;
  };

  // Connects them all; throws when one cannot.
  Crowd(const SocketAddress& address, size_t count);
  ~Crowd();
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

  // Every client asks again as soon as it has its answer: for a time, or until there are so many
  // answers in all (a minute at most).
  void askFor(std::chrono::milliseconds time) { askWhile(UINT64_MAX, time); }
  void askUntil(uint64_t answers) { askWhile(answers, std::chrono::seconds(60)); }
  // So many requests in turns, with at most `atOnce` under way.
  // REQUIRES: `atOnce` is less than there are clients.
  void ask(uint64_t requests, size_t atOnce);

  // Answers other than 200, and connections that ended.
  uint64_t failures() const { return failures_; }
  uint64_t answers() const;
  // Requests of the client that had the fewest, over those of the client that had the most.
  double fairness() const;
  // Of all answers, in milliseconds.
  double latency(double quantile) const;

 private:
  void askWhile(uint64_t fewer, std::chrono::milliseconds time);
  void send(Client& client);
  // Reads what there is; true when the answer is complete.
  bool receive(Client& client);
  void fail(Client& client);
  // Those that have something, at most `limit` of time.
  const std::vector<size_t>& ready(std::chrono::milliseconds limit);

  std::vector<Client> clients_;
  std::vector<pollfd> polled_;
  std::vector<size_t> ready_;
  std::vector<double> latencies_;
  uint64_t failures_ = 0;
};

}  // namespace oxbow::integration
