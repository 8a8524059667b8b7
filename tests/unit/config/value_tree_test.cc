#include "proxy/config/values.h"

#include <map>

#include "proxy/config/units.h"
#include "tests/unit/config/key_files.h"

// The tree of effective values is held against the schema: no key can be forgotten in it.

namespace oxbow::config {

namespace {

Value allKeys() {
  const LoadResult result = loadFile(OXBOW_SOURCE_ROOT "/conf/examples/all-keys.yaml");
  REQUIRE(result.config.has_value());
  return valuesOf(*result.config);
}

const Value* child(const Value& value, std::string_view name) {
  for (const Value& inner : value.inner)
    if (inner.name == name) return &inner;
  return nullptr;
}

const Value& at(const Value& root, const std::vector<std::string>& path) {
  const Value* value = &root;
  for (const std::string& name : path) {
    CAPTURE(name);
    value = child(*value, name);
    REQUIRE(value != nullptr);
  }
  return *value;
}

// All mappings with the keys of that block.
void find(const Value& value, const Block& block, std::vector<const Value*>& found) {
  if (value.block == &block) found.push_back(&value);
  for (const Value& inner : value.inner) find(inner, block, found);
}

std::vector<const Value*> mappingsOf(const Value& root, const Block& block) {
  std::vector<const Value*> found;
  find(root, block, found);
  return found;
}

// As the loader understands what a default's text says.
std::string canonical(const Key& key) {
  if (key.type == schema::Type::Duration)
    return durationText(parseDuration(key.defaultText).value());
  if (key.type == schema::Type::Size) return sizeText(parseSize(key.defaultText).value());
  return std::string(key.defaultText);
}

// A file in which the key has its default, in a mapping that stands there.
std::string fileWithout(const Block& block, const Key& key) {
  if (&block == &schema::soKeepalive())
    return fileWith(block, key.name == "count" ? "idle: 1s" : "count: 1");
  return fileWith(block, "");
}

}  // namespace

TEST_CASE("the values of every mapping are the keys of its block, in their order") {
  const Value root = allKeys();
  for (const Block* block : schema::blocks()) {
    if (block == &schema::socket()) continue;  // its keys stand in the blocks that share it
    CAPTURE(block->name);
    const auto mappings = mappingsOf(root, *block);
    CHECK_FALSE(mappings.empty());
    for (const Value* mapping : mappings) {
      std::vector<std::string_view> names;
      for (const Value& value : mapping->inner) names.emplace_back(value.name);
      CHECK(names == block->names());
    }
  }
}

TEST_CASE("a key that is not written has the text of its default, and no place") {
  for (const Block* block : schema::blocks()) {
    const Block& owner = block == &schema::socket() ? schema::upstream() : *block;
    for (const Key& key : block->keys) {
      if (key.defaultText == "required" || key.name == "proxy_pass") continue;
      if (key.name == "queue" || key.name == "resolve") continue;
      if (key.name == "resolver" || key.name == "upstreams") continue;
      CAPTURE(block->name);
      CAPTURE(key.name);
      const bool isTop = key.name == "admin";  // fileWith() of the top has none
      const Value root = valuesOf(loaded(isTop ? withTop("") : fileWithout(*block, key)));
      const auto mappings = mappingsOf(root, owner);
      REQUIRE_FALSE(mappings.empty());
      const Value& value = at(*mappings.front(), {std::string(key.name)});
      CHECK(textOf(value) == canonical(key));
      CHECK(value.place == Place{});
    }
  }
}

TEST_CASE("every example has a text of its own, and its place") {
  for (const Block* block : schema::blocks())
    for (const Key& key : block->keys) {
      const bool isInTheFixture = key.name == "proxy_pass";
      if (key.defaultText == "required" || isInTheFixture || hasOneValue(key)) continue;
      CAPTURE(block->name);
      CAPTURE(key.name);
      const auto textWith = [&](const std::string& file) { return valuesOf(loaded(file)); };
      const Value with = textWith(fileWith(*block, lineOf(key, key.example)));
      const Value without = textWith(fileWithout(*block, key));
      const Block& owner = block == &schema::socket() ? schema::upstream() : *block;
      const std::string name(key.name);
      const Value& written = at(*mappingsOf(with, owner).at(0), {name});
      CHECK(textOf(written) != textOf(at(*mappingsOf(without, owner).at(0), {name})));
      if (written.isLeaf()) CHECK(written.place.line != 0);
    }
}

TEST_CASE("the texts are the shortest of their kind") {
  const Value root = allKeys();
  const auto top = [&](const char* name) { return textOf(at(root, {name})); };
  CHECK(top("workers") == "4");
  CHECK(top("watch") == "on");
  CHECK(top("shutdown_timeout") == "10s");
  CHECK(top("log_level") == "debug");
  CHECK(top("proxy_buffers_total") == "512m");
  CHECK(top("admin") ==
        "{ listen: 127.0.0.1:9901, allow_remote: on, token_file: /run/secrets/oxbow-token, "
        "allowed_hosts: [ oxbow.internal ] }");
  CHECK(top("resolver") ==
        "{ addresses: [ 127.0.0.1:5353, [::1]:5353 ], timeout: 1s, resolv_conf: /etc/resolv.conf, "
        "hosts: off }");
  CHECK(top("upstreams") == "[ api ]");
  CHECK(top("listeners") == "[ 0.0.0.0:8080, unix:/run/oxbow.sock, 127.0.0.1:8081 ]");
  const auto up = [&](const char* name) { return textOf(at(root, {"upstreams", "api", name})); };
  CHECK(up("servers") ==
        "[ api1.internal:8080, api2.internal:8080, 127.0.0.1:8080, 127.0.0.1:8081, "
        "unix:/run/api.sock, "
        "_http._tcp.api.internal, _api._tcp.other.internal ]");
  CHECK(up("resolve") ==
        "{ ttl_min: 2s, ttl_max: 1m, stale: 6h, drain_after: 3, prefer: ipv6, "
        "deny_private_answers: on }");
  CHECK(up("balance") == "least_conn");
  CHECK(up("keepalive_time") == "1h30m");
  CHECK(up("max_conns") == "50");
  CHECK(up("proxy_buffers") == "128k");
  CHECK(up("proxy_bind") == "127.0.0.2");
  CHECK(up("tls") ==
        "{ sni: api.internal, verify: on, verify_name: api.example.com, verify_depth: 2, "
        "ca: /etc/oxbow/ca.pem, crl: /etc/oxbow/crl.pem, certificate: /etc/oxbow/client.pem, "
        "certificate_key: /etc/oxbow/client.key, password_file: /etc/oxbow/client.pass, "
        "min_version: TLSv1.2, max_version: TLSv1.3, ciphers: ECDHE+AESGCM:ECDHE+CHACHA20, "
        "ciphersuites: TLS_AES_128_GCM_SHA256, groups: X25519:P-256, alpn: [ http/1.1 ], "
        "session_reuse: off }");
  CHECK(up("queue") == "{ size: 100, timeout: 1s }");
  CHECK(up("so_keepalive") == "{ idle: 1m, interval: 10s, count: 5 }");
  CHECK(up("tcp_nodelay") == "off");
  CHECK(textOf(at(root, {"upstreams", "api", "servers", "api2.internal:8080"})) ==
        "{ server: api2.internal:8080, service: none, weight: 2, max_conns: 64, max_fails: 3, "
        "fail_timeout: 30s, backup: off, down: off }");
  CHECK(textOf(at(root, {"upstreams", "api", "servers", "_api._tcp.other.internal"})) ==
        "{ server: other.internal, service: _api._tcp, weight: 1, max_conns: none, "
        "max_fails: 1, fail_timeout: 10s, backup: off, down: off }");
}

TEST_CASE("the texts of a listener and of its routes") {
  const Value root = allKeys();
  const auto in = [&](const char* name) {
    return textOf(at(root, {"listeners", "0.0.0.0:8080", name}));
  };
  CHECK(in("protocol") == "http");
  CHECK(in("access_log") ==
        "{ path: /var/log/oxbow/access.log, format: text, keys: [ time, client, method, target, "
        "status, total_ms, sample_weight ], sample: 0.1, errors: 500, slow: 500ms }");
  CHECK(in("so_keepalive") == "on");
  CHECK(in("via") == "edge-1");
  CHECK(textOf(at(root, {"listeners", "unix:/run/oxbow.sock", "via"})) == "off");
  const std::vector<std::string> routes = {"listeners", "0.0.0.0:8080", "routes"};
  const auto route = [&](const char* name, const char* key) {
    return textOf(at(at(root, routes), {name, key}));
  };
  const char* api = "*.example.com,example.com/api/";
  CHECK(route(api, "server_name") == "[ *.example.com, example.com ]");
  CHECK(route(api, "proxy_pass") == "api");
  CHECK(route(api, "proxy_set_header") ==
        "{ X-Request-Id: \"$request_id\", X-Client: \"$remote_addr via $scheme\", Cookie: \"\" }");
  CHECK(route(api, "proxy_hide_header") == "[ server, x-powered-by ]");
  CHECK(route("/old/", "return") ==
        "{ status: 301, body: \"moved\", content_type: text/html, "
        "location: https://example.com/new/ }");
  CHECK(route("/", "proxy_pass") == "none");
}

TEST_CASE("the texts of a listener's tls") {
  const Value root = allKeys();
  const auto in = [&](const std::vector<std::string>& path) {
    return textOf(at(at(root, {"listeners", "0.0.0.0:8080", "tls"}), path));
  };
  CHECK(in({"certificates"}) == "[ /etc/oxbow/site.pem, /etc/oxbow/partners.pem ]");
  CHECK(in({"certificates", "/etc/oxbow/site.pem"}) ==
        "{ cert: /etc/oxbow/site.pem, key: /etc/oxbow/site.key, names: none, password_file: "
        "/etc/oxbow/site.pass, ocsp: /etc/oxbow/site.ocsp, client_certificates: none }");
  CHECK(in({"certificates", "/etc/oxbow/partners.pem", "names"}) ==
        "[ *.partners.example.com, partners.example.com ]");
  CHECK(in({"client_certificates"}) ==
        "{ verify: optional, ca: /etc/oxbow/clients-ca.pem, crl: none, verify_depth: 4 }");
  CHECK(in({"session_ticket_keys"}) ==
        "[ /etc/oxbow/tickets-new.key, /etc/oxbow/tickets-old.key ]");
  CHECK(in({"hsts"}) == "{ max_age: 730d, include_subdomains: on, preload: on }");
  const auto redirect = [&](const char* listener) {
    return textOf(at(root, {"listeners", listener, "https_redirect"}));
  };
  CHECK(redirect("127.0.0.1:8081") == "8443");
  CHECK(redirect("0.0.0.0:8080") == "off");
}

TEST_CASE("a name that is the word none is not taken for nothing") {
  const Config config = loaded(
      "upstreams: { none: { servers: [ 127.0.0.1:1 ] } }\n"
      "listeners: [ { listen: 127.0.0.1:0, routes: [ { proxy_pass: none } ] } ]\n");
  const Value root = valuesOf(config);
  const Value& route = at(root, {"listeners", "127.0.0.1:0", "routes", "/"});
  CHECK(textOf(at(route, {"proxy_pass"})) == "\"none\"");
  CHECK(textOf(at(route, {"rewrite"})) == "none");
}

TEST_CASE("items have the places of their first line") {
  const Value root = allKeys();
  CHECK(at(root, {"upstreams", "api"}).place == Place{25, 3});
  CHECK(at(root, {"upstreams", "api", "servers", "api1.internal:8080"}).place == Place{27, 9});
  CHECK(at(root, {"upstreams", "api"}).what == Value::What::Upstream);
  CHECK(at(root, {"upstreams", "api", "keepalive"}).what == Value::What::Key);
}

}  // namespace oxbow::config
