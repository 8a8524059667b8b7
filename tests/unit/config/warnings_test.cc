#include "proxy/config/warnings.h"

#include "tests/unit/config/support.h"

namespace oxbow::config {

namespace {

std::string warningsOf(const std::string& text) {
  std::string out;
  for (const Problem& problem : warnings(loaded(text)))
    out += format(problem, "f").substr(2) + "\n";
  return out;
}

}  // namespace

TEST_CASE("defaults are never warned about") {
  CHECK(warningsOf(withUpstream("")).empty());
  // keepalive is 32 then, but nobody wrote that.
  CHECK(warningsOf(withUpstream("    max_conns: 10")).empty());
  CHECK(warningsOf(withUpstream("    keepalive: 0")).empty());
}

TEST_CASE("more idle connections than connections") {
  CHECK(warningsOf(withUpstream("    keepalive: 32\n    max_conns: 10")) ==
        "4:16: upstreams.api.keepalive: 32 is over max_conns 10: at most 10 can be idle\n");
  CHECK(warningsOf(withUpstream("    keepalive: 10\n    max_conns: 10")).empty());
}

TEST_CASE("caps and timeouts that are never reached") {
  CHECK(warningsOf(withUpstream("    max_conns: 50\n    max_total_conns: 20")) ==
        "4:16: upstreams.api.max_conns: 50 is over max_total_conns 20 and is never reached\n");
  CHECK(warningsOf(withUpstream("    keepalive_timeout: 2h\n    keepalive_time: 1h30m")) ==
        "4:24: upstreams.api.keepalive_timeout: 2h is over keepalive_time 1h30m and is never "
        "reached\n");
}

TEST_CASE("keys without effect") {
  CHECK(warningsOf(withUpstream("    keepalive: 0\n    keepalive_timeout: 2s\n"
                                "    keepalive_requests: 5")) ==
        "5:24: upstreams.api.keepalive_timeout: has no effect: with keepalive 0 no connection is "
        "reused\n"
        "6:25: upstreams.api.keepalive_requests: has no effect: with keepalive 0 no connection is "
        "reused\n");
  CHECK(warningsOf(withUpstream("    queue: { size: 0, timeout: 2s }")) ==
        "4:32: upstreams.api.queue.timeout: has no effect: with size 0 nobody waits\n");
}

TEST_CASE("a local address that serves some servers only") {
  std::string text = withUpstream("    proxy_bind: \"::1\"");
  const std::string one = "servers: [ 127.0.0.1:9000 ]";
  text.replace(text.find(one), one.size(), "servers: [ \"[::1]:1\", unix:/a, 127.0.0.1:9 ]");
  CHECK(warningsOf(text) ==
        "4:17: upstreams.api.proxy_bind: has no effect on connections to \"127.0.0.1:9\"\n");
}

TEST_CASE("servers whose certificates nobody looks at") {
  CHECK(warningsOf(withUpstream("    tls: { verify: off }")) ==
        "4:20: upstreams.api.tls.verify: off: whoever stands between oxbow and the servers of "
        "\"api\" can read and change everything\n");
  CHECK(warningsOf(withUpstream("    tls: { verify: off, ca: a, verify_name: b, verify_depth: 1 }"))
            .find("4:29: upstreams.api.tls.ca: has no effect: with verify off no certificate is "
                  "looked at\n4:45: upstreams.api.tls.verify_name: has no effect") !=
        std::string::npos);
  CHECK(warningsOf(withUpstream("    tls: on")).empty());
}

TEST_CASE("keys of tls without effect") {
  const auto up = [](const std::string& keys) {
    return warningsOf(withUpstream("    tls: { " + keys + " }"));
  };
  CHECK(up("min_version: TLSv1.3, ciphers: HIGH") ==
        "4:43: upstreams.api.tls.ciphers: has no effect: with min_version TLSv1.3 there is no TLS "
        "1.2\n");
  CHECK(up("max_version: TLSv1.2, ciphersuites: TLS_AES_128_GCM_SHA256") ==
        "4:48: upstreams.api.tls.ciphersuites: has no effect: with max_version TLSv1.2 there is no "
        "TLS 1.3\n");
  const auto down = [](const std::string& keys) {
    return warningsOf(
        withListener("    tls:\n      certificates: [ { cert: a, key: b } ]\n      " + keys));
  };
  CHECK(down("client_certificates: { verify: optional, ca: a }").empty());
  CHECK(down("client_certificates: { verify: off, ca: a }") ==
        "6:47: listeners[0].tls.client_certificates.ca: has no effect: with verify off no client "
        "is asked for a certificate\n");
  CHECK(down("session_tickets: off\n      session_timeout: 1h") ==
        "7:24: listeners[0].tls.session_timeout: has no effect: with session_tickets off no "
        "session is resumed\n");
  CHECK(down("session_ticket_keys: a\n      session_ticket_rotation: 1h") ==
        "7:32: listeners[0].tls.session_ticket_rotation: has no effect: the keys of "
        "session_ticket_keys are not replaced\n");
}

TEST_CASE("tickets that outlive their keys") {
  const auto down = [](const std::string& keys) {
    return warningsOf(
        withListener("    tls: { certificates: [ { cert: a, key: b } ], " + keys + " }"));
  };
  const std::string why = " is over session_ticket_rotation ";
  CHECK(down("session_timeout: 1d") ==
        "4:68: listeners[0].tls.session_timeout: session_timeout 1d" + why +
            "12h: some keys are gone before their tickets end\n");
  CHECK(down("session_ticket_rotation: 1h").substr(0, 5) == "4:76:");
  CHECK(down("session_timeout: 1h, session_ticket_rotation: 1h").empty());
}

TEST_CASE("retries that have no time") {
  CHECK(warningsOf(withUpstream("    connect_timeout: 10s")) ==
        "4:22: upstreams.api.connect_timeout: connect_timeout 10s leaves no time in "
        "proxy_next_upstream_timeout 10s for a second try\n");
  CHECK(warningsOf(withUpstream("    proxy_next_upstream_timeout: 3s")).substr(0, 5) == "4:34:");
  CHECK(warningsOf(withUpstream("    connect_timeout: 10s\n    proxy_next_upstream_tries: 1"))
            .empty());
}

TEST_CASE("a buffer over the budget of all") {
  CHECK(warningsOf("proxy_buffers_total: 1m\n" + withUpstream("    proxy_buffers: 2m")) ==
        "5:20: upstreams.api.proxy_buffers: 2m is over proxy_buffers_total 1m\n");
}

}  // namespace oxbow::config
