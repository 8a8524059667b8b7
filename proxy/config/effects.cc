#include "proxy/config/effects.h"

#include <algorithm>

namespace oxbow::config {

namespace {

constexpr std::string_view kAtOnce = "at once";
constexpr std::string_view kNextRequest = "from the next request on";
constexpr std::string_view kNewConnections = "for new connections";
constexpr std::string_view kNewHandshakes = "for new handshakes; established connections stay";

void append(std::vector<Effect>& rows, std::vector<Effect> more) {
  for (Effect& row : more) rows.push_back(std::move(row));
}

std::vector<Effect> topEffects() {
  const schema::Block* top = &schema::top();
  return {
      {.block = top,
       .keys = {"workers"},
       .text = "needs a restart; not applied",
       .needsRestart = true},
      {.block = top,
       .keys = {"worker_connections", "shutdown_timeout", "drain_delay", "drain_spread",
                "memory_limit", "log_level", "watch", "proxy_buffers_total", "resolver"},
       .text = kAtOnce},
      {.block = top, .keys = {"admin"}, .when = When::Added, .text = "begins to accept"},
      {.block = top, .keys = {"admin"}, .when = When::Removed, .text = "accepts no more"},
      {.block = &schema::admin(), .keys = {"listen"}, .text = "the old address accepts no more"},
      {.block = &schema::admin(),
       .keys = {"allow_remote", "token_file", "allowed_hosts"},
       .text = "from the next request on"},
      {.block = &schema::resolver(),
       .keys = {"addresses", "timeout", "resolv_conf", "hosts"},
       .text = kAtOnce},
      {.block = top,
       .keys = {"upstreams"},
       .when = When::Added,
       .text = "connections open as requests come"},
      {.block = top,
       .keys = {"upstreams"},
       .when = When::Removed,
       .text = "idle connections close; requests in progress finish"},
      {.block = top, .keys = {"listeners"}, .when = When::Added, .text = "begins to accept"},
      {.block = top,
       .keys = {"listeners"},
       .when = When::Removed,
       .text = "accepts no more; its clients finish"},
  };
}

constexpr std::string_view kCapIsLower = "idle connections beyond it close; active ones finish";
constexpr std::string_view kCapIsHigher = "who waits may open connections at once";

std::vector<Effect> serverEffects() {
  const schema::Block* server = &schema::server();
  return {
      {.block = &schema::upstream(),
       .keys = {"servers"},
       .when = When::Added,
       .text = "new connections go there too"},
      {.block = &schema::upstream(),
       .keys = {"servers"},
       .when = When::Removed,
       .text = "no new requests; idle connections close, active ones finish"},
      {.block = server,
       .keys = {"server", "service"},
       .text = "is another server: one is removed, one added"},
      {.block = server, .keys = {"weight"}, .text = kNextRequest},
      {.block = server, .keys = {"max_fails", "fail_timeout", "backup"}, .text = kAtOnce},
      {.block = server,
       .keys = {"down"},
       .text = "off: new connections go there; on: idle connections close, active ones finish"},
      {.block = server, .keys = {"max_conns"}, .when = When::Lowered, .text = kCapIsLower},
      {.block = server, .keys = {"max_conns"}, .when = When::Raised, .text = kCapIsHigher},
      {.block = server,
       .keys = {"max_conns"},
       .when = When::Added,
       .text = "holds in place of the upstream's; idle connections beyond it close, active ones "
               "finish"},
      {.block = server,
       .keys = {"max_conns"},
       .when = When::Removed,
       .text = "the upstream's holds; idle connections beyond it close, active ones finish"},
  };
}

std::vector<Effect> upstreamEffects() {
  const schema::Block* upstream = &schema::upstream();
  return {
      {.block = upstream,
       .keys = {"protocol", "tls", "proxy_bind"},
       .text = "connections are replaced: idle ones close, active ones finish"},
      {.block = upstream,
       .keys = {"keepalive", "keepalive_requests", "keepalive_time", "keepalive_timeout",
                "max_total_conns"},
       .text = "at once; idle connections beyond a lower limit close"},
      {.block = upstream, .keys = {"max_conns"}, .when = When::Lowered, .text = kCapIsLower},
      {.block = upstream, .keys = {"max_conns"}, .when = When::Raised, .text = kCapIsHigher},
      {.block = upstream,
       .keys = {"keepalive_min", "max_connecting", "queue", "resolve"},
       .text = kAtOnce},
      {.block = &schema::resolve(),
       .keys = {"ttl_min", "ttl_max", "stale", "drain_after", "prefer", "deny_private_answers"},
       .text = kAtOnce},
      {.block = &schema::queue(), .keys = {"size", "timeout"}, .text = kAtOnce},
      {.block = upstream,
       .keys = {"balance", "scheduling", "connect_timeout", "read_timeout", "send_timeout",
                "proxy_buffers", "replay_buffer", "proxy_next_upstream_tries",
                "proxy_next_upstream_timeout"},
       .text = kNextRequest},
  };
}

std::vector<Effect> upstreamTlsEffects() {
  const schema::Block* tls = &schema::upstreamTls();
  return {
      {.block = tls,
       .keys = {"sni", "verify", "verify_name", "verify_depth", "ca", "crl", "certificate",
                "certificate_key", "password_file", "min_version", "max_version", "ciphers",
                "ciphersuites", "groups", "alpn"},
       .text =
           "connections are replaced: idle ones close, active ones finish; no session of before "
           "is resumed"},
      {.block = tls, .keys = {"session_reuse"}, .text = kNewHandshakes},
  };
}

std::vector<Effect> listenerEffects() {
  const schema::Block* listener = &schema::listener();
  return {
      {.block = listener,
       .keys = {"listen"},
       .text = "is another listener: one is removed, one added"},
      {.block = listener, .keys = {"protocol", "tls", "backlog"}, .text = kNewConnections},
      {.block = listener,
       .keys = {"https_redirect", "access_log", "client_header_timeout", "client_body_timeout",
                "client_body_deadline", "client_min_rate", "send_timeout", "keepalive_timeout",
                "keepalive_requests", "client_max_body_size", "client_body_buffer_size",
                "large_client_header_buffers", "max_headers", "underscores_in_headers", "via",
                "x_forwarded_for", "x_forwarded_proto", "x_forwarded_host", "trusted_hops"},
       .text = kNextRequest},
      {.block = listener, .keys = {"limit_conn", "allow", "deny"}, .text = kNewConnections},
      {.block = &schema::accessLog(),
       .keys = {"path", "format", "keys", "sample", "errors", "slow"},
       .text = kNextRequest},
      {.block = &schema::socket(),
       .keys = {"tcp_nodelay", "so_keepalive", "tcp_user_timeout", "rcvbuf", "sndbuf"},
       .text = kNewConnections},
      {.block = &schema::soKeepalive(),
       .keys = {"idle", "interval", "count"},
       .text = kNewConnections},
  };
}

std::vector<Effect> listenerTlsEffects() {
  const schema::Block* tls = &schema::listenerTls();
  return {
      {.block = tls,
       .keys = {"certificates", "unknown_sni", "client_certificates", "handshake_timeout",
                "min_version", "max_version", "ciphers", "ciphersuites", "groups", "alpn",
                "session_tickets", "session_ticket_rotation", "session_timeout"},
       .text = kNewHandshakes},
      {.block = tls,
       .keys = {"session_ticket_keys"},
       .text = "for new handshakes; tickets of a key that is gone are not resumed"},
      {.block = tls, .keys = {"hsts"}, .text = kNextRequest},
      {.block = &schema::certificate(),
       .keys = {"cert", "key", "names", "password_file", "ocsp", "client_certificates"},
       .text = kNewHandshakes},
      {.block = &schema::clientCertificates(),
       .keys = {"verify", "ca", "crl", "verify_depth"},
       .text = kNewHandshakes},
      {.block = &schema::hsts(),
       .keys = {"max_age", "include_subdomains", "preload"},
       .text = kNextRequest},
  };
}

std::vector<Effect> routeEffects() {
  return {
      {.block = &schema::listener(), .keys = {"routes"}, .when = When::Added, .text = kNextRequest},
      {.block = &schema::listener(),
       .keys = {"routes"},
       .when = When::Removed,
       .text = "from the next request on; requests in progress finish"},
      {.block = &schema::route(),
       .keys = {"server_name", "location"},
       .text = "is another route: one is removed, one added"},
      {.block = &schema::route(),
       .keys = {"proxy_pass", "rewrite", "return", "allow_dot_segments", "proxy_set_header",
                "proxy_hide_header", "add_header", "access_log"},
       .text = kNextRequest},
      {.block = &schema::fixedReturn(),
       .keys = {"status", "body", "content_type", "location"},
       .text = kNextRequest},
  };
}

std::vector<Effect> allEffects() {
  std::vector<Effect> rows = topEffects();
  append(rows, serverEffects());
  append(rows, upstreamEffects());
  append(rows, upstreamTlsEffects());
  append(rows, listenerEffects());
  append(rows, listenerTlsEffects());
  append(rows, routeEffects());
  return rows;
}

bool isAbout(const Effect& row, const schema::Block& block, std::string_view key) {
  return (row.block == &block || row.block == block.shared) &&
         std::find(row.keys.begin(), row.keys.end(), key) != row.keys.end();
}

}  // namespace

const std::vector<Effect>& effects() {
  static const std::vector<Effect> all = allEffects();
  return all;
}

const Effect* findEffect(const schema::Block& block, std::string_view key, When when) {
  const Effect* changed = nullptr;
  for (const Effect& row : effects()) {
    if (!isAbout(row, block, key)) continue;
    if (row.when == when) return &row;
    if (row.when == When::Changed) changed = &row;
  }
  return changed;
}

}  // namespace oxbow::config
