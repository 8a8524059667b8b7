#include "proxy/log/patience.h"

#include <poll.h>

#include <algorithm>
#include <chrono>

namespace oxbow::log {

namespace {

constexpr int kPollMs = 200;

}  // namespace

bool Patience::waitWritable(int fd, const std::atomic<bool>& stopping) {
  while (true) {
    const TimePoint now = std::chrono::steady_clock::now();
    if (stopping.load(std::memory_order_relaxed) && deadline_ == TimePoint::max())
      deadline_ = now + grace_;
    using std::chrono::milliseconds;
    const auto left = std::chrono::ceil<milliseconds>(std::max(deadline_ - now, Duration(0)));
    pollfd asked{fd, POLLOUT, 0};
    if (poll(&asked, 1, static_cast<int>(std::min<int64_t>(left.count(), kPollMs))) > 0)
      return true;
    if (now >= deadline_) return false;
  }
}

}  // namespace oxbow::log
