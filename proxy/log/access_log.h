#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "proxy/base/clock.h"
#include "proxy/base/result.h"
#include "proxy/log/access_format.h"
#include "proxy/log/access_record.h"
#include "proxy/log/access_ring.h"
#include "proxy/log/access_sink.h"
#include "proxy/log/parking.h"

namespace oxbow::log {

// One worker's way into an access log. Belongs to the log; used by that worker's thread only.
class AccessLogWriter {
 public:
  // Copies the record into the worker's ring: no allocation, no formatting, no lock. A full ring
  // drops and counts. The only system call wakes the log's thread when it had gone idle, or when
  // half of the ring has filled.
  void write(const AccessRecord& record) {
    if (ring_.push(record) == AccessRing::Push::Done) {
      parking_.wakeParked();
    } else {
      parking_.wake();
    }
  }

 private:
  friend class AccessLog;
  AccessLogWriter(size_t ringBytes, Parking& parking) : ring_(ringBytes), parking_(parking) {}

  AccessRing ring_;
  Parking& parking_;
};

// One access log: a sink, a thread that formats and writes in batches, and a ring for each
// worker that uses it. While records flow the thread looks every 100 ms; with nothing to do it
// sleeps until woken. Lines of one worker are in order; those of several are mixed by up to that
// interval.
class AccessLog {
 public:
  struct Options {
    Destination to;
    AccessFormat format = AccessFormat::Json;
    std::vector<AccessKey> keys;  // empty: all
    bool sampled = false;         // all with the sample's weight
    size_t ringBytes = 1 << 20;   // per worker; a power of two, at least 16 KiB
    Duration shutdownGrace = std::chrono::seconds(1);  // for an output that does not take its lines
  };

  // Opens the sink and starts the thread. Main thread.
  static Result<std::unique_ptr<AccessLog>> open(const Options& options);
  // Writes what is left and ends the thread; drops and counts what the sink does not take within
  // the grace. REQUIRES: no worker writes any more.
  ~AccessLog();
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;

  // A ring for one more worker; lives as long as the log. Any thread.
  AccessLogWriter& addWriter();

  // Opens the file anew, after log rotation has renamed it, or connects to the socket again. What
  // was written before this call goes to the old file. Returns at once. Any thread.
  void reopen();

  // Records that were lost, to full rings or to a sink that failed. Any thread.
  uint64_t dropped() const;
  // Bytes that its rings and its batch take. Any thread.
  size_t memory() const;
  const std::string& path() const { return path_; }

 private:
  AccessLog(const Options& options, std::unique_ptr<AccessSink> sink);

  void run();
  void meetWriters();
  bool drain();
  bool hasRecords() const;
  void flushBatch();
  void tellOf(uint64_t lost);

  const size_t ringBytes_;
  const std::string path_;
  const std::unique_ptr<AccessSink> sink_;
  Parking parking_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> reopening_{false};
  std::atomic<uint64_t> lost_{0};  // by the sink
  mutable std::mutex mutex_;       // protects writers_, not what they point to
  std::vector<std::unique_ptr<AccessLogWriter>> writers_;

  // The thread's own. It holds no lock while it writes: who counts the dropped shall not wait.
  std::vector<AccessLogWriter*> known_;
  AccessFormatter formatter_;
  std::unique_ptr<char[]> batch_;
  size_t batched_ = 0;
  uint64_t losing_ = 0;  // lines since the sink began to fail; 0: it takes them

  std::thread thread_;
};

}  // namespace oxbow::log
