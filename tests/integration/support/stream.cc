#include "tests/integration/support/stream.h"

#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <utility>

namespace oxbow::integration {

Stream::Stream(int fd, int interrupt) : fd_(fd), interrupt_(interrupt) {
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

Stream::Stream(Stream&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), interrupt_(other.interrupt_) {}

Stream Stream::connectTo(const SocketAddress& address, int buffer) {
  const int fd = ::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw std::runtime_error("socket");
  Stream stream(fd);
  if (buffer > 0) stream.setBuffers(buffer);
  if (::connect(fd, address.get(), address.length()) != 0) stream.close();
  return stream;
}

void Stream::setBuffers(int bytes) {
  setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  setsockopt(fd_, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

bool Stream::await(short events, milliseconds within) const {
  pollfd wanted[2] = {{fd_, events, 0}, {interrupt_, POLLIN, 0}};
  const nfds_t count = interrupt_ >= 0 ? 2 : 1;
  if (fd_ < 0 || ::poll(wanted, count, static_cast<int>(within.count())) <= 0) return false;
  return wanted[0].revents != 0;
}

size_t Stream::sendSome(std::string_view bytes, milliseconds quiet) {
  size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t n =
        ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) {
      sent += static_cast<size_t>(n);
      continue;
    }
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) return sent;
    if (!await(POLLOUT, quiet)) return sent;
  }
  return sent;
}

bool Stream::sendBytewise(std::string_view bytes) {
  for (const char& byte : bytes)
    if (!send({&byte, 1})) return false;
  return true;
}

Read Stream::receive(std::string& to, milliseconds within) {
  if (!await(POLLIN, within)) return Read::Late;
  char block[64 << 10];
  const ssize_t n = ::recv(fd_, block, sizeof block, MSG_DONTWAIT);
  if (n == 0) return Read::Fin;
  if (n < 0) return Read::Reset;
  to.append(block, static_cast<size_t>(n));
  return Read::Bytes;
}

void Stream::finish() { ::shutdown(fd_, SHUT_WR); }

void Stream::reset() {
  const linger abort{1, 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
  close();
}

void Stream::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

}  // namespace oxbow::integration
