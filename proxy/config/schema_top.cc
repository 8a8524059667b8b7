#include "proxy/config/schema.h"

// The keys that stand at the top, and the blocks that serve both sides.

namespace oxbow::config::schema {

const Block& top() {
  static const Block block{
      .name = "the top level",
      .keys =
          {
              {.name = "workers",
               .typeName = "auto or 1 to 256",
               .defaultText = "auto",
               .meaning = "Threads that carry traffic. `auto`: as many as there are CPUs that "
                          "oxbow may use.",
               .example = "4",
               .nginx = "worker_processes"},
              {.name = "worker_connections",
               .typeName = "auto or 1 to 1000000",
               .defaultText = "auto",
               .meaning = "Client connections at once, over all listeners. `auto`: what the "
                          "limit of descriptors leaves beside 256 and the caps of the upstreams. "
                          "Never more than that.",
               .example = "20000",
               .nginx = "worker_connections"},
              {.name = "shutdown_timeout",
               .type = Type::Duration,
               .defaultText = "30s",
               .min = kMinDuration,
               .max = kMaxDuration,
               .meaning = "How long running requests may still take when oxbow stops.",
               .example = "10s",
               .nginx = "worker_shutdown_timeout"},
              {.name = "drain_delay",
               .type = Type::Duration,
               .defaultText = "0s",
               .max = kMaxDuration,
               .meaning = "How long oxbow, told to stop, still accepts clients while `/readyz` "
                          "says 503 already, so that nobody sends new ones.",
               .example = "5s",
               .nginx = "-"},
              {.name = "drain_spread",
               .type = Type::Duration,
               .defaultText = "5s",
               .max = kMaxDuration,
               .meaning = "Then idle clients are closed at moments spread evenly over this time, "
                          "nine tenths of `shutdown_timeout` at the most; who sends a request "
                          "before is answered, and told to go. `0s`: all at once.",
               .example = "0s",
               .nginx = "-"},
              {.name = "memory_limit",
               .type = Type::Size,
               .defaultText = "0",
               .max = 1024ULL << 30,
               .meaning = "Memory for clients, requests and buffers. From 80 % of it less is "
                          "read and idle clients are closed, at 100 % new requests get 503. `0`: "
                          "no limit; else at least 1m.",
               .example = "512m",
               .nginx = "-"},
              {.name = "log_level",
               .type = Type::Choice,
               .defaultText = "info",
               .choices = {"debug", "info", "warn", "error"},
               .meaning = "The least level that is written to the log.",
               .example = "debug",
               .nginx = "error_log"},
              {.name = "watch",
               .type = Type::Boolean,
               .defaultText = "off",
               .meaning = "Load the file anew when it changes.",
               .example = "on",
               .nginx = "-"},
              {.name = "proxy_buffers_total",
               .type = Type::Size,
               .defaultText = "256m",
               .min = 1 << 20,
               .max = 64ULL << 30,
               .meaning = "Memory for responses that are read ahead of slow clients, in all.",
               .example = "512m",
               .nginx = "-"},
              {.name = "admin",
               .typeName = "mapping",
               .defaultText = "none",
               .meaning = "The admin listener. Without it there is none.",
               .example = "{ listen: 127.0.0.1:9901 }",
               .nginx = "-"},
              {.name = "resolver",
               .typeName = "mapping",
               .defaultText = "none",
               .meaning = "How names of servers are looked up. Without it, as the system does.",
               .example = "{ addresses: [ 127.0.0.1:5353 ] }",
               .nginx = "resolver"},
              {.name = "upstreams",
               .typeName = "mapping of names to mappings",
               .defaultText = "none",
               .meaning = "The groups of servers. A name has up to 64 letters, digits, `_`, `.` "
                          "or `-`.",
               .example = "{ other: { servers: [ 127.0.0.1:9000 ] } }",
               .nginx = "upstream"},
              {.name = "listeners",
               .typeName = "list of mappings",
               .defaultText = "required",
               .meaning = "The addresses that clients connect to, at least one.",
               .example = "[ { listen: 127.0.0.1:9080, routes: [ { return: 404 } ] } ]",
               .nginx = "server"},
          },
      .later = {"user", "pid", "include", "stream", "cluster"}};
  return block;
}

const Block& admin() {
  static const Block block{
      .name = "admin",
      .keys = {{.name = "listen",
                .typeName = "address",
                .defaultText = "required",
                .meaning = "A loopback address or a Unix socket; others need `allow_remote`.",
                .example = "127.0.0.1:9902",
                .nginx = "-"},
               {.name = "allow_remote",
                .type = Type::Boolean,
                .defaultText = "off",
                .meaning = "Let `listen` be an address that other machines reach. Needs "
                           "`token_file`.",
                .example = "on",
                .nginx = "-"},
               {.name = "token_file",
                .typeName = "path",
                .defaultText = "none",
                .meaning = "The file with the token that changes need, and with `allow_remote` "
                           "everything but `/healthz` and `/readyz`.",
                .example = "/run/secrets/oxbow-token",
                .nginx = "-"},
               {.name = "allowed_hosts",
                .type = Type::StringList,
                .defaultText = "none",
                .meaning = "With `allow_remote`: what `Host` may name besides an IP address and "
                           "`localhost`.",
                .example = "[ oxbow.internal ]",
                .nginx = "-"}},
      .later = {"allow", "tls"}};
  return block;
}

const Block& resolver() {
  static const Block block{
      .name = "resolver",
      .keys =
          {
              {.name = "addresses",
               .type = Type::StringList,
               .defaultText = "none",
               .meaning = "DNS servers: IP addresses, with a port if it is not 53. Without them, "
                          "the system's.",
               .example = "[ 127.0.0.1:5353, \"[::1]:53\" ]",
               .nginx = "resolver"},
              {.name = "timeout",
               .type = Type::Duration,
               .defaultText = "2s",
               .min = kMinDuration,
               .max = kMaxDuration,
               .meaning = "How long one DNS server may take to answer.",
               .example = "1s",
               .nginx = "resolver_timeout"},
              {.name = "resolv_conf",
               .typeName = "path",
               .defaultText = "/etc/resolv.conf",
               .meaning = "The file with the system's DNS servers, search domains and `ndots`. Not "
                          "together with `addresses`.",
               .example = "/run/systemd/resolve/resolv.conf",
               .nginx = "-"},
              {.name = "hosts",
               .typeName = "path or off",
               .defaultText = "/etc/hosts",
               .meaning =
                   "The file of names that are known without DNS. `off`: DNS alone is asked.",
               .example = "off",
               .nginx = "-"},
          },
      .later = {"ipv6"}};
  return block;
}

const Block& socket() {
  static const Block block{
      .name = "socket options",
      .keys = {
          {.name = "tcp_nodelay",
           .type = Type::Boolean,
           .defaultText = "on",
           .meaning = "Send small packets at once (TCP_NODELAY).",
           .example = "off",
           .nginx = "tcp_nodelay"},
          {.name = "so_keepalive",
           .typeName = "boolean or mapping",
           .defaultText = "off",
           .meaning = "TCP keepalive probes. A mapping turns them on and sets their times.",
           .example = "on",
           .nginx = "so_keepalive, proxy_socket_keepalive"},
          {.name = "tcp_user_timeout",
           .type = Type::Duration,
           .defaultText = "0s",
           .max = 24ULL * 3600 * 1000,
           .meaning = "How long sent bytes may stay unacknowledged. `0s`: as the system has "
                      "it.",
           .example = "20s",
           .nginx = "-"},
          {.name = "rcvbuf",
           .type = Type::Size,
           .defaultText = "0",
           .max = 1 << 30,
           .meaning = "The socket's receive buffer. `0`: as the system has it.",
           .example = "128k",
           .nginx = "rcvbuf"},
          {.name = "sndbuf",
           .type = Type::Size,
           .defaultText = "0",
           .max = 1 << 30,
           .meaning = "The socket's send buffer. `0`: as the system has it.",
           .example = "256k",
           .nginx = "sndbuf"},
      }};
  return block;
}

// The upper limits are those of Linux: MAX_TCP_KEEPIDLE, MAX_TCP_KEEPINTVL and MAX_TCP_KEEPCNT.
const Block& soKeepalive() {
  static const Block block{
      .name = "so_keepalive",
      .keys = {
          {.name = "idle",
           .type = Type::Duration,
           .defaultText = "0s",
           .max = 32767 * 1000,
           .meaning = "Silence before the first probe, in whole seconds. `0s`: as the system "
                      "has it.",
           .example = "60s",
           .nginx = "so_keepalive"},
          {.name = "interval",
           .type = Type::Duration,
           .defaultText = "0s",
           .max = 32767 * 1000,
           .meaning = "Time between probes, in whole seconds. `0s`: as the system has it.",
           .example = "10s",
           .nginx = "so_keepalive"},
          {.name = "count",
           .type = Type::Count,
           .defaultText = "0",
           .unit = "probes",
           .max = 127,
           .meaning = "Probes without an answer before the connection is given up. `0`: as "
                      "the system has it.",
           .example = "5",
           .nginx = "so_keepalive"},
      }};
  return block;
}

}  // namespace oxbow::config::schema
