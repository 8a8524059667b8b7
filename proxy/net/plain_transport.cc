#include "proxy/net/plain_transport.h"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace oxbow::net {

namespace {

// recv(2) and send(2) without libc's switching of thread cancellation around them, which costs more
// than all of our own work on a small read. Nobody cancels threads here.
ssize_t receive(int fd, void* to, size_t capacity, int flags) {
  return syscall(SYS_recvfrom, fd, to, capacity, flags, nullptr, nullptr);
}

ssize_t transmit(int fd, const void* from, size_t size, int flags) {
  return syscall(SYS_sendto, fd, from, size, flags, nullptr, 0);
}

IoResult failed(int error) {
  IoResult result;
  if (error == EAGAIN || error == EWOULDBLOCK || error == EINTR) return result;
  result.kind = IoResult::Kind::Error;
  result.error = error;
  return result;
}

IoResult moved(ssize_t bytes, bool drained) {
  IoResult result;
  result.kind = IoResult::Kind::Ok;
  result.bytes = static_cast<size_t>(bytes);
  result.drained = drained;
  return result;
}

}  // namespace

bool PlainTransport::start(event::Dispatcher& dispatcher, event::IoHandler& handler) {
  return event_.start(dispatcher, fd_, handler);
}

IoResult PlainTransport::read(char* to, size_t capacity) {
  ssize_t n;
  do {
    n = receive(fd_, to, capacity, 0);
  } while (n < 0 && errno == EINTR);
  if (n > 0) return moved(n, static_cast<size_t>(n) < capacity);
  if (n < 0) return failed(errno);
  IoResult result;
  result.kind = IoResult::Kind::Eof;
  return result;
}

IoResult PlainTransport::write(std::string_view bytes) {
  ssize_t n;
  do {
    n = transmit(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  } while (n < 0 && errno == EINTR);
  return n >= 0 ? moved(n, true) : failed(errno);
}

IoResult PlainTransport::writev(const iovec* parts, int count) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts);
  message.msg_iovlen = static_cast<size_t>(count);
  ssize_t n;
  do {
    n = sendmsg(fd_, &message, MSG_NOSIGNAL);
  } while (n < 0 && errno == EINTR);
  return n >= 0 ? moved(n, true) : failed(errno);
}

Liveness PlainTransport::peek() {
  char byte;
  ssize_t n;
  do {
    n = recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  } while (n < 0 && errno == EINTR);
  if (n > 0) return Liveness::Data;
  if (n == 0) return Liveness::Closed;
  return errno == EAGAIN || errno == EWOULDBLOCK ? Liveness::Alive : Liveness::Broken;
}

int PlainTransport::takeError() {
  int error = 0;
  socklen_t length = sizeof error;
  if (getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &length) != 0) return errno;
  return error;
}

void PlainTransport::shutdownWrite() { ::shutdown(fd_, SHUT_WR); }

void PlainTransport::close(CloseHow how) {
  if (fd_ < 0) return;
  event_.stop();
  if (how == CloseHow::Reset) {
    const linger abort{1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
  }
  ::close(fd_);
  fd_ = -1;
}

}  // namespace oxbow::net
