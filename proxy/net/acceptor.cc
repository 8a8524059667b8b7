#include "proxy/net/acceptor.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <string_view>
#include <utility>

#include "proxy/base/assert.h"
#include "proxy/net/socket.h"

namespace oxbow::net {

namespace {
constexpr int kBatch = 64;
constexpr int kMostWaiting = 1 << 16;  // the largest backlog
constexpr Duration kRetry = std::chrono::milliseconds(100);

// Errors of one connection that is gone already (accept(2)): the next one may be well.
bool isPeers(int error) {
  return error == ECONNABORTED || error == EINTR || error == EPROTO || error == EPERM;
}
}  // namespace

SocketFile::SocketFile(int listening) {
  const SocketAddress address = localAddress(listening);
  if (!address.isUnix()) return;
  std::string path = address.text().substr(std::string_view("unix:").size());
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return;
  path_ = std::move(path);
  device_ = status.st_dev;
  inode_ = status.st_ino;
}

void SocketFile::remove() const {
  struct stat status {};
  if (path_.empty() || stat(path_.c_str(), &status) != 0) return;
  if (status.st_dev == device_ && status.st_ino == inode_) unlink(path_.c_str());
}

Acceptor::Acceptor(event::Dispatcher& dispatcher, int fd, AcceptHandler& handler)
    : IoHandler("accepting connections"),
      dispatcher_(dispatcher),
      fd_(fd),
      file_(fd),
      handler_(handler) {
  resume();
}

Acceptor::~Acceptor() {
  event_.stop();
  // First: once the socket is closed somebody else may take the name.
  file_.remove();
  close(fd_);
}

void Acceptor::configure(const config::Listener& before, const config::Listener& now) {
  if (before.socket != now.socket) reapplyOptions(fd_, now.address.isUnix(), now.socket);
  if (before.backlog != now.backlog) ::listen(fd_, static_cast<int>(*now.backlog));
}

void Acceptor::pause() { event_.stop(); }

void Acceptor::resume() {
  dispatcher_.cancel(*this);
  if (event_.started()) return;
  const bool started = event_.start(dispatcher_, fd_, *this, event::IoEvent::Trigger::LevelRead);
  ASSERT(started);
}

void Acceptor::onTimer() { resume(); }

void Acceptor::onIo(uint8_t) {
  for (int i = 0; i < kBatch && event_.started(); ++i)
    if (!acceptOne()) return;
}

void Acceptor::acceptAll() {
  for (int i = 0; i < kMostWaiting && event_.started(); ++i)
    if (!acceptOne()) return;
}

// False when nobody waits, or nobody can be taken.
bool Acceptor::acceptOne() {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  const int fd =
      accept4(fd_, reinterpret_cast<sockaddr*>(&storage), &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd >= 0) {
    handler_.onAccept(fd, SocketAddress(reinterpret_cast<const sockaddr*>(&storage), length));
    return true;
  }
  if (errno == EAGAIN) return false;
  if (isPeers(errno)) return true;
  const int error = errno;
  pause();
  dispatcher_.setDeadline(*this, dispatcher_.now() + kRetry);
  handler_.onAcceptError(error);
  return false;
}

}  // namespace oxbow::net
