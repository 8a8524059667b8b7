#include "proxy/config/diff.h"
#include "tests/unit/config/support.h"

// What a reload of `tls:` changes, and what becomes of connections then.

namespace oxbow::config {

namespace {

std::vector<Change> changes(const std::string& before, const std::string& after) {
  return diff(loaded(before), loaded(after));
}

// A line each, without the effects.
std::string lines(const std::string& before, const std::string& after) {
  std::string out;
  for (const Change& change : changes(before, after)) {
    const std::string line = format(change);
    out += line.substr(0, line.rfind(" (")) + "\n";
  }
  return out;
}

std::string_view effect(const std::string& before, const std::string& after) {
  const std::vector<Change> all = changes(before, after);
  REQUIRE(all.size() == 1);
  CHECK_FALSE(all[0].needsRestart);
  return all[0].effect;
}

bool isNoChange(const std::string& before, const std::string& after) {
  return changes(before, after).empty() && changes(after, before).empty();
}

std::string upstream(const std::string& tls) { return withUpstream("    tls: " + tls); }

std::string listener(const std::string& certificates, const std::string& more = "") {
  return withListener("    tls: { certificates: [ " + certificates + " ]" + more + " }");
}

const std::string kDown = "~ listeners 127.0.0.1:0 tls.";

}  // namespace

TEST_CASE("tls that comes or goes is one change") {
  CHECK(lines(withListener(""), listener("{ cert: a, key: b }")).substr(0, 71) ==
        "~ listeners 127.0.0.1:0 tls: off -> { certificates: [ a ], unknown_sni:");
  CHECK(effect(withListener(""), listener("{ cert: a, key: b }")) == "for new connections");
  CHECK(lines(upstream("off"), upstream("on")).substr(0, 49) ==
        "~ upstreams.api.tls: off -> { sni: none, verify: ");
  CHECK(effect(upstream("on"), upstream("off")) ==
        "connections are replaced: idle ones close, active ones finish");
}

TEST_CASE("with another identity of TLS connections to servers are others") {
  const std::string_view replaced =
      "connections are replaced: idle ones close, active ones finish; no session of before is "
      "resumed";
  for (const std::string key :
       {"sni: a", "sni: off", "verify: off", "verify_name: a", "verify_depth: 2", "ca: a.pem",
        "crl: a.pem", "min_version: TLSv1.3", "max_version: TLSv1.2", "ciphers: HIGH",
        "ciphersuites: TLS_AES_128_GCM_SHA256", "groups: X25519"}) {
    CAPTURE(key);
    CHECK(effect(upstream("on"), upstream("{ " + key + " }")) == replaced);
    CHECK(effect(upstream("{ " + key + " }"), upstream("on")) == replaced);
  }
  const std::string own = "{ certificate: a, certificate_key: b, password_file: c }";
  for (const Change& change : changes(upstream("on"), upstream(own)))
    CHECK(change.effect == replaced);
  CHECK(
      lines(upstream(own), upstream("{ certificate: a2, certificate_key: b, password_file: c }")) ==
      "~ upstreams.api.tls.certificate: a -> a2\n");
  CHECK(effect(upstream("on"), upstream("{ session_reuse: off }")) ==
        "for new handshakes; established connections stay");
}

TEST_CASE("the same tls in other words is no change") {
  CHECK(isNoChange(upstream("off"), withUpstream("")));
  CHECK(isNoChange(upstream("on"), upstream("{ verify: yes, ca: system, alpn: http/1.1 }")));
  CHECK(isNoChange(upstream("{ sni: off }"), upstream("{ sni: no }")));
  CHECK(isNoChange(upstream("{ sni: A.b }"), upstream("{ sni: a.B }")));
  CHECK(isNoChange(withListener(""), withListener("    tls: off\n    https_redirect: off")));
  CHECK(isNoChange(listener("{ cert: a, key: b, names: [ x, y ] }"),
                   listener("{ names: [ Y, X ], key: b, cert: a }")));
  CHECK(
      isNoChange(listener("{ cert: a, key: b }"), listener("{ cert: a, key: b }",
                                                           ", hsts: off, client_certificates: off, "
                                                           "session_timeout: 720m")));
  CHECK(
      isNoChange(listener("{ cert: a, key: b }", ", client_certificates: off"),
                 listener("{ cert: a, key: b }", ", client_certificates: { verify: off, ca: a }")));
}

TEST_CASE("certificates are the same by file, and their order counts") {
  const std::string a = "{ cert: /a.pem, key: k }";
  const std::string b = "{ cert: /b.pem, key: k }";
  const std::string c = "{ cert: /c.pem, key: k }";
  CHECK(isNoChange(listener(a + ", " + b), listener(a + ", " + b)));
  CHECK(lines(listener(a + ", " + b), listener(a + ", { cert: /b.pem, key: l, names: x }")) ==
        kDown + "certificates /b.pem key: k -> l\n" + kDown +
            "certificates /b.pem names: none -> [ x ]\n");
  CHECK(lines(listener(a), listener(a + ", " + b)) ==
        kDown +
            "certificates /b.pem: none -> { cert: /b.pem, key: k, names: none, password_file: "
            "none, ocsp: none, client_cer...\n");
  CHECK(lines(listener(a + ", " + b), listener(b)).substr(0, 63) ==
        kDown + "certificates /a.pem: { cert: /a.pem");
  CHECK(lines(listener(a + ", " + b + ", " + c), listener(b + ", " + a + ", " + c)) ==
        kDown + "certificates: [ /a.pem, /b.pem, /c.pem ] -> [ /b.pem, /a.pem, /c.pem ]\n");
  CHECK(changes(listener(a + ", " + b), listener(c + ", " + b)).size() == 2);  // no new order
}

TEST_CASE("one certificate with two keys is two, the first is the first") {
  const std::string two = "{ cert: a, key: k }, { cert: a, key: l }";
  CHECK(isNoChange(listener(two), listener(two)));
  CHECK(lines(listener(two), listener("{ cert: a, key: k }, { cert: a, key: m }")) ==
        kDown + "certificates a key: l -> m\n");
}

TEST_CASE("what becomes of clients when a listener's tls changes") {
  const std::string one = "{ cert: a, key: b }";
  const std::string_view handshakes = "for new handshakes; established connections stay";
  for (const std::string more :
       {"unknown_sni: reject", "handshake_timeout: 1s", "min_version: TLSv1.3",
        "max_version: TLSv1.2", "ciphers: HIGH", "groups: X25519", "session_tickets: off",
        "session_timeout: 1h", "session_ticket_rotation: 1h",
        "client_certificates: { verify: require, ca: c }"}) {
    CAPTURE(more);
    CHECK(effect(listener(one), listener(one, ", " + more)) == handshakes);
  }
  CHECK(effect(listener(one), listener(one + ", { cert: c, key: d }")) == handshakes);
  CHECK(effect(listener(one), listener("{ cert: a, key: c }")) == handshakes);
  CHECK(effect(listener(one), listener(one, ", session_ticket_keys: [ a ]")) ==
        "for new handshakes; tickets of a key that is gone are not resumed");
  CHECK(effect(listener(one), listener(one, ", hsts: { max_age: 1d }")) ==
        "from the next request on");
}

TEST_CASE("the order of keys for tickets counts") {
  const std::string one = "{ cert: a, key: b }";
  CHECK(lines(listener(one, ", session_ticket_keys: [ x, y ]"),
              listener(one, ", session_ticket_keys: [ y, x ]")) ==
        kDown + "session_ticket_keys: [ x, y ] -> [ y, x ]\n");
}

TEST_CASE("clients of the listener and of one certificate are compared key by key") {
  const std::string all = ", client_certificates: { verify: optional, ca: c }";
  CHECK(lines(listener("{ cert: a, key: b }", all),
              listener("{ cert: a, key: b }",
                       ", client_certificates: { verify: require, ca: c, crl: d }")) ==
        kDown + "client_certificates.verify: optional -> require\n" + kDown +
            "client_certificates.crl: none -> d\n");
  CHECK(lines(listener("{ cert: a, key: b }", all),
              listener("{ cert: a, key: b, client_certificates: off }", all)) ==
        kDown + "certificates a client_certificates: none -> off\n");
  CHECK(changes(listener("{ cert: a, key: b }", all),
                listener("{ cert: a, key: b, client_certificates: off }", all))
            .at(0)
            .place == Place{4, 68});
}

TEST_CASE("a listener that begins to redirect loses its routes") {
  const std::string redirect =
      "upstreams: { api: { servers: [ 127.0.0.1:9000 ] } }\n"
      "listeners: [ { listen: 127.0.0.1:0, https_redirect: 8443 } ]\n";
  CHECK(lines(withListener(""), redirect) ==
        "- listeners 127.0.0.1:0 routes /\n"
        "~ listeners 127.0.0.1:0 https_redirect: off -> 8443\n");
}

}  // namespace oxbow::config
