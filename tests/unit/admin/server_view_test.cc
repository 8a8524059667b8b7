#include "proxy/admin/server_view.h"

#include <doctest/doctest.h>

#include "tests/unit/admin/support.h"

using namespace oxbow;
using namespace oxbow::admin;

TEST_CASE("two workers' reports of one server add up") {
  ServerReport sum = busyServer();
  sum.merge(busyServer());
  REQUIRE(sum.upstreams.size() == 2);
  const UpstreamReport& upstream = sum.upstreams[0];
  CHECK(upstream.waiting == 18);
  CHECK(upstream.served == 202);
  CHECK(upstream.refusedFull == 22);
  CHECK(upstream.refusedLate == 24);
  CHECK(upstream.refusedNoEndpoint == 26);
  CHECK(upstream.retries == 40);
  CHECK(upstream.strayed == 42);
  CHECK(upstream.replays == 28);
  CHECK(upstream.replaysRefused == 30);
  CHECK(upstream.endpointsDrained == 32);
  CHECK(upstream.endpointsRevived == 34);
  CHECK(upstream.racesBegun == 36);
  CHECK(upstream.racesWon == 38);
  CHECK(upstream.requestBytes == 3200);
  CHECK(upstream.responseBytes == 3400);
  CHECK(upstream.byClass == std::array<uint64_t, 6>{2, 4, 60, 8, 10, 12});
  CHECK(upstream.totalTime.count() == 20);
  CHECK(upstream.waitTime.count() == 2);
  CHECK(upstream.firstByteTime.count() == 4);
  CHECK(upstream.recentTotal.count() == 20);
  CHECK(upstream.recentWait.count() == 2);
  CHECK(upstream.recentConnect.count() == 2);
  CHECK(upstream.recentFirstByte.count() == 4);
  CHECK(upstream.requestSizes.count() == 4);
  CHECK(upstream.responseSizes.sum == 3400);

  REQUIRE(upstream.endpoints.size() == 2);
  const EndpointReport& endpoint = upstream.endpoints[0];
  CHECK(endpoint.idle == 6);
  CHECK(endpoint.active == 8);
  CHECK(endpoint.connecting == 10);
  CHECK(endpoint.opened == 40);
  CHECK(endpoint.connected == 36);
  CHECK(endpoint.connectFailed == 4);
  CHECK(endpoint.acquired == 200);
  CHECK(endpoint.reused == 180);
  CHECK(endpoint.peeks == 14);
  CHECK(endpoint.deadPeeks == 12);
  CHECK(endpoint.moved == 16);
  CHECK(endpoint.closed[static_cast<size_t>(pool::CloseReason::KeepaliveTimeout)] == 12);
  CHECK(endpoint.connectTime.count() == 4);
  CHECK(endpoint.handshakesFull == 20);
  CHECK(endpoint.handshakesResumed == 60);
  CHECK(endpoint.handshakesFailed == 10);
  CHECK(endpoint.ticketsRefused == 8);
  CHECK(endpoint.certificateFaults[static_cast<size_t>(net::CertificateFault::WrongName)] == 4);
  CHECK(endpoint.handshakeTime.count() == 4);

  REQUIRE(sum.listeners.size() == 1);
  const ListenerReport& listener = sum.listeners[0];
  CHECK(listener.accepted == 80);
  CHECK(listener.open == 82);
  CHECK(listener.requests == 98);
  CHECK(listener.underscoreNames == 84);
  CHECK(listener.bytesIn == 8000);
  CHECK(listener.bytesOut == 10000);
  CHECK(listener.firstByteTime.count() == 4);
  CHECK(listener.byClass[2] == 60);
  CHECK(listener.ended[static_cast<size_t>(session::SessionEnd::Finished)] == 86);
  CHECK(listener.errors[static_cast<size_t>(ErrorCode::ConnectionRefused)] == 88);
  CHECK(listener.handshakesFull == 42);
  CHECK(listener.handshakesResumed == 126);
  CHECK(listener.handshakesFailed == 14);
  CHECK(listener.handshakeTime.count() == 2);

  CHECK(sum.accessLogDropped == 102);
  CHECK(sum.logDropped == 104);
  CHECK(sum.bufferedBytes == 106);
  CHECK(sum.acceptErrors == 108);
  CHECK(sum.memoryFor(MemoryKind::Buffers) == 2000);
  CHECK(sum.memoryFor(MemoryKind::AccessLogs) == 2012);
}

TEST_CASE("what is configured or learned for all workers together does not add up") {
  ServerReport sum = busyServer();
  ServerReport other = busyServer();
  other.upstreams[0].endpoints[0].learnedIdleSeconds = 5;
  other.upstreams[0].endpoints[0].learnedUnusedIdleSeconds = 0;
  other.upstreams[0].endpoints[0].sessionsCached = 7;  // asked a moment later
  sum.merge(other);
  const UpstreamReport& upstream = sum.upstreams[0];
  CHECK(upstream.keepalive == 32);
  CHECK(upstream.maxTotalConns == 200);
  CHECK(upstream.queueSize == 1024);
  CHECK(upstream.endpoints[0].maxConns == 64);
  CHECK(upstream.endpoints[0].weight == 2);
  CHECK(upstream.endpoints[0].learnedIdleSeconds == 5);
  CHECK(upstream.endpoints[0].learnedUnusedIdleSeconds == 0.25);
  CHECK(upstream.endpoints[0].sessionsCached == 7);
  CHECK(sum.uptimeSeconds == 55.5);
  CHECK(sum.certificates.size() == 2);
  CHECK(sum.tlsReloads == 64);
  CHECK(sum.tlsReloadsRefused == 65);
  CHECK(sum.logSuppressed == 66);
  CHECK(sum.process.openDescriptors == 70);
  CHECK(sum.loops.size() == 3);
}

TEST_CASE("while a change of the configuration gets around, the less safe of two answers holds") {
  const auto merged = [](bool tls, bool verify, bool otherTls, bool otherVerify) {
    EndpointReport report, other;
    report.tls = tls;
    report.tlsVerify = verify;
    other.tls = otherTls;
    other.tlsVerify = otherVerify;
    report.merge(other);
    return std::pair(report.tls, report.tlsVerify);
  };
  CHECK(merged(true, true, true, true) == std::pair(true, true));
  CHECK(merged(true, true, true, false) == std::pair(true, false));
  CHECK(merged(true, false, true, true) == std::pair(true, false));
  CHECK(merged(false, false, true, true) == std::pair(true, true));
  CHECK(merged(true, true, false, false) == std::pair(true, true));
  CHECK(merged(false, false, false, false) == std::pair(false, false));

  ListenerReport plain, overTls;
  overTls.tls = true;
  plain.merge(overTls);
  CHECK(plain.tls);
}

TEST_CASE("an endpoint that only one worker knows yet is in the sum") {
  ServerReport sum;
  sum.merge(busyServer());
  REQUIRE(sum.upstreams.size() == 2);
  CHECK(sum.upstreams[0].endpoints.size() == 2);
  CHECK(sum.upstreams[0].endpoints[0].acquired == 100);
  CHECK(sum.listeners.size() == 1);
}
