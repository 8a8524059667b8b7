#include "tests/integration/support/crowd.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <string_view>

namespace oxbow::integration {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::string_view kRequest = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

// The whole size of the message at the front; 0 while its head is incomplete.
size_t sizeOf(const std::string& bytes) {
  const size_t head = bytes.find("\r\n\r\n");
  if (head == std::string::npos) return 0;
  const size_t length = bytes.find("Content-Length: ");
  if (length == std::string::npos || length > head) return head + 4;
  return head + 4 + std::stoul(bytes.substr(length + 16));
}

}  // namespace

Crowd::Crowd(const SocketAddress& address, size_t count) : clients_(count), polled_(count) {
  for (size_t i = 0; i < count; ++i) {
    const int fd = ::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || ::connect(fd, address.get(), address.length()) != 0)
      throw std::runtime_error("a client cannot connect");
    clients_[i].fd = fd;
    polled_[i] = {fd, POLLIN, 0};
  }
}

Crowd::~Crowd() {
  for (const Client& client : clients_)
    if (client.fd >= 0) ::close(client.fd);
}

void Crowd::send(Client& client) {
  client.asked = steady_clock::now();
  client.asking = true;
  if (::send(client.fd, kRequest.data(), kRequest.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(kRequest.size()))
    fail(client);
}

void Crowd::fail(Client& client) {
  ++failures_;
  client.asking = false;
  ::close(client.fd);
  polled_[static_cast<size_t>(&client - clients_.data())].fd = -1;  // poll() skips it
  client.fd = -1;
}

bool Crowd::receive(Client& client) {
  char buffer[4096];
  const ssize_t n = ::recv(client.fd, buffer, sizeof buffer, MSG_DONTWAIT);
  if (n <= 0) {
    fail(client);
    return false;
  }
  client.received.append(buffer, static_cast<size_t>(n));
  const size_t size = sizeOf(client.received);
  if (size == 0 || client.received.size() < size) return false;
  if (client.received.compare(0, 12, "HTTP/1.1 200") != 0) ++failures_;
  client.received.erase(0, size);
  client.asking = false;
  ++client.answers;
  const std::chrono::duration<double, std::milli> took = steady_clock::now() - client.asked;
  latencies_.push_back(took.count());
  return true;
}

const std::vector<size_t>& Crowd::ready(milliseconds limit) {
  ready_.clear();
  if (::poll(polled_.data(), polled_.size(), static_cast<int>(limit.count())) <= 0) return ready_;
  for (size_t i = 0; i < polled_.size(); ++i)
    if (polled_[i].fd >= 0 && polled_[i].revents != 0) ready_.push_back(i);
  return ready_;
}

void Crowd::askWhile(uint64_t fewer, milliseconds time) {
  const auto end = steady_clock::now() + time;
  for (Client& client : clients_)
    if (client.fd >= 0 && !client.asking) send(client);
  while (answers() < fewer && steady_clock::now() < end)
    for (const size_t i : ready(milliseconds(20)))
      if (receive(clients_[i])) send(clients_[i]);
}

void Crowd::ask(uint64_t requests, size_t atOnce) {
  const auto end = steady_clock::now() + std::chrono::seconds(60);
  const auto isAsking = [](const Client& client) { return client.asking; };
  // Some may wait for an answer from before.
  auto underWay = static_cast<size_t>(std::count_if(clients_.begin(), clients_.end(), isAsking));
  uint64_t begun = 0;
  size_t next = 0;
  while ((begun < requests || underWay > 0) && steady_clock::now() < end) {
    for (size_t i = 0; i < clients_.size() && begun < requests && underWay < atOnce; ++i) {
      Client& client = clients_[next++ % clients_.size()];
      if (client.asking || client.fd < 0) continue;
      send(client);
      ++begun;
      if (client.asking) ++underWay;
    }
    for (const size_t i : ready(milliseconds(20)))
      if (receive(clients_[i]) || clients_[i].fd < 0) --underWay;
  }
}

uint64_t Crowd::answers() const {
  uint64_t sum = 0;
  for (const Client& client : clients_) sum += client.answers;
  return sum;
}

double Crowd::fairness() const {
  const auto [fewest, most] =
      std::minmax_element(clients_.begin(), clients_.end(),
                          [](const Client& a, const Client& b) { return a.answers < b.answers; });
  return most->answers == 0
             ? 0
             : static_cast<double>(fewest->answers) / static_cast<double>(most->answers);
}

double Crowd::latency(double quantile) const {
  if (latencies_.empty()) return 0;
  std::vector<double> sorted = latencies_;
  std::sort(sorted.begin(), sorted.end());
  return sorted[static_cast<size_t>(quantile * static_cast<double>(sorted.size() - 1))];
}

}  // namespace oxbow::integration
