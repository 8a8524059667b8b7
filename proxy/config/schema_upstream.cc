#include "proxy/config/schema.h"

namespace oxbow::config::schema {

namespace {

constexpr uint64_t kMaxConns = 1'000'000;

std::vector<Key> servers() {
  return {
      {.name = "servers",
       .typeName = "list",
       .defaultText = "required",
       .meaning = "The servers: `host:port`, `ip:port`, `\"[v6]:port\"`, `unix:/path`, or a name "
                  "of SRV records such as `_http._tcp.host`; or a mapping with more about one.",
       .example = "[ 127.0.0.1:9000, { server: 127.0.0.1:9001, weight: 2 } ]",
       .nginx = "server"},
      {.name = "resolve",
       .typeName = "mapping",
       .defaultText = "none",
       .meaning = "How the names of servers are followed. Without it, its defaults.",
       .example = "{ ttl_max: 1m, stale: 6h }",
       .nginx = "resolve"},
      {.name = "protocol",
       .type = Type::Choice,
       .defaultText = "http1",
       .choices = {"http1"},
       .later = {"http2", "auto", "tcp"},
       .meaning = "What is spoken to the servers: HTTP/1.1.",
       .example = "http1",
       .nginx = "proxy_http_version"},
      {.name = "tls",
       .typeName = "boolean or mapping",
       .defaultText = "off",
       .meaning = "Speak TLS with the servers. `on` is a mapping that sets nothing.",
       .example = "{ sni: api.internal }",
       .nginx = "proxy_ssl"},
      {.name = "balance",
       .type = Type::Choice,
       .defaultText = "round_robin",
       .choices = {"round_robin", "least_conn"},
       .later = {"random_two", "random", "hash", "ip_hash", "least_time"},
       .meaning = "Which server gets the next new connection: each in turn by weight, or the one "
                  "with the fewest requests.",
       .example = "least_conn",
       .nginx = "least_conn"},
  };
}

std::vector<Key> pool() {
  return {
      {.name = "keepalive",
       .type = Type::Count,
       .defaultText = "32",
       .unit = "connections per endpoint",
       .max = 100'000,
       .meaning = "Idle connections that are kept for reuse. `0`: close after each request.",
       .example = "64",
       .nginx = "keepalive"},
      {.name = "keepalive_min",
       .type = Type::Count,
       .defaultText = "0",
       .unit = "connections per endpoint",
       .max = 100'000,
       .meaning = "Connections that are kept warm while there is traffic. At most `keepalive`.",
       .example = "2",
       .nginx = "-"},
      {.name = "keepalive_requests",
       .type = Type::Count,
       .defaultText = "1000",
       .unit = "requests",
       .min = 1,
       .max = 1'000'000'000,
       .meaning = "A connection retires after so many requests.",
       .example = "5000",
       .nginx = "keepalive_requests"},
      {.name = "keepalive_time",
       .type = Type::Duration,
       .defaultText = "1h",
       .min = kMinDuration,
       .max = kMaxDuration,
       .meaning = "A connection retires at this age.",
       .example = "1h30m",
       .nginx = "keepalive_time"},
      {.name = "keepalive_timeout",
       .type = Type::Duration,
       .defaultText = "60s",
       .min = kMinDuration,
       .max = kMaxDuration,
       .meaning = "An idle connection closes after this time. Keep it under the servers' own.",
       .example = "4s",
       .nginx = "keepalive_timeout"},
      {.name = "scheduling",
       .type = Type::Choice,
       .defaultText = "lifo",
       .choices = {"lifo", "fifo"},
       .meaning = "Which idle connection is reused: the one used last, or the one idle longest.",
       .example = "fifo",
       .nginx = "-"},
      {.name = "max_conns",
       .type = Type::Count,
       .defaultText = "0",
       .unit = "connections per endpoint",
       .max = kMaxConns,
       .meaning = "The most connections to one endpoint, exactly. `0`: no cap.",
       .example = "50",
       .nginx = "max_conns"},
      {.name = "max_total_conns",
       .type = Type::Count,
       .defaultText = "0",
       .unit = "connections",
       .max = kMaxConns,
       .meaning = "The most connections to all endpoints together, exactly. `0`: no cap.",
       .example = "200",
       .nginx = "-"},
      {.name = "max_connecting",
       .type = Type::Count,
       .defaultText = "8",
       .unit = "connections per endpoint",
       .min = 1,
       .max = 10'000,
       .meaning = "Connections that may be opening at once.",
       .example = "16",
       .nginx = "-"},
      {.name = "queue",
       .typeName = "mapping",
       .defaultText = "none",
       .meaning = "The line of requests that wait for a connection. Without it, its defaults.",
       .example = "{ size: 100, timeout: 1s }",
       .nginx = "queue"},
  };
}

std::vector<Key> exchange() {
  return {
      {.name = "connect_timeout",
       .type = Type::Duration,
       .defaultText = "5s",
       .min = kMinDuration,
       .max = kMaxDuration,
       .meaning = "How long opening a connection may take.",
       .example = "1s",
       .nginx = "proxy_connect_timeout"},
      {.name = "read_timeout",
       .type = Type::Duration,
       .defaultText = "60s",
       .min = kMinDuration,
       .max = kMaxDuration,
       .meaning = "How long the server may be silent, also before its first byte. Then 504.",
       .example = "30s",
       .nginx = "proxy_read_timeout"},
      {.name = "send_timeout",
       .type = Type::Duration,
       .defaultText = "60s",
       .min = kMinDuration,
       .max = kMaxDuration,
       .meaning = "How long the server may take no bytes of a request.",
       .example = "30s",
       .nginx = "proxy_send_timeout"},
      {.name = "proxy_buffers",
       .type = Type::Size,
       .defaultText = "64k",
       .min = 4 << 10,
       .max = 64 << 20,
       .meaning = "How much of a response is read ahead of a slow client.",
       .example = "128k",
       .nginx = "proxy_buffers"},
      {.name = "replay_buffer",
       .type = Type::Size,
       .defaultText = "64k",
       .max = 64 << 20,
       .meaning = "The largest request body that is kept, so that the request can be sent again.",
       .example = "16k",
       .nginx = "-"},
      {.name = "proxy_next_upstream_tries",
       .type = Type::Count,
       .defaultText = "3",
       .unit = "tries",
       .min = 1,
       .max = 100,
       .meaning = "How often one request may be tried, the first try included.",
       .example = "2",
       .nginx = "proxy_next_upstream_tries"},
      {.name = "proxy_next_upstream_timeout",
       .type = Type::Duration,
       .defaultText = "10s",
       .min = kMinDuration,
       .max = kMaxDuration,
       .meaning = "After this time a request is not tried again.",
       .example = "15s",
       .nginx = "proxy_next_upstream_timeout"},
      {.name = "proxy_bind",
       .type = Type::String,
       .defaultText = "none",
       .meaning = "The local IP address to connect from.",
       .example = "127.0.0.2",
       .nginx = "proxy_bind"},
  };
}

void append(std::vector<Key>& keys, std::vector<Key> more) {
  for (Key& key : more) keys.push_back(std::move(key));
}

std::vector<Key> upstreamKeys() {
  std::vector<Key> keys = servers();
  append(keys, pool());
  append(keys, exchange());
  return keys;
}

}  // namespace

const Block& upstream() {
  static const Block block{.name = "upstreams.<name>",
                           .keys = upstreamKeys(),
                           .shared = &socket(),
                           .later = {"sticky", "health_check", "slow_start", "proxy_protocol",
                                     "max_fails", "fail_timeout", "hash", "proxy_next_upstream"}};
  return block;
}

const Block& server() {
  static const Block block{
      .name = "upstreams.<name>.servers[]",
      .keys =
          {
              {.name = "server",
               .typeName = "address",
               .defaultText = "required",
               .meaning = "The server, as in the short form; with `service` the host alone.",
               .example = "127.0.0.1:9001",
               .nginx = "server"},
              {.name = "service",
               .type = Type::String,
               .defaultText = "none",
               .meaning = "Take hosts and ports from SRV records: `http` from those of "
                          "`_http._tcp.` and the server. With a dot, or `_` in front, it is put in "
                          "front of the server as it is.",
               .example = "http",
               .nginx = "service"},
              {.name = "weight",
               .type = Type::Count,
               .defaultText = "1",
               .unit = "shares",
               .min = 1,
               .max = 1000,
               .meaning = "Its share of the traffic, compared with the others'.",
               .example = "3",
               .nginx = "weight"},
              {.name = "max_conns",
               .type = Type::Count,
               .defaultText = "none",
               .unit = "connections per endpoint",
               .max = kMaxConns,
               .meaning = "In place of the upstream's `max_conns`.",
               .example = "10",
               .nginx = "max_conns"},
          },
      .later = {"max_fails", "fail_timeout", "backup", "down", "slow_start"}};
  return block;
}

const Block& resolve() {
  constexpr uint64_t kSecond = 1000;
  constexpr uint64_t kDay = 24 * 3600 * kSecond;
  static const Block block{
      .name = "upstreams.<name>.resolve",
      .keys = {
          {.name = "ttl_min",
           .type = Type::Duration,
           .defaultText = "1s",
           .min = kSecond,
           .max = kDay,
           .meaning = "No name is looked up again sooner, however short its TTL is. At most "
                      "`ttl_max`.",
           .example = "5s",
           .nginx = "-"},
          {.name = "ttl_max",
           .type = Type::Duration,
           .defaultText = "5m",
           .min = kSecond,
           .max = kDay,
           .meaning = "A name is looked up again after this time, however long its TTL is.",
           .example = "1m",
           .nginx = "-"},
          {.name = "stale",
           .type = Type::Duration,
           .defaultText = "1h",
           .max = kMaxDuration,
           .meaning = "How long the last good answer holds when lookups fail, after its time. "
                      "`0s`: no longer.",
           .example = "6h",
           .nginx = "-"},
          {.name = "drain_after",
           .type = Type::Count,
           .defaultText = "2",
           .unit = "answers",
           .min = 1,
           .max = 100,
           .meaning = "An address is given up when it is missing from so many answers in a row.",
           .example = "1",
           .nginx = "-"},
          {.name = "prefer",
           .type = Type::Choice,
           .defaultText = "ipv4",
           .choices = {"ipv4", "ipv6"},
           .meaning = "The family to begin with where a name has addresses of both.",
           .example = "ipv6",
           .nginx = "-"},
          {.name = "deny_private_answers",
           .type = Type::Boolean,
           .defaultText = "off",
           .meaning = "Do not use addresses of private networks that names resolve to.",
           .example = "on",
           .nginx = "-"},
      }};
  return block;
}

const Block& queue() {
  static const Block block{
      .name = "upstreams.<name>.queue",
      .keys = {
          {.name = "size",
           .type = Type::Count,
           .defaultText = "1024",
           .unit = "requests",
           .max = 1'000'000,
           .meaning = "The most requests that wait; one more gets 503. `0`: nobody waits.",
           .example = "100",
           .nginx = "queue"},
          {.name = "timeout",
           .type = Type::Duration,
           .defaultText = "5s",
           .min = kMinDuration,
           .max = kMaxDuration,
           .meaning = "The longest wait. Then 503.",
           .example = "1s",
           .nginx = "queue"},
      }};
  return block;
}

}  // namespace oxbow::config::schema
