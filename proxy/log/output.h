#pragma once

#include <atomic>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/base/clock.h"
#include "proxy/base/result.h"
#include "proxy/log/patience.h"

namespace oxbow::log {

// Where log lines go: standard output, standard error or a file that is appended to. Used by one
// writer thread; it may wait for a slow reader, but not for longer than `grace` once the process
// stops. REQUIRES: SIGPIPE is blocked or ignored on the thread that writes.
class LogOutput {
 public:
  // `path` is "stdout", "stderr" or a file, which is created with mode 0640.
  static Result<LogOutput> open(std::string path, Duration grace = std::chrono::seconds(1));

  LogOutput(LogOutput&& other) noexcept;
  LogOutput& operator=(LogOutput&&) = delete;
  ~LogOutput();

  // Writes whole lines; returns how many bytes got out. Less than all when the output failed (see
  // failure()) or when `stopping` is set and the grace is over. After a line that was cut, the next
  // call begins a new one.
  size_t write(std::string_view lines, const std::atomic<bool>& stopping);

  // Opens the file anew, after it was renamed; keeps the old one when that fails. Nothing happens
  // to standard output and standard error.
  bool reopen();

  const std::string& path() const { return path_; }
  int failure() const { return failure_; }  // errno of the last write() or reopen() that failed

 private:
  // Regular files do not block. What was opened here for itself may be O_NONBLOCK; a description
  // that other processes share may not, so it is asked first and gets small pieces.
  enum class Kind : unsigned char { Regular, NonBlocking, Shared };

  LogOutput(std::string path, Duration grace) : path_(std::move(path)), patience_(grace) {}

  bool isStandard() const { return path_ == "stdout" || path_ == "stderr"; }
  bool openFile();
  bool openStandard(int number);
  size_t push(std::string_view bytes, const std::atomic<bool>& stopping);
  bool waitWritable(const std::atomic<bool>& stopping);

  std::string path_;
  Patience patience_;
  int fd_ = -1;
  int failure_ = 0;
  Kind kind_ = Kind::Regular;
  bool midLine_ = false;
};

}  // namespace oxbow::log
