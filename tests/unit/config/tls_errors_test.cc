#include "tests/unit/config/support.h"

// What is wrong with `tls:` is named with line, column and path, as everything else.

namespace oxbow::config {

namespace {

// `value` begins in line 4, column 10.
std::string upstreamErrors(const std::string& value) {
  return errorsOf(withUpstream("    tls: " + value));
}

// `more` begins in line 6, column 7, below a certificate.
std::string listenerErrors(const std::string& more) {
  return errorsOf(
      withListener("    tls:\n      certificates: [ { cert: a.pem, key: b.key } ]\n      " + more));
}

// `list` begins in line 4, column 26.
std::string certificateErrors(const std::string& list) {
  return errorsOf(withListener("    tls: { certificates: " + list + " }"));
}

const std::string kUp = "upstreams.api.tls";
const std::string kDown = "listeners[0].tls";

std::string file(const std::string& directive) { return directive + ": x"; }

}  // namespace

TEST_CASE("tls of an upstream is on, off or a mapping, of a listener off or a mapping") {
  CHECK(upstreamErrors("[ on ]") ==
        "4:10: " + kUp + ": expected a boolean or mapping, got a list\n");
  CHECK(upstreamErrors("onn") ==
        "4:10: " + kUp + ": \"onn\" is neither on nor off; did you mean \"on\"?\n");
  CHECK(upstreamErrors("") == "4:5: " + kUp + ": has no value; expected a boolean or mapping\n");
  for (const std::string value : {"on", "site.pem", "[ ]"})
    CHECK(errorsOf(withListener("    tls: " + value)) ==
          "4:10: " + kDown + ": write off, or { certificates: [ { cert: ..., key: ... } ] }\n");
  CHECK(errorsOf(withListener("    tls: { }")) == "4:10: " + kDown + ".certificates: is missing\n");
}

TEST_CASE("the nearest key of tls is named") {
  CHECK(upstreamErrors("{ verfy: on }") ==
        "4:12: " + kUp + ".verfy: unknown key; did you mean \"verify\"?\n");
  CHECK(upstreamErrors("{ session_resue: on }") ==
        "4:12: " + kUp + ".session_resue: unknown key; did you mean \"session_reuse\"?\n");
  CHECK(listenerErrors("unknown_sin: reject") ==
        "6:7: " + kDown + ".unknown_sin: unknown key; did you mean \"unknown_sni\"?\n");
  CHECK(certificateErrors("[ { cert: a, key: b, nmaes: c } ]") ==
        "4:47: " + kDown + ".certificates[0].nmaes: unknown key; did you mean \"names\"?\n");
  CHECK(listenerErrors("hsts: { max_age: 1d, include_subdomain: on }") ==
        "6:28: " + kDown +
            ".hsts.include_subdomain: unknown key; did you mean \"include_subdomains\"?\n");
  CHECK(listenerErrors("client_certificates: { verify: off, verify_deph: 1 }") ==
        "6:43: " + kDown +
            ".client_certificates.verify_deph: unknown key; did you mean \"verify_depth\"?\n");
}

TEST_CASE("one letter off is nearer than the same key of another block") {
  CHECK(listenerErrors("certificate: a.pem") ==
        "6:7: " + kDown + ".certificate: unknown key; did you mean \"certificates\"?\n");
  CHECK(errorsOf(withUpstream("    server: a:1")) ==
        "4:5: upstreams.api.server: unknown key; did you mean \"servers\"?\n");
  CHECK(listenerErrors("cert: a.pem") ==
        "6:7: " + kDown +
            ".cert: unknown key here; it belongs to listeners[].tls.certificates[]\n");
}

TEST_CASE("nginx's directives of TLS are understood where they stood in nginx") {
  const auto inListener = [](const std::string& directive) {
    return errorsOf(withListener("    " + file(directive)));
  };
  const auto calls = [](const std::string& directive, const std::string& place) {
    return "4:5: listeners[0]." + directive + ": unknown key; oxbow calls it " + place + "\n";
  };
  const std::string tls = "listeners[].tls.";
  for (const auto& [directive, key] : std::vector<std::pair<std::string, std::string>>{
           {"ssl_certificate", "certificates"},
           {"ssl_certificate_key", "certificates[].key"},
           {"ssl_password_file", "certificates[].password_file"},
           {"ssl_stapling_file", "certificates[].ocsp"},
           {"ssl_protocols", "min_version"},
           {"ssl_ciphers", "ciphers"},
           {"ssl_ecdh_curve", "groups"},
           {"ssl_verify_client", "client_certificates"},
           {"ssl_client_certificate", "client_certificates.ca"},
           {"ssl_trusted_certificate", "client_certificates.ca"},
           {"ssl_crl", "client_certificates.crl"},
           {"ssl_session_timeout", "session_timeout"},
           {"ssl_session_ticket_key", "session_ticket_keys"},
           {"ssl_reject_handshake", "unknown_sni"}})
    CHECK(inListener(directive) == calls(directive, tls + key));
  CHECK(errorsOf(withListener("    ssl: on")) ==
        "4:5: listeners[0].ssl: unknown key; did you mean \"tls\"?\n");
  CHECK(listenerErrors("ssl_protocols: TLSv1.3") ==
        "6:7: " + kDown + ".ssl_protocols: unknown key; did you mean \"min_version\"?\n");
  CHECK(errorsOf(withRoutes("      - { proxy_pass: api, proxy_ssl_verify: on }")) ==
        "5:28: listeners[0].routes[0].proxy_ssl_verify: unknown key; oxbow calls it "
        "upstreams.<name>.tls.verify\n");
  CHECK(errorsOf(withUpstream("    proxy_ssl_trusted_certificate: a.pem")) ==
        "4:5: upstreams.api.proxy_ssl_trusted_certificate: unknown key; oxbow calls it "
        "upstreams.<name>.tls.ca\n");
  CHECK(upstreamErrors("{ proxy_ssl_name: a }") ==
        "4:12: " + kUp + ".proxy_ssl_name: unknown key; did you mean \"sni\"?\n");
}

TEST_CASE("nginx's way to listen with TLS, and URLs of https") {
  const std::string error =
      errorsOf("listeners:\n  - listen: 443 ssl\n    routes: [ { return: 404 } ]\n");
  CHECK(error.substr(0, 27) == "2:13: listeners[0].listen: ");
  CHECK(error.find("did you mean \"127.0.0.1:443\"?") != std::string::npos);
  CHECK(errorsOf(withTop("upstreams: { api: { servers: [ \"https://a/\" ], tls: on } }")) ==
        "1:32: upstreams.api.servers[0]: \"https://a/\" is a URL; write host and port alone; did "
        "you mean \"a:443\"?\n");
}

TEST_CASE("what oxbow asks a server for is a host") {
  CHECK(upstreamErrors("{ sni: 10.0.0.1 }") ==
        "4:17: " + kUp +
            ".sni: \"10.0.0.1\" is an IP address, which no handshake can ask for; write a host, or "
            "off\n");
  CHECK(upstreamErrors("{ sni: api.internal:443 }") ==
        "4:17: " + kUp +
            ".sni: \"api.internal:443\" has a port; write the host alone; did you mean "
            "\"api.internal\"?\n");
  CHECK(upstreamErrors("{ sni: on }") == "4:17: " + kUp + ".sni: write a host, or off\n");
  CHECK(upstreamErrors("{ sni: \"\" }") == "4:17: " + kUp + ".sni: \"\" is no host\n");
  CHECK(upstreamErrors("{ sni: [ a ] }") ==
        "4:17: " + kUp + ".sni: expected a host or off, got a list\n");
  CHECK(upstreamErrors("{ verify_name: \"*.a\" }") ==
        "4:25: " + kUp + ".verify_name: \"*.a\" is no host\n");
}

TEST_CASE("a certificate of oxbow's own has its key") {
  CHECK(upstreamErrors("{ certificate: a.pem }") ==
        "4:25: " + kUp + ".certificate: needs its certificate_key\n");
  CHECK(upstreamErrors("{ certificate_key: a.key }") ==
        "4:29: " + kUp + ".certificate_key: needs its certificate\n");
  CHECK(upstreamErrors("{ password_file: a }") ==
        "4:27: " + kUp + ".password_file: is of no use without a certificate_key\n");
  CHECK(upstreamErrors("{ certificate: \"\", certificate_key: a.key }") ==
        "4:25: " + kUp + ".certificate: is empty\n");
}

TEST_CASE("who does not verify looks up no revoked certificates") {
  CHECK(upstreamErrors("{ verify: off, crl: a.pem }") ==
        "4:30: " + kUp +
            ".crl: contradicts verify off: nobody looks whether a certificate is revoked\n");
  CHECK(upstreamErrors("{ verify: off, ca: a.pem, verify_name: a, verify_depth: 1 }").empty());
  CHECK(listenerErrors("client_certificates: { verify: off, crl: a.pem }") ==
        "6:48: " + kDown +
            ".client_certificates.crl: contradicts verify off: nobody looks whether a certificate "
            "is revoked\n");
}

TEST_CASE("a server without a name needs one to be verified by") {
  const auto error = [](const std::string& tls) {
    return errorsOf(withTop("upstreams: { api: { servers: [ a:1, unix:/b ], tls: " + tls + " } }"));
  };
  const std::string refused =
      "1:53: " + kUp + ": there is no name to verify \"unix:/b\" by; write sni or verify_name\n";
  CHECK(error("on") == refused);
  CHECK(error("{ sni: off }") == refused);
  CHECK(error("{ ca: a.pem }") == refused);
  CHECK(error("off").empty());
  CHECK(error("{ verify: off }").empty());
  CHECK(error("{ sni: a }").empty());
  CHECK(errorsOf(withTop("upstreams: { api: { servers: [ _http._tcp.a, { server: a, service: "
                         "admin } ], tls: on } }"))
            .empty());
  CHECK(error("{ sni: off, verify_name: a }").empty());
  // Whoever meant to give a name is told of that only.
  CHECK(error("{ sni: \"a b\" }") == "1:60: " + kUp + ".sni: \"a b\" is no host\n");
  CHECK(error("{ verify: of }").find("no name") == std::string::npos);
}

TEST_CASE("versions of TLS that are not spoken") {
  for (const std::string old : {"TLSv1.0", "TLSv1.1", "TLSv1", "SSLv3", "SSLv2", "tlsv1.1"})
    CHECK(upstreamErrors("{ min_version: " + old + " }") ==
          "4:25: " + kUp + ".min_version: oxbow does not speak \"" + old +
              "\", which is not safe; did you mean \"TLSv1.2\"?\n");
  CHECK(listenerErrors("max_version: TLSv1.1") ==
        "6:20: " + kDown +
            ".max_version: oxbow does not speak \"TLSv1.1\", which is not safe; did you mean "
            "\"TLSv1.2\"?\n");
  CHECK(upstreamErrors("{ min_version: TLS1.3 }") ==
        "4:25: " + kUp +
            ".min_version: \"TLS1.3\" is not one of TLSv1.2, TLSv1.3; did you mean \"TLSv1.3\"?\n");
  CHECK(upstreamErrors("{ min_version: 1.4 }") ==
        "4:25: " + kUp + ".min_version: \"1.4\" is not one of TLSv1.2, TLSv1.3\n");
  CHECK(upstreamErrors("{ max_version: TLSv1.2, min_version: TLSv1.3 }") ==
        "4:47: " + kUp + ".min_version: TLSv1.3 is over max_version TLSv1.2\n");
  CHECK(upstreamErrors("{ min_version: TLSv1.3, max_version: TLSv1.3 }").empty());
}

TEST_CASE("ciphers, groups and protocols") {
  CHECK(listenerErrors("ciphers: TLS_AES_128_GCM_SHA256") ==
        "6:16: " + kDown +
            ".ciphers: \"TLS_AES_128_GCM_SHA256\" is of TLS 1.3; write it in ciphersuites\n");
  CHECK(listenerErrors("ciphersuites: HIGH") ==
        "6:21: " + kDown +
            ".ciphersuites: \"HIGH\" is no cipher suite of TLS 1.3; those of TLS 1.2 stand in "
            "ciphers\n");
  CHECK(listenerErrors("groups: \"\"") ==
        "6:15: " + kDown + ".groups: is empty; leave it out for oxbow's own\n");
  CHECK(listenerErrors("groups: [ X25519 ]") ==
        "6:15: " + kDown + ".groups: expected text, got a list\n");
  CHECK(listenerErrors("alpn: [ h2, http/1.1 ]") ==
        "6:15: " + kDown + ".alpn[0]: \"h2\" is not supported in this version\n");
  CHECK(upstreamErrors("{ alpn: h2 }") ==
        "4:18: " + kUp + ".alpn: \"h2\" is not supported in this version\n");
  CHECK(upstreamErrors("{ alpn: [ http/1.0 ] }") ==
        "4:20: " + kUp + ".alpn[0]: \"http/1.0\" is not http/1.1; did you mean \"http/1.1\"?\n");
  CHECK(upstreamErrors("{ alpn: [ http/1.1, http/1.1 ] }") ==
        "4:30: " + kUp + ".alpn[1]: stands in this list twice\n");
  CHECK(upstreamErrors("{ alpn: [ ] }") ==
        "4:18: " + kUp + ".alpn: is an empty list; leave it out for http/1.1\n");
}

TEST_CASE("a listener's certificates have a file and a key each") {
  CHECK(certificateErrors("[ ]") ==
        "4:26: " + kDown + ".certificates: is empty; the first one is the default\n");
  CHECK(certificateErrors("site.pem") ==
        "4:26: " + kDown + ".certificates: expected a list, got \"site.pem\"\n");
  CHECK(certificateErrors("[ site.pem ]") ==
        "4:28: " + kDown + ".certificates[0]: expected a mapping with cert and key, got text\n");
  CHECK(certificateErrors("[ { cert: a.pem } ]") ==
        "4:28: " + kDown + ".certificates[0].key: is missing\n");
  CHECK(certificateErrors("[ { key: a.key } ]") ==
        "4:28: " + kDown + ".certificates[0].cert: is missing\n");
  CHECK(certificateErrors("[ { cert: \"\", key: \"-----BEGIN PRIVATE KEY-----\" } ]") ==
        "4:36: " + kDown + ".certificates[0].cert: is empty\n4:45: " + kDown +
            ".certificates[0].key: is the text of a file; write its path\n");
}

TEST_CASE("a listener has a thousand certificates at most") {
  const auto many = [](int count) {
    std::string list = "[ { cert: a, key: b }";
    for (int i = 1; i < count; ++i) list += ", { cert: a, key: b }";
    return certificateErrors(list + " ]");
  };
  CHECK(many(1000).empty());
  CHECK(many(1001) ==
        "4:26: " + kDown + ".certificates: has 1001 certificates; at most 1000 are allowed\n");
}

TEST_CASE("names of certificates") {
  CHECK(certificateErrors("[ { cert: a, key: b, names: [ x, 10.0.0.1, X ] } ]") ==
        "4:59: " + kDown +
            ".certificates[0].names[1]: \"10.0.0.1\" is an IP address, which no handshake can ask "
            "for\n4:69: " +
            kDown + ".certificates[0].names[2]: stands in this list twice\n");
  CHECK(certificateErrors("[ { cert: a, key: b, names: \"*\" } ]") ==
        "4:54: " + kDown +
            ".certificates[0].names: \"*\" is no host; the first certificate is the one for any\n");
  CHECK(certificateErrors("[ { cert: a, key: b, names: [ ] } ]") ==
        "4:54: " + kDown +
            ".certificates[0].names: is an empty list; leave it out for the names in the "
            "certificate\n");
}

TEST_CASE("certificates of one name verify clients alike") {
  const std::string require = "client_certificates: { verify: require, ca: c }";
  const auto error = [](const std::string& first, const std::string& second,
                        const std::string& all = "") {
    return errorsOf(withListener(
        "    tls:\n      certificates:\n        - { cert: a, key: b, names: "
        "[ x ]" +
        first + " }\n        - { cert: c, key: d, names: [ X, y ]" + second + " }\n" + all));
  };
  const std::string refused =
      "7:39: " + kDown +
      ".certificates[1].names: \"x\" also stands in line 6, with other client_certificates\n";
  CHECK(error("", "").empty());
  CHECK(error(", " + require, ", " + require).empty());
  CHECK(error(", " + require, "") == refused);
  CHECK(error("", ", client_certificates: { verify: optional, ca: c }", "      " + require) ==
        refused);
  CHECK(error("", ", " + require, "      " + require).empty());
  CHECK(
      error(", client_certificates: off", ", client_certificates: { verify: off, ca: c }").empty());
  // What is wrong with them is enough to say.
  CHECK(error(", " + require, ", client_certificates: on").find("also stands") ==
        std::string::npos);
}

TEST_CASE("clients are verified against something") {
  CHECK(listenerErrors("client_certificates: { verify: require }") ==
        "6:28: " + kDown + ".client_certificates.ca: is missing\n");
  CHECK(listenerErrors("client_certificates: { ca: a.pem }") ==
        "6:28: " + kDown + ".client_certificates.verify: is missing\n");
  CHECK(listenerErrors("client_certificates: { verify: off }").empty());
  CHECK(listenerErrors("client_certificates: off").empty());
  for (const std::string value : {"require", "on", "[ ]"})
    CHECK(listenerErrors("client_certificates: " + value) ==
          "6:28: " + kDown +
              ".client_certificates: write off, or { verify: require, ca: clients.pem }\n");
  CHECK(listenerErrors("client_certificates: { verify: on, ca: a }") ==
        "6:38: " + kDown +
            ".client_certificates.verify: \"on\" is not one of off, optional, require\n");
  CHECK(listenerErrors("client_certificates: { verify: require, ca: a, verify_depth: 17 }") ==
        "6:68: " + kDown + ".client_certificates.verify_depth: must be between 0 and 16\n");
}

TEST_CASE("tickets and their keys") {
  CHECK(listenerErrors("session_tickets: off\n      session_ticket_keys: a") ==
        "7:28: " + kDown + ".session_ticket_keys: contradicts session_tickets off\n");
  CHECK(listenerErrors("session_ticket_keys: [ ]") ==
        "6:28: " + kDown + ".session_ticket_keys: is an empty list; leave it out\n");
  CHECK(listenerErrors("session_ticket_keys: [ a, \"\" ]") ==
        "6:33: " + kDown + ".session_ticket_keys[1]: is empty\n");
  CHECK(listenerErrors("session_ticket_keys: { a: b }") ==
        "6:28: " + kDown + ".session_ticket_keys: expected a path or list, got a mapping\n");
  std::string keys = "a";
  for (int i = 1; i < 17; ++i) keys += ", a" + std::to_string(i);
  CHECK(listenerErrors("session_ticket_keys: [ " + keys + " ]") ==
        "6:28: " + kDown + ".session_ticket_keys: has 17 files; at most 16 are allowed\n");
  CHECK(listenerErrors("session_timeout: 25h") ==
        "6:24: " + kDown + ".session_timeout: must be between 1s and 1d\n");
  CHECK(listenerErrors("session_timeout: 1500ms") ==
        "6:24: " + kDown + ".session_timeout: must be whole seconds\n");
  CHECK(listenerErrors("session_ticket_rotation: 59s") ==
        "6:32: " + kDown + ".session_ticket_rotation: must be between 1m and 7d\n");
  CHECK(listenerErrors("handshake_timeout: 6m") ==
        "6:26: " + kDown + ".handshake_timeout: must be between 1ms and 5m\n");
}

TEST_CASE("Strict-Transport-Security") {
  CHECK(listenerErrors("hsts: off").empty());
  CHECK(listenerErrors("hsts: on") ==
        "6:13: " + kDown + ".hsts: write off, or { max_age: 365d }\n");
  CHECK(listenerErrors("hsts: { }") == "6:13: " + kDown + ".hsts.max_age: is missing\n");
  CHECK(listenerErrors("hsts: { max_age: 3651d }") ==
        "6:24: " + kDown + ".hsts.max_age: must be between 1s and 3650d\n");
  CHECK(listenerErrors("hsts: { max_age: 1500ms }") ==
        "6:24: " + kDown + ".hsts.max_age: must be whole seconds\n");
  CHECK(listenerErrors("hsts: { max_age: 364d, preload: on }") ==
        "6:39: " + kDown + ".hsts.preload: needs include_subdomains\n6:39: " + kDown +
            ".hsts.preload: needs a max_age of a year, 365d\n");
  CHECK(listenerErrors("hsts: { max_age: 365d, preload: on, include_subdomains: on }").empty());
}

TEST_CASE("a redirect to https is all that its listener does") {
  const auto error = [](const std::string& lines) {
    return errorsOf("listeners:\n  - listen: 127.0.0.1:0\n" + lines + "\n");
  };
  const std::string path = "listeners[0]";
  CHECK(error("    https_redirect: on\n    routes: [ { return: 404 } ]") ==
        "4:13: " + path + ".routes: https_redirect answers every request; remove one of them\n");
  CHECK(error("    https_redirect: on\n    tls: { certificates: [ { cert: a, key: b } ] }") ==
        "3:21: " + path +
            ".https_redirect: clients of a listener with tls come by https already\n");
  CHECK(error("    https_redirect: on\n    tls: off").empty());
  CHECK(error("    https_redirect: off") == "2:5: " + path + ".routes: is missing\n");
  CHECK(error("    https_redirect: onn") ==
        "3:21: " + path +
            ".https_redirect: \"onn\" is neither on, off nor a port; did you mean \"on\"?\n");
  for (const std::string port : {"0", "65536", "4294967739"})
    CHECK(error("    https_redirect: " + port) ==
          "3:21: " + path + ".https_redirect: a port is between 1 and 65535\n");
  CHECK(error("    https_redirect: [ 443 ]") ==
        "3:21: " + path + ".https_redirect: expected on, off or a port, got a list\n");
}

}  // namespace oxbow::config
