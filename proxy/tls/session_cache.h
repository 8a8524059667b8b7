#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>

#include "proxy/base/clock.h"
#include "proxy/tls/handle.h"

namespace oxbow::tls {

// The sessions that connections to one endpoint may resume, of one TLS identity; shared by all
// workers, and from one configuration to the next. Thread-safe.
//
// Tickets of TLS 1.3 are used once (RFC 8446, appendix C.4), the newest first: it is the most
// likely to be one that the server still knows the key of. A session of TLS 1.2 serves any number
// of connections until it expires; the newest replaces the one before.
class SessionCache {
 public:
  static constexpr size_t kMost = 256;
  // In seconds, whatever the server says: RFC 8446, section 4.6.1, and RFC 5246, appendix F.1.4.
  static constexpr int64_t kLongestTicket = 7 * 24 * 3600;
  static constexpr int64_t kLongestSession = 24 * 3600;

  // Takes over `session`; drops it when it cannot be resumed.
  void put(SessionPtr session);
  // One to offer; null when there is none that is still valid. `now` as time(2).
  SessionPtr take(int64_t now);

  size_t size() const;

 private:
  mutable std::mutex mutex_;
  std::deque<SessionPtr> tickets_;  // front: the newest
  SessionPtr session_;              // of TLS 1.2
};

}  // namespace oxbow::tls
