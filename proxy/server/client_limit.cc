#include "proxy/server/client_limit.h"

#include <algorithm>

namespace oxbow::server {

void ClientLimit::closed() {
  open_.fetch_sub(1);
  if (awaited_.load()) accepting_.post([this] { resume(); });
}

void ClientLimit::await(LimitWaiter& waiter) {
  waiting_.push_back(&waiter);
  awaited_.store(true);
  // Somebody may have left just before that was said.
  if (!full()) resume();
}

void ClientLimit::forget(LimitWaiter& waiter) {
  waiting_.erase(std::remove(waiting_.begin(), waiting_.end(), &waiter), waiting_.end());
}

void ClientLimit::setLimit(uint32_t limit) {
  limit_ = limit;
  resume();
}

void ClientLimit::resume() {
  while (!full() && !waiting_.empty()) {
    LimitWaiter* waiter = waiting_.back();
    waiting_.pop_back();
    waiter->resumeAccepting();
  }
  awaited_.store(!waiting_.empty());
}

}  // namespace oxbow::server
