#include "tests/support/dns_loop.h"

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <thread>
#include <utility>

#include "tests/support/dns_server.h"

namespace oxbow::test {

namespace {

// A test that needs more has gone astray.
constexpr size_t kMostStreams = 256;
constexpr size_t kMostLate = 10000;

int boundSocket(int type, const SocketAddress& address) {
  const int fd = ::socket(address.family(), type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  // Not for UDP: there it lets others share the port.
  if (type == SOCK_STREAM) ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (fd >= 0 && ::bind(fd, address.get(), address.length()) == 0) return fd;
  if (fd >= 0) ::close(fd);
  return -1;
}

SocketAddress nameOf(int fd) {
  sockaddr_storage name{};
  socklen_t length = sizeof name;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &length);
  return {reinterpret_cast<sockaddr*>(&name), length};
}

SocketAddress withPort(SocketAddress address, uint16_t port) {
  address.setPort(port);
  return address;
}

void closeOne(int& fd) {
  if (fd >= 0) ::close(std::exchange(fd, -1));
}

}  // namespace

DnsLoop::DnsLoop(DnsServer& server, const std::string& address) : server_(server) {
  const auto wanted = SocketAddress::parse(address);
  // The port that UDP got may be taken for TCP: then another pair. A port of before may be somebody
  // else's for a moment.
  for (int tries = 0; wanted.ok() && tries < 100; ++tries) {
    if (listenOn(wanted.value())) return;
    closeAll();
    if (wanted.value().port() != 0) std::this_thread::sleep_for(milliseconds(20));
  }
  throw std::runtime_error("a DNS server cannot have " + address);
}

DnsLoop::~DnsLoop() { closeAll(); }

bool DnsLoop::listenOn(const SocketAddress& wanted) {
  interrupt_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  udp_ = boundSocket(SOCK_DGRAM, wanted);
  if (udp_ < 0) return false;
  address_ = nameOf(udp_);
  tcp_ = boundSocket(SOCK_STREAM, address_);
  other_ = boundSocket(SOCK_DGRAM, withPort(address_, 0));
  return interrupt_ >= 0 && tcp_ >= 0 && other_ >= 0 && ::listen(tcp_, 128) == 0;
}

void DnsLoop::closeAll() {
  for (int* fd : {&udp_, &other_, &tcp_, &interrupt_}) closeOne(*fd);
  for (Stream& stream : streams_) closeOne(stream.fd);
}

void DnsLoop::interrupt() {
  const uint64_t one = 1;
  if (::write(interrupt_, &one, sizeof one) < 0) return;  // it is readable already
}

void DnsLoop::run() {
  for (;;) {
    std::vector<pollfd> fds = polled();
    if (::poll(fds.data(), fds.size(), untilNextLate()) < 0 && errno != EINTR) return;
    if (fds[0].revents != 0) return;
    size_t next = 3;
    for (Stream& stream : streams_) onStream(stream, fds[next++].revents);
    if (fds[1].revents != 0) onDatagram();
    if (fds[2].revents != 0) onConnection();
    sendLate();
    std::erase_if(streams_, [](Stream& stream) {
      if (stream.ended) closeOne(stream.fd);
      return stream.ended;
    });
  }
}

std::vector<pollfd> DnsLoop::polled() const {
  std::vector<pollfd> fds{{interrupt_, POLLIN, 0}, {udp_, POLLIN, 0}, {tcp_, POLLIN, 0}};
  for (const Stream& stream : streams_) {
    const short events = stream.toSend.empty() ? POLLIN : POLLIN | POLLOUT;
    fds.push_back({stream.fd, events, 0});
  }
  return fds;
}

int DnsLoop::untilNextLate() const {
  if (late_.empty()) return -1;
  const auto first = std::min_element(late_.begin(), late_.end(),
                                      [](const Late& a, const Late& b) { return a.due < b.due; });
  const auto wait = std::chrono::ceil<milliseconds>(first->due - Clock::now());
  return std::max(0, static_cast<int>(wait.count()));
}

void DnsLoop::sendLate() {
  const auto now = Clock::now();
  for (const Late& late : late_)
    if (late.due <= now) deliver(late);
  std::erase_if(late_, [now](const Late& late) { return late.due <= now; });
}

void DnsLoop::onDatagram() {
  char buffer[65536];
  sockaddr_storage from{};
  socklen_t length = sizeof from;
  const ssize_t n =
      ::recvfrom(udp_, buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&from), &length);
  if (n < 0) return;
  const SocketAddress peer(reinterpret_cast<sockaddr*>(&from), length);
  milliseconds delay{0};
  auto packets = server_.answer(std::string(buffer, static_cast<size_t>(n)), DnsTransport::Udp,
                                peer.port(), delay);
  for (auto& each : packets) later(delay, {.sent = std::move(each), .peer = peer});
}

void DnsLoop::onConnection() {
  sockaddr_storage from{};
  socklen_t length = sizeof from;
  int fd =
      ::accept4(tcp_, reinterpret_cast<sockaddr*>(&from), &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return;
  if (!server_.onConnection() || streams_.size() >= kMostStreams) return closeOne(fd);
  const SocketAddress peer(reinterpret_cast<sockaddr*>(&from), length);
  streams_.push_back({.fd = fd, .number = ++lastStream_, .port = peer.port()});
}

void DnsLoop::onStream(Stream& stream, short events) {
  if ((events & POLLOUT) != 0) flush(stream);
  if ((events & ~POLLOUT) != 0 && !stream.ended) receive(stream);
}

// Each message has its length in front (RFC 1035, section 4.2.2).
void DnsLoop::receive(Stream& stream) {
  char buffer[4096];
  const ssize_t n = ::recv(stream.fd, buffer, sizeof buffer, 0);
  if (n <= 0) {
    stream.ended = true;
    return;
  }
  std::string& bytes = stream.received;
  bytes.append(buffer, static_cast<size_t>(n));
  const auto byte = [&](size_t at) { return static_cast<unsigned char>(bytes[at]); };
  while (bytes.size() >= 2) {
    const size_t length = byte(0) * 256u + byte(1);
    if (bytes.size() < 2 + length) break;
    milliseconds delay{0};
    auto packets = server_.answer(bytes.substr(2, length), DnsTransport::Tcp, stream.port, delay);
    for (auto& each : packets) later(delay, {.sent = std::move(each), .stream = stream.number});
    bytes.erase(0, 2 + length);
  }
}

void DnsLoop::later(milliseconds delay, Late late) {
  late.due = Clock::now() + delay;
  if (delay.count() <= 0) return deliver(late);
  if (late_.size() < kMostLate) late_.push_back(std::move(late));
}

void DnsLoop::deliver(const Late& late) {
  if (late.stream == 0) {
    // A client that has gone, or a full buffer, is a packet that is lost.
    ::sendto(late.sent.fromOtherPort ? other_ : udp_, late.sent.bytes.data(),
             late.sent.bytes.size(), 0, late.peer.get(), late.peer.length());
    return;
  }
  for (Stream& stream : streams_)
    if (stream.number == late.stream && !stream.ended) queue(stream, late.sent);
}

void DnsLoop::queue(Stream& stream, const DnsScript::Sent& sent) {
  if (stream.closing) return;
  stream.toSend += dnsNumber16(static_cast<unsigned>(sent.size)) + sent.bytes;
  stream.closing = sent.thenClose;
  flush(stream);
}

void DnsLoop::flush(Stream& stream) {
  const ssize_t n = ::send(stream.fd, stream.toSend.data(), stream.toSend.size(), MSG_NOSIGNAL);
  if (n > 0) stream.toSend.erase(0, static_cast<size_t>(n));
  if (n < 0 && errno != EAGAIN) stream.ended = true;
  if (stream.toSend.empty() && stream.closing) stream.ended = true;
}

}  // namespace oxbow::test
