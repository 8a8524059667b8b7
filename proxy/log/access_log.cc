#include "proxy/log/access_log.h"

#include <pthread.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <utility>

#include "proxy/log/log.h"

namespace oxbow::log {

namespace {

constexpr size_t kBatchBytes = 128 << 10;
constexpr Duration kNap = std::chrono::milliseconds(100);

// Signals are the main thread's; and a write to a closed pipe shall be an error, not an end.
void blockSignals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

Result<std::unique_ptr<AccessLog>> AccessLog::open(const Options& options) {
  Result<std::unique_ptr<AccessSink>> sink = openSink(options.to, options.shutdownGrace);
  if (!sink) return sink.error();
  std::unique_ptr<AccessLog> log(new AccessLog(options, std::move(sink.value())));
  log->thread_ = std::thread([raw = log.get()] { raw->run(); });
  return log;
}

AccessLog::AccessLog(const Options& options, std::unique_ptr<AccessSink> sink)
    : ringBytes_(options.ringBytes),
      path_(options.to.path),
      sink_(std::move(sink)),
      formatter_(options.format, options.keys, options.sampled),
      batch_(new char[kBatchBytes]) {}

AccessLog::~AccessLog() {
  stopping_.store(true);
  parking_.wake();
  if (thread_.joinable()) thread_.join();
}

AccessLogWriter& AccessLog::addWriter() {
  std::unique_ptr<AccessLogWriter> writer(new AccessLogWriter(ringBytes_, parking_));
  const std::lock_guard lock(mutex_);
  return *writers_.emplace_back(std::move(writer));
}

void AccessLog::reopen() {
  reopening_.store(true);
  parking_.wake();
}

uint64_t AccessLog::dropped() const {
  uint64_t sum = lost_.load(std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  for (const auto& writer : writers_) sum += writer->ring_.dropped();
  return sum;
}

size_t AccessLog::memory() const {
  const std::lock_guard lock(mutex_);
  return kBatchBytes + writers_.size() * ringBytes_;
}

void AccessLog::run() {
  blockSignals();
  while (true) {
    // Read before draining: what was written before the request is still to be treated by it.
    const bool stop = stopping_.load();
    const bool reopen = reopening_.exchange(false);
    const bool found = drain();
    if (reopen && !sink_->reopen())
      LOG_ERROR("cannot reopen {}: {}", path_, std::strerror(sink_->failure()));
    if (stop) return;
    const auto asked = [this] { return stopping_.load() || reopening_.load(); };
    if (found) {
      parking_.nap(kNap, asked);
    } else {
      parking_.park([&] { return asked() || hasRecords(); });
    }
  }
}

void AccessLog::meetWriters() {
  const std::lock_guard lock(mutex_);
  for (size_t i = known_.size(); i < writers_.size(); ++i) known_.push_back(writers_[i].get());
}

bool AccessLog::drain() {
  meetWriters();
  size_t count = 0;
  for (AccessLogWriter* writer : known_)
    count += writer->ring_.drain([this](const AccessRecord& record) {
      if (kBatchBytes - batched_ < AccessFormatter::kMaxLine) flushBatch();
      char* const at = batch_.get() + batched_;
      batched_ += static_cast<size_t>(formatter_.format(at, record) - at);
    });
  flushBatch();
  return count > 0;
}

bool AccessLog::hasRecords() const {
  const std::lock_guard lock(mutex_);
  return std::any_of(writers_.begin(), writers_.end(),
                     [](const auto& writer) { return !writer->ring_.empty(); });
}

void AccessLog::flushBatch() {
  const std::string_view lines(batch_.get(), std::exchange(batched_, 0));
  if (lines.empty()) return;
  const uint64_t lost = sink_->write(lines, stopping_);
  lost_.store(lost_.load(std::memory_order_relaxed) + lost, std::memory_order_relaxed);
  tellOf(lost);
}

// Once when it begins, and once when it is over: a sink may be gone for hours.
void AccessLog::tellOf(uint64_t lost) {
  if (lost > 0 && losing_ == 0)
    LOG_ERROR("cannot write to {}: {}; access records are lost", path_,
              std::strerror(sink_->failure()));
  if (lost == 0 && losing_ > 0)
    LOG_WARN("{} is written to again; {} access records were lost", path_, losing_);
  losing_ = lost > 0 ? losing_ + lost : 0;
}

}  // namespace oxbow::log
