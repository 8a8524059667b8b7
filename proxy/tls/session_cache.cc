#include "proxy/tls/session_cache.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace oxbow::tls {

namespace {

// When the server will have forgotten it, by what it said itself and what we allow.
int64_t endOf(const SSL_SESSION& session) {
  const bool isTicket = SSL_SESSION_get_protocol_version(&session) >= TLS1_3_VERSION;
  int64_t life = isTicket ? SessionCache::kLongestTicket : SessionCache::kLongestSession;
  life = std::min<int64_t>(life, SSL_SESSION_get_timeout(&session));
  const auto hint = static_cast<int64_t>(SSL_SESSION_get_ticket_lifetime_hint(&session));
  if (hint > 0) life = std::min(life, hint);
  return static_cast<int64_t>(SSL_SESSION_get_time(&session)) + life;
}

bool isValid(const SSL_SESSION& session, int64_t now) {
  return SSL_SESSION_is_resumable(&session) == 1 && now < endOf(session);
}

}  // namespace

void SessionCache::put(SessionPtr session) {
  if (SSL_SESSION_is_resumable(session.get()) != 1) return;
  const bool isTicket = SSL_SESSION_get_protocol_version(session.get()) >= TLS1_3_VERSION;
  SessionPtr dropped;  // behind the lock
  const std::lock_guard lock(mutex_);
  if (!isTicket) {
    dropped = std::exchange(session_, std::move(session));
    return;
  }
  tickets_.push_front(std::move(session));
  if (tickets_.size() <= kMost) return;
  dropped = std::move(tickets_.back());
  tickets_.pop_back();
}

SessionPtr SessionCache::take(int64_t now) {
  std::vector<SessionPtr> expired;
  const std::lock_guard lock(mutex_);
  while (!tickets_.empty()) {
    SessionPtr newest = std::move(tickets_.front());
    tickets_.pop_front();
    if (isValid(*newest, now)) return newest;
    expired.push_back(std::move(newest));
  }
  if (session_ == nullptr) return nullptr;
  if (!isValid(*session_, now)) {
    expired.push_back(std::move(session_));
    return nullptr;
  }
  SSL_SESSION_up_ref(session_.get());
  return SessionPtr(session_.get());
}

size_t SessionCache::size() const {
  const std::lock_guard lock(mutex_);
  return tickets_.size() + (session_ != nullptr ? 1 : 0);
}

}  // namespace oxbow::tls
