#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/codec/http1/parser.h"
#include "proxy/event/dispatcher.h"
#include "proxy/event/function_timer.h"

namespace oxbow::demo {

// What a load saw, from the first connection to the last answer.
struct LoadResult {
  uint64_t failed = 0;  // connections refused or cut, answers other than 200, no answer
  Duration elapsed{};
  std::vector<uint32_t> micros;  // of each request answered with 200, sorted

  uint64_t answered() const { return micros.size(); }
  double perSecond() const;
  // The time that `fraction` (0 to 1) of the requests did not exceed, in microseconds; 0 of none.
  uint32_t percentile(double fraction) const;
};

// Clients that ask for / over one connection each, the next request as soon as the last is
// answered. Understands answers with a Content-Length. On one dispatcher's thread.
class Load {
 public:
  struct Options {
    SocketAddress target;
    uint32_t clients = 1;
    Duration time{};
  };
  // How long a request may take that was under way when the time was up.
  static constexpr Duration kGrace = std::chrono::seconds(2);
  // After a failure a client waits before it connects again.
  static constexpr Duration kRetry = std::chrono::milliseconds(10);

  Load(event::Dispatcher& dispatcher, const Options& options);
  ~Load();

  // `done` runs once, when the last client has finished; the load goes after it has returned.
  void start(std::function<void(LoadResult)> done);

  // Requests answered so far.
  uint64_t answered() const { return result_.micros.size(); }

 private:
  class Client;

  void onTimeUp();
  void onAnswered(Duration took);
  void onFailed() { ++result_.failed; }
  void onFinished();

  event::Dispatcher& dispatcher_;
  const Options options_;
  const std::string request_;
  std::function<void(LoadResult)> done_;
  LoadResult result_;
  TimePoint begun_{};
  bool timeUp_ = false;
  size_t running_ = 0;
  event::FunctionTimer end_;
  event::FunctionTimer grace_;
  std::vector<std::unique_ptr<Client>> clients_;
  http::Field fields_[http1::kMaxFields];
};

}  // namespace oxbow::demo
