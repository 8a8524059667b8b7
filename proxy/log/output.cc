#include "proxy/log/output.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace oxbow::log {

namespace {

constexpr size_t kSharedPiece = 4096;  // PIPE_BUF: a pipe that polls writable takes it at once
constexpr int kFlags = O_WRONLY | O_APPEND | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;

mode_t typeOf(int fd) {
  struct stat info;
  return fstat(fd, &info) == 0 ? info.st_mode & S_IFMT : 0;
}

}  // namespace

Result<LogOutput> LogOutput::open(std::string path, Duration grace) {
  LogOutput output(std::move(path), grace);
  const bool opened =
      output.isStandard()
          ? output.openStandard(output.path_ == "stdout" ? STDOUT_FILENO : STDERR_FILENO)
          : output.openFile();
  if (!opened) return "cannot open " + output.path_ + ": " + std::strerror(output.failure_);
  return output;
}

LogOutput::LogOutput(LogOutput&& other) noexcept
    : path_(std::move(other.path_)),
      patience_(other.patience_),
      fd_(std::exchange(other.fd_, -1)),
      failure_(other.failure_),
      kind_(other.kind_),
      midLine_(other.midLine_) {}

LogOutput::~LogOutput() {
  if (fd_ >= 0) close(fd_);
}

bool LogOutput::openFile() {
  const int fd = ::open(path_.c_str(), kFlags | O_CREAT, 0640);
  if (fd < 0) {
    failure_ = errno;
    return false;
  }
  if (fd_ >= 0) close(fd_);
  fd_ = fd;
  kind_ = typeOf(fd) == S_IFREG ? Kind::Regular : Kind::NonBlocking;
  return true;
}

// Pipes and terminals are opened a second time, so that O_NONBLOCK holds for this process alone.
// Files are not: after "> file 2>&1" both descriptors must go on sharing one offset.
bool LogOutput::openStandard(int number) {
  // /dev/null stands where a closed descriptor was; opened anew it would swallow everything.
  if ((fcntl(number, F_GETFL) & O_ACCMODE) == O_RDONLY) {
    failure_ = EBADF;
    return false;
  }
  const mode_t type = typeOf(number);
  if (type == S_IFIFO || type == S_IFCHR) {
    fd_ = ::open(("/proc/self/fd/" + std::to_string(number)).c_str(), kFlags);
    kind_ = Kind::NonBlocking;
    if (fd_ >= 0) return true;
  }
  fd_ = fcntl(number, F_DUPFD_CLOEXEC, 3);
  failure_ = errno;
  kind_ = type == S_IFREG ? Kind::Regular : Kind::Shared;
  return fd_ >= 0;
}

bool LogOutput::reopen() { return isStandard() || openFile(); }

size_t LogOutput::write(std::string_view lines, const std::atomic<bool>& stopping) {
  if (lines.empty()) return 0;
  if (midLine_ && push("\n", stopping) == 0) return 0;
  midLine_ = false;
  const size_t written = push(lines, stopping);
  midLine_ = written > 0 && lines[written - 1] != '\n';
  return written;
}

size_t LogOutput::push(std::string_view bytes, const std::atomic<bool>& stopping) {
  size_t done = 0;
  while (done < bytes.size()) {
    if (kind_ == Kind::Shared && !waitWritable(stopping)) break;
    const size_t left = bytes.size() - done;
    const size_t piece = kind_ == Kind::Shared ? std::min(left, kSharedPiece) : left;
    const ssize_t n = ::write(fd_, bytes.data() + done, piece);
    if (n > 0) {
      done += static_cast<size_t>(n);
    } else if (n < 0 && errno == EINTR) {
      continue;
    } else if (n < 0 && errno != EAGAIN) {
      failure_ = errno;
      break;
    } else if (!waitWritable(stopping)) {
      break;
    }
  }
  return done;
}

bool LogOutput::waitWritable(const std::atomic<bool>& stopping) {
  if (patience_.waitWritable(fd_, stopping)) return true;
  failure_ = EAGAIN;
  return false;
}

}  // namespace oxbow::log
