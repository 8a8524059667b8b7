#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>

#include "proxy/base/clock.h"
#include "proxy/base/result.h"
#include "proxy/log/destination.h"

namespace oxbow::log {

// What takes the lines of an access log: a file or a socket. It may wait for a slow reader, but not
// for longer than its grace once `stopping` is set. Used by one writer thread, on which SIGPIPE is
// blocked or ignored.
class AccessSink {
 public:
  virtual ~AccessSink() = default;

  // Writes whole lines; returns how many were lost, and then failure() says why.
  virtual uint64_t write(std::string_view lines, const std::atomic<bool>& stopping) = 0;
  // Opens the file anew, or connects again. False when a file cannot be opened: the old one is
  // kept.
  virtual bool reopen() = 0;
  virtual int failure() const = 0;  // errno
};

// A file that cannot be opened is an error; a socket that nobody serves yet is none, since its
// reader may come later.
Result<std::unique_ptr<AccessSink>> openSink(const Destination& to, Duration grace);

uint64_t countLines(std::string_view lines);

}  // namespace oxbow::log
