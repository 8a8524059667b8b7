#pragma once

#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>

#include <atomic>
#include <utility>

#include "proxy/log/output.h"

namespace oxbow::log {

// Hands spdlog's lines to a LogOutput, which does not hang on a reader that has stopped reading.
// Needs no mutex: the asynchronous logger's one thread is the only caller.
class LineSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  explicit LineSink(LogOutput output) : output_(std::move(output)) {}

  // From now on a blocked output gets its grace only. Any thread.
  void stop() { stopping_.store(true); }
  uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    if (output_.write(std::string_view(line.data(), line.size()), stopping_) != line.size())
      dropped_.store(dropped() + 1, std::memory_order_relaxed);
  }
  void flush_() override {}

  LogOutput output_;
  std::atomic<bool> stopping_{false};
  std::atomic<uint64_t> dropped_{0};
};

}  // namespace oxbow::log
