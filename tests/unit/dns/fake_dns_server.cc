#include "tests/unit/dns/fake_dns_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>

namespace {

constexpr size_t kHeader = 12;

void require(bool condition) {
  if (!condition) std::abort();
}

sockaddr_in loopback(uint16_t port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = port;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool bindTo(int fd, uint16_t port) {
  const sockaddr_in address = loopback(port);
  return bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

uint16_t portOf(int fd) {
  sockaddr_in address = {};
  socklen_t length = sizeof address;
  require(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0);
  return address.sin_port;
}

std::string number16(unsigned value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value & 255)};
}

unsigned number16(const std::string& bytes, size_t at) {
  return static_cast<unsigned char>(bytes[at]) * 256u + static_cast<unsigned char>(bytes[at + 1]);
}

// RFC 1035, section 4.1.3, with a pointer to the question's name.
std::string record(const std::string& address) {
  char bytes[16];
  const bool v6 = inet_pton(AF_INET6, address.c_str(), bytes) == 1;
  require(v6 || inet_pton(AF_INET, address.c_str(), bytes) == 1);
  const size_t size = v6 ? 16 : 4;
  return std::string("\xc0\x0c", 2) + number16(v6 ? 28 : 1) + number16(1) + number16(0) +
         number16(300) + number16(static_cast<unsigned>(size)) + std::string(bytes, size);
}

}  // namespace

FakeDnsServer::Watched::Watched(FakeDnsServer& owner, int descriptor, Callback callback)
    : server(owner), fd(descriptor), readable(callback) {
  require(event.start(owner.dispatcher_, fd, *this, oxbow::event::IoEvent::Trigger::LevelRead));
}

FakeDnsServer::Watched::~Watched() {
  event.stop();
  close(fd);
}

FakeDnsServer::FakeDnsServer(oxbow::event::Dispatcher& dispatcher) : dispatcher_(dispatcher) {
  // The port that UDP got may be taken for TCP: then another pair.
  while (tcp_ == nullptr) {
    const int udp = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int tcp = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    require(udp >= 0 && tcp >= 0 && bindTo(udp, 0));
    if (!bindTo(tcp, portOf(udp)) || listen(tcp, 8) != 0) {
      close(udp);
      close(tcp);
      continue;
    }
    udp_ = std::make_unique<Watched>(*this, udp, &FakeDnsServer::onDatagram);
    tcp_ = std::make_unique<Watched>(*this, tcp, &FakeDnsServer::onConnection);
  }
}

FakeDnsServer::~FakeDnsServer() = default;

std::string FakeDnsServer::address() const {
  return "127.0.0.1:" + std::to_string(ntohs(portOf(udp_->fd)));
}

void FakeDnsServer::answer(const std::string& name, Type type, std::vector<std::string> addresses) {
  answers_[{name, type}] = std::move(addresses);
}

void FakeDnsServer::onDatagram(Watched& udp) {
  char buffer[512];
  sockaddr_in from;
  socklen_t length = sizeof from;
  const ssize_t n =
      recvfrom(udp.fd, buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&from), &length);
  if (n <= 0) return;
  const std::string packet = reply(std::string(buffer, static_cast<size_t>(n)), truncating_);
  if (packet.empty()) return;
  require(sendto(udp.fd, packet.data(), packet.size(), 0, reinterpret_cast<sockaddr*>(&from),
                 length) == static_cast<ssize_t>(packet.size()));
}

void FakeDnsServer::onConnection(Watched& listener) {
  const int fd = accept4(listener.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return;
  ++tcpConnections_;
  streams_.push_back(std::make_unique<Watched>(*this, fd, &FakeDnsServer::onStream));
}

void FakeDnsServer::onStream(Watched& stream) {
  char buffer[512];
  const ssize_t n = recv(stream.fd, buffer, sizeof buffer, 0);
  if (n <= 0) {
    stream.event.stop();
    return;
  }
  std::string& received = stream.received;
  received.append(buffer, static_cast<size_t>(n));
  // RFC 1035, section 4.2.2: each message has its length in front.
  std::string packets;
  while (received.size() >= 2 && received.size() >= 2 + number16(received, 0)) {
    const size_t length = number16(received, 0);
    const std::string packet = reply(received.substr(2, length), false);
    packets += number16(static_cast<unsigned>(packet.size())) + packet;
    received.erase(0, 2 + length);
  }
  require(send(stream.fd, packets.data(), packets.size(), MSG_NOSIGNAL) ==
          static_cast<ssize_t>(packets.size()));
}

std::string FakeDnsServer::reply(const std::string& question, bool truncate) {
  ++questions_;
  if (ignored_ != 0) {
    ignored_ -= ignored_ > 0 ? 1 : 0;
    return "";
  }
  std::string name;
  size_t at = kHeader;
  while (question.at(at) != 0) {
    const auto label = static_cast<unsigned char>(question[at]);
    name += (name.empty() ? "" : ".") + question.substr(at + 1, label);
    at += 1u + label;
  }
  const unsigned type = number16(question, at + 1);
  const auto found = answers_.find({name, static_cast<uint16_t>(type)});
  const auto failure = failures_.find(name);
  unsigned rcode = kNoError;
  if (failure != failures_.end()) {
    rcode = failure->second;
  } else if (answers_.count({name, kA}) + answers_.count({name, kAaaa}) == 0) {
    rcode = kNxDomain;
  }
  std::string records;
  unsigned count = 0;
  if (found != answers_.end() && rcode == kNoError && !truncate)
    for (const std::string& each : found->second) {
      records += record(each);
      ++count;
    }
  // Answer, recursion desired and available (RFC 1035, section 4.1.1); TC if asked for.
  const unsigned flags = 0x8180 | (truncate ? 0x0200 : 0) | rcode;
  return question.substr(0, 2) + number16(flags) + number16(1) + number16(count) + number16(0) +
         number16(0) + question.substr(kHeader, at + 5 - kHeader) + records;
}
