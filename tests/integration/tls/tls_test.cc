// TLS between two whole oxbows: one in front, whose upstream speaks TLS, and one behind it, whose
// listener does. What the one behind counts is what an origin would.

#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <thread>

#include "tests/integration/support/crowd.h"
#include "tests/integration/support/fake_upstream.h"
#include "tests/integration/support/oxbow.h"
#include "tests/support/test_ca.h"

namespace oxbow::integration {

namespace {

FakeUpstream::Script slowly() {
  return [](UpstreamConn& conn) {
    while (conn.request()) {
      std::this_thread::sleep_for(milliseconds(1));
      if (!conn.send(ok())) return;
    }
  };
}

struct TlsPair {
  test::TestCa ca;
  test::Leaf leaf = ca.issue({.dns = {"origin.test"}});
  std::string cert = ca.write("site.pem", test::certificatePem(*leaf.certificate));
  std::string key = ca.write("site.key", test::keyPem(*leaf.key, test::KeyFormat::Pkcs8));
  FakeUpstream origin{slowly()};
  std::unique_ptr<Oxbow> behind;
  std::unique_ptr<Oxbow> front;

  // The one in front has that in its upstream, and in its tls.
  void start(int workers, const std::string& upstream, const std::string& tls = {}) {
    behind = std::make_unique<Oxbow>(
        Setup{.servers = {origin.address()},
              .upstream = "keepalive: 100",
              .listener = "tls: { certificates: [ { cert: " + cert + ", key: " + key + " } ] }",
              .top = kAdmin});
    front = std::make_unique<Oxbow>(
        Setup{.servers = {behind->address().text()},
              .upstream = upstream + "\ntls: { sni: origin.test, ca: " + ca.file() + tls + " }",
              .top = "workers: " + std::to_string(workers) + "\n" + kAdmin});
  }
  double handshakes(const std::string& result) const {
    return behind->metric("oxbow_listener_tls_handshakes_total{listener=\"127.0.0.1:0\",result=\"" +
                          result + "\"}");
  }
  double moved() const {
    return front->metric("oxbow_endpoint_connections_moved_total{upstream=\"up\",endpoint=\"" +
                         behind->address().text() + "\"}");
  }
};

}  // namespace

TEST_CASE_FIXTURE(TlsPair, "a cap holds over the workers, and connections move between them") {
  for (const size_t cap : {1, 3, 10}) {
    CAPTURE(cap);
    start(4, "keepalive: 10\nkeepalive_requests: 1000000\nmax_conns: " + std::to_string(cap) +
                 "\nqueue: { timeout: 20s }");
    Crowd crowd(front->address(), 100);
    crowd.askUntil(100 * 10);
    CHECK(crowd.failures() == 0);
    CHECK(crowd.answers() >= 100 * 10);
    // Each connection is one handshake.
    CHECK(handshakes("full") + handshakes("resumed") == static_cast<double>(cap));
    CHECK(moved() > 0);
  }
}

TEST_CASE_FIXTURE(TlsPair, "new connections of all workers resume each other's sessions") {
  for (const char* version : {"TLSv1.2", "TLSv1.3"}) {
    CAPTURE(version);
    start(2, "keepalive: 0", std::string(", max_version: ") + version);
    Crowd crowd(front->address(), 50);
    crowd.askUntil(50);  // each of them may be the first
    const double before = handshakes("full");
    crowd.askUntil(50 + 1000);
    CHECK(crowd.failures() == 0);
    CHECK(handshakes("resumed") >= 990);
    CHECK(handshakes("full") - before <= 10);
    CHECK(handshakes("failed") == 0);
  }
}

TEST_CASE_FIXTURE(TlsPair, "certificates are replaced under load without a failed request") {
  start(2, "keepalive: 0", ", session_reuse: off");
  const auto awaitReloads = [&](const std::string& result, int count) {
    return behind->awaitMetricAtLeast("oxbow_tls_reloads_total{result=\"" + result + "\"}", count);
  };
  std::atomic<bool> done{false};
  bool allSeen = true;
  std::thread renewing([&] {
    for (int i = 1; i <= 5; ++i) {
      const test::Leaf next = ca.issue({.dns = {"origin.test"}});
      // Until the key comes, the old one belongs to another certificate.
      ca.write("site.pem", test::certificatePem(*next.certificate));
      allSeen = awaitReloads("refused", i) && allSeen;
      ca.write("site.key", test::keyPem(*next.key, test::KeyFormat::Pkcs8));
      allSeen = awaitReloads("applied", i) && allSeen;
    }
    done = true;
  });
  Crowd crowd(front->address(), 20);
  while (!done) crowd.askFor(milliseconds(200));
  renewing.join();
  CHECK(allSeen);
  CHECK(crowd.failures() == 0);
  CHECK(crowd.answers() > 100);
}

}  // namespace oxbow::integration
