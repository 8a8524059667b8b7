#include "proxy/log/access_ring.h"

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using namespace oxbow;
using namespace oxbow::log;
using namespace std::chrono_literals;

namespace {

constexpr size_t kCapacity = 16 << 10;

// On the heap: g++ 12 does not align frames beyond 32 bytes when AddressSanitizer looks for use
// after return.
std::unique_ptr<AccessRing> makeRing(size_t capacity) {
  return std::make_unique<AccessRing>(capacity);
}

AccessRecord numbered(uint64_t number, std::string_view target = "/") {
  AccessRecord record;
  record.requestBytes = number;
  record.target = target;
  return record;
}

std::vector<uint64_t> drainNumbers(AccessRing& ring) {
  std::vector<uint64_t> numbers;
  ring.drain([&](const AccessRecord& record) { numbers.push_back(record.requestBytes); });
  return numbers;
}

}  // namespace

TEST_CASE("a record comes out as it went in") {
  AccessRecord in;
  in.time = WallTime(1234567890123456789ns);
  in.total = 1ms;
  in.wait = 2ms;
  in.connect = 3ms;
  in.firstByte = 4ms;
  in.requestBytes = 5;
  in.responseBytes = UINT64_MAX;
  in.connectionAge = 7;
  in.connectionRequests = 8;
  in.status = 502;
  in.upstreamStatus = 200;
  in.tries = 3;
  in.reused = true;
  in.replayed = true;
  in.error = ErrorCode::ConnectionRefused;
  in.detail = "why";
  in.sample = 250000;
  in.client = "192.0.2.1";
  in.method = "GET";
  in.target = "/a?b=c";
  in.host = "example.org";
  in.protocol = "HTTP/1.1";
  in.upstream = "api";
  in.endpoint = "127.0.0.1:8080";
  in.requestId = "0123456789abcdef0123456789abcdef";
  in.userAgent = "curl/8";
  in.referer = "x";
  const auto owned = makeRing(kCapacity);
  AccessRing& ring = *owned;
  CHECK(ring.empty());
  CHECK(ring.push(in) == AccessRing::Push::Done);
  CHECK_FALSE(ring.empty());
  const size_t count = ring.drain([&](const AccessRecord& out) {
    CHECK(out.time == in.time);
    CHECK(out.total == in.total);
    CHECK(out.wait == in.wait);
    CHECK(out.connect == in.connect);
    CHECK(out.firstByte == in.firstByte);
    CHECK(out.requestBytes == in.requestBytes);
    CHECK(out.responseBytes == in.responseBytes);
    CHECK(out.connectionAge == in.connectionAge);
    CHECK(out.connectionRequests == in.connectionRequests);
    CHECK(out.status == in.status);
    CHECK(out.upstreamStatus == in.upstreamStatus);
    CHECK(out.tries == in.tries);
    CHECK(out.reused);
    CHECK(out.replayed);
    CHECK(out.error == in.error);
    CHECK(out.detail == in.detail);
    CHECK(out.sample == in.sample);
    CHECK(out.client == in.client);
    CHECK(out.method == in.method);
    CHECK(out.target == in.target);
    CHECK(out.host == in.host);
    CHECK(out.protocol == in.protocol);
    CHECK(out.upstream == in.upstream);
    CHECK(out.endpoint == in.endpoint);
    CHECK(out.requestId == in.requestId);
    CHECK(out.userAgent == in.userAgent);
    CHECK(out.referer == in.referer);
    CHECK_FALSE(out.tls);
  });
  CHECK(count == 1);
  CHECK(ring.empty());
}

TEST_CASE("a client's TLS comes out as it went in, behind every length of what stands before") {
  AccessRecord in = numbered(1);
  in.tls = true;
  in.tlsVersion = "TLSv1.3";
  in.tlsCipher = "TLS_AES_128_GCM_SHA256";
  in.tlsServerName = "example.org";
  in.clientVerify = "SUCCESS";
  in.clientSubject = "CN=Ada";
  in.clientFingerprint = "00ff";
  const auto owned = makeRing(kCapacity);
  AccessRing& ring = *owned;
  std::string referer;
  for (int length = 0; length < 9; ++length, referer += 'r') {
    in.referer = referer;
    in.tlsResumed = length % 2 == 0;
    ring.push(in);
    ring.push(numbered(2));  // lies where it should
    const size_t count = ring.drain([&](const AccessRecord& out) {
      CHECK(out.tls == (out.requestBytes == 1));
      if (!out.tls) return;
      CHECK(out.tlsResumed == in.tlsResumed);
      CHECK(out.referer == referer);
      CHECK(out.tlsVersion == in.tlsVersion);
      CHECK(out.tlsCipher == in.tlsCipher);
      CHECK(out.tlsServerName == in.tlsServerName);
      CHECK(out.clientVerify == in.clientVerify);
      CHECK(out.clientSubject == in.clientSubject);
      CHECK(out.clientFingerprint == in.clientFingerprint);
    });
    CHECK(count == 2);
  }
}

TEST_CASE("strings of TLS take no room in the record of a plain client") {
  const auto fill = [](bool tls) {
    AccessRecord record;
    record.tls = tls;
    record.clientSubject = std::string_view("0123456789abcdef0123456789abcdef");
    const auto ring = makeRing(kCapacity);
    size_t kept = 0;
    while (ring->push(record) != AccessRing::Push::Dropped) ++kept;
    return kept;
  };
  // A header alone: 116 bytes, as 120, in what a record of the greatest length (4368 bytes) leaves.
  CHECK(fill(false) == (kCapacity - 4368) / 120 + 1);
  CHECK(fill(true) == (kCapacity - 4368) / 160 + 1);  // six lengths and the subject behind it
}

TEST_CASE("strings of every length are copied whole") {
  const auto owned = makeRing(kCapacity);
  AccessRing& ring = *owned;
  std::string text;
  for (size_t length = 0; length <= 128; ++length) {
    ring.push(numbered(0, text));
    std::string seen = "nothing";
    ring.drain([&](const AccessRecord& record) { seen = record.target; });
    REQUIRE(seen == text);
    text += static_cast<char>('!' + length % 90);
  }
}

TEST_CASE("strings are cut at their bounds") {
  const std::string text(5000, 'x');
  AccessRecord in;
  in.client = in.method = in.target = in.host = in.protocol = text;
  in.upstream = in.endpoint = in.requestId = in.userAgent = in.referer = text;
  in.tls = true;
  in.tlsVersion = in.tlsCipher = in.tlsServerName = text;
  in.clientVerify = in.clientSubject = in.clientFingerprint = text;
  const auto owned = makeRing(kCapacity);
  AccessRing& ring = *owned;
  ring.push(in);
  ring.drain([&](const AccessRecord& out) {
    CHECK(out.target.size() == 2048);
    CHECK(out.host.size() == 255);
    CHECK(out.userAgent.size() == 256);
    CHECK(out.referer.size() == 256);
    CHECK(out.client.size() == 45);
    CHECK(out.referer == std::string(256, 'x'));
    CHECK(out.tlsVersion.size() == 16);
    CHECK(out.tlsCipher.size() == 64);
    CHECK(out.tlsServerName.size() == 255);
    CHECK(out.clientVerify.size() == 128);
    CHECK(out.clientSubject.size() == 256);
    CHECK(out.clientFingerprint == std::string(64, 'x'));
  });
}

TEST_CASE("the ring wraps around and keeps the order") {
  const auto owned = makeRing(kCapacity);
  AccessRing& ring = *owned;
  const std::string target(777, 't');
  uint64_t pushed = 0, seen = 0;
  for (int round = 0; round < 100; ++round) {
    for (int i = 0; i < 5; ++i)
      REQUIRE(ring.push(numbered(pushed++, target)) != AccessRing::Push::Dropped);
    ring.drain([&](const AccessRecord& record) {
      CHECK(record.requestBytes == seen++);
      CHECK(record.target == target);
    });
  }
  CHECK(seen == 500);
  CHECK(ring.dropped() == 0);
}

TEST_CASE("a full ring drops and counts, and takes again when there is room") {
  const auto owned = makeRing(kCapacity);
  AccessRing& ring = *owned;
  const std::string target(1000, 't');
  uint64_t kept = 0;
  while (ring.push(numbered(kept, target)) != AccessRing::Push::Dropped) ++kept;
  // 16 KiB less the reserve for one longest record (4.3 KiB), by 1.1 KiB each.
  CHECK(kept >= 11);
  CHECK(kept <= 13);
  CHECK(ring.dropped() == 1);
  ring.push(numbered(99, target));
  CHECK(ring.dropped() == 2);
  CHECK(drainNumbers(ring).size() == kept);
  CHECK(ring.push(numbered(100, target)) != AccessRing::Push::Dropped);
  CHECK(drainNumbers(ring) == std::vector<uint64_t>{100});
  CHECK(ring.dropped() == 2);
}

TEST_CASE("half a ring presses, once for each eighth") {
  const auto owned = makeRing(64 << 10);
  AccessRing& ring = *owned;
  const std::string target(888, 't');  // a thousand bytes a record
  int pressed = 0, pushed = 0;
  while (true) {
    const AccessRing::Push push = ring.push(numbered(0, target));
    if (push == AccessRing::Push::Dropped) break;
    ++pushed;
    if (push == AccessRing::Push::Pressing && ++pressed == 1) {
      CHECK(pushed >= 33);
      CHECK(pushed <= 35);
    }
  }
  CHECK(pressed >= 3);
  CHECK(pressed <= 5);
}

TEST_CASE("a writer and a reader at once lose nothing but what is counted") {
  const auto owned = makeRing(kCapacity);
  AccessRing& ring = *owned;
  constexpr uint64_t kCount = 20000;
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (uint64_t i = 0; i < kCount; ++i)
      ring.push(numbered(i, std::string_view("/abcdefgh", i % 10)));
    done.store(true);
  });
  uint64_t seen = 0, next = 0;
  bool ordered = true, whole = true;
  while (true) {
    const bool last = done.load();
    seen += ring.drain([&](const AccessRecord& record) {
      ordered &= record.requestBytes >= next;
      next = record.requestBytes + 1;
      whole &= record.target == std::string_view("/abcdefgh", record.requestBytes % 10);
    });
    if (last) break;
  }
  writer.join();
  CHECK(ordered);
  CHECK(whole);
  CHECK(seen + ring.dropped() == kCount);
}
