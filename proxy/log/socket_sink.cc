#include "proxy/log/socket_sink.h"

#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <utility>

#include "proxy/log/syslog_header.h"

namespace oxbow::log {

namespace {

// RFC 5424, section 6.2.4: "-" when it is not known.
std::string hostName() {
  char name[256] = "";
  if (gethostname(name, sizeof name - 1) != 0 || name[0] == '\0') return "-";
  return name;
}

bool isBroken(int error) {
  return error == ECONNREFUSED || error == ECONNRESET || error == EPIPE || error == ENOTCONN;
}

}  // namespace

SocketSink::SocketSink(const Destination& to, Duration grace)
    : to_(to), host_(hostName()), patience_(grace) {}

SocketSink::~SocketSink() { close(); }

bool SocketSink::reopen() {
  close();
  return true;
}

void SocketSink::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

bool SocketSink::open(int type) {
  fd_ = socket(to_.address.family(), type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  datagrams_ = type == SOCK_DGRAM;
  if (fd_ >= 0 && ::connect(fd_, to_.address.get(), to_.address.length()) == 0) return true;
  failure_ = errno;
  close();
  return false;
}

void SocketSink::connect() {
  const bool isSyslog = to_.kind == Destination::Kind::Syslog;
  if (!open(isSyslog ? SOCK_DGRAM : SOCK_STREAM) && failure_ == EPROTOTYPE && !isSyslog)
    open(SOCK_DGRAM);
}

// Connects when it must, once a batch: a reader that is not there costs one system call.
bool SocketSink::isOpen() {
  if (fd_ < 0 && std::exchange(mayConnect_, false)) connect();
  return fd_ >= 0;
}

uint64_t SocketSink::write(std::string_view lines, const std::atomic<bool>& stopping) {
  mayConnect_ = true;
  if (!isOpen()) return countLines(lines);
  if (!datagrams_) return writeStream(lines, stopping);
  if (to_.kind == Destination::Kind::Syslog)
    header_ = syslogHeader(to_.syslog, SystemClock().wall(), host_, getpid());
  return writeDatagrams(lines, stopping);
}

// A line that was cut begins again on the next connection.
uint64_t SocketSink::writeStream(std::string_view lines, const std::atomic<bool>& stopping) {
  while (!lines.empty() && isOpen()) {
    size_t done = 0;
    while (done < lines.size()) {
      const ssize_t n = send(fd_, lines.data() + done, lines.size() - done, MSG_NOSIGNAL);
      if (n >= 0) {
        done += static_cast<size_t>(n);
        continue;
      }
      failure_ = errno;
      if (failure_ == EINTR || (failure_ == EAGAIN && patience_.waitWritable(fd_, stopping)))
        continue;
      close();
      break;
    }
    const size_t newline = lines.substr(0, done).rfind('\n');
    lines.remove_prefix(newline == std::string_view::npos ? 0 : newline + 1);
  }
  return countLines(lines);
}

uint64_t SocketSink::writeDatagrams(std::string_view lines, const std::atomic<bool>& stopping) {
  uint64_t lost = 0;
  while (!lines.empty()) {
    if (!isOpen()) return lost + countLines(lines);
    const size_t length = lines.find('\n');
    lost += sendLine(lines.substr(0, length), stopping);
    lines.remove_prefix(length + 1);
  }
  return lost;
}

// What a refusal over UDP tells of is an earlier line, which is lost; this one has not been sent.
uint64_t SocketSink::sendLine(std::string_view line, const std::atomic<bool>& stopping) {
  Sent sent = sendDatagram(line, stopping);
  uint64_t lost = 0;
  if (sent == Sent::Broken) {
    if (to_.address.isUnix())
      close();
    else
      ++lost;
    if (!isOpen()) return 1;
    sent = sendDatagram(line, stopping);
  }
  return sent == Sent::Done ? lost : lost + 1;
}

SocketSink::Sent SocketSink::sendDatagram(std::string_view line,
                                          const std::atomic<bool>& stopping) {
  iovec parts[2] = {{header_.data(), header_.size()},
                    {const_cast<char*>(line.data()), line.size()}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  while (sendmsg(fd_, &message, MSG_NOSIGNAL) < 0) {
    failure_ = errno;
    if (isBroken(failure_)) return Sent::Broken;
    if (failure_ == EINTR || (failure_ == EAGAIN && patience_.waitWritable(fd_, stopping)))
      continue;
    return Sent::Failed;
  }
  return Sent::Done;
}

}  // namespace oxbow::log
