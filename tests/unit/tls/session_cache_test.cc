#include "proxy/tls/session_cache.h"

#include <doctest/doctest.h>

#include <string>

using namespace oxbow;
using tls::SessionCache;
using tls::SessionPtr;

namespace {

constexpr int64_t kNow = 1'700'000'000;

// A session that can be resumed, of a server that gave it `life` seconds.
SessionPtr session(int version, int64_t life = 3600) {
  SessionPtr made(SSL_SESSION_new());
  SSL_SESSION_set_protocol_version(made.get(), version);
  SSL_SESSION_set_time(made.get(), kNow);
  SSL_SESSION_set_timeout(made.get(), static_cast<long>(life));
  const unsigned char id[] = "id";
  SSL_SESSION_set1_id(made.get(), id, sizeof id);
  return made;
}

}  // namespace

TEST_CASE("the newest ticket is taken first, each once") {
  SessionCache cache;
  SessionPtr first = session(TLS1_3_VERSION), second = session(TLS1_3_VERSION);
  const SSL_SESSION* const older = first.get();
  const SSL_SESSION* const newer = second.get();
  cache.put(std::move(first));
  cache.put(std::move(second));
  CHECK(cache.take(kNow).get() == newer);
  CHECK(cache.take(kNow).get() == older);
  CHECK(cache.take(kNow) == nullptr);
}

TEST_CASE("of too many tickets the oldest go") {
  SessionCache cache;
  for (size_t i = 0; i < SessionCache::kMost + 10; ++i)
    cache.put(session(TLS1_3_VERSION, static_cast<int64_t>(1000 + i)));
  CHECK(cache.size() == SessionCache::kMost);
  SessionPtr last;
  while (SessionPtr taken = cache.take(kNow)) last = std::move(taken);
  REQUIRE(last != nullptr);
  CHECK(SSL_SESSION_get_timeout(last.get()) == 1010);
}

TEST_CASE("a session of TLS 1.2 stays until it expires, or another comes") {
  SessionCache cache;
  SessionPtr first = session(TLS1_2_VERSION), second = session(TLS1_2_VERSION, 60);
  const SSL_SESSION* const older = first.get();
  const SSL_SESSION* const newer = second.get();
  cache.put(std::move(first));
  CHECK(cache.take(kNow).get() == older);
  CHECK(cache.take(kNow).get() == older);
  cache.put(std::move(second));
  CHECK(cache.take(kNow + 59).get() == newer);
  CHECK(cache.take(kNow + 60) == nullptr);
  CHECK(cache.size() == 0);
}

TEST_CASE("expired tickets are passed over") {
  SessionCache cache;
  SessionPtr lasting = session(TLS1_3_VERSION, 7200);
  const SSL_SESSION* const wanted = lasting.get();
  cache.put(std::move(lasting));
  cache.put(session(TLS1_3_VERSION, 10));
  CHECK(cache.take(kNow + 10).get() == wanted);
  CHECK(cache.size() == 0);
}

TEST_CASE("no server makes a session live longer than the protocol allows") {
  SessionCache cache;
  cache.put(session(TLS1_3_VERSION, 30 * 24 * 3600));
  CHECK(cache.take(kNow + SessionCache::kLongestTicket) == nullptr);
  cache.put(session(TLS1_2_VERSION, 30 * 24 * 3600));
  CHECK(cache.take(kNow + SessionCache::kLongestSession - 1) != nullptr);
  CHECK(cache.take(kNow + SessionCache::kLongestSession) == nullptr);
}
