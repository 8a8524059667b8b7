#include "proxy/config/schema.h"

namespace oxbow::config::schema {

namespace {

std::vector<Key> addressAndTimes() {
  return {
      {.name = "listen",
       .typeName = "address",
       .defaultText = "required",
       .meaning = "`ip:port`, `\"[v6]:port\"`, `\"*:port\"` for any IPv4 address, or "
                  "`unix:/path`.",
       .example = "127.0.0.1:9443",
       .nginx = "listen"},
      {.name = "protocol",
       .type = Type::Choice,
       .defaultText = "http",
       .choices = {"http"},
       .later = {"tcp"},
       .meaning = "What clients speak: HTTP/1.",
       .example = "http",
       .nginx = "-"},
      {.name = "tls",
       .typeName = "off or mapping",
       .defaultText = "off",
       .meaning = "Speak TLS with clients: https.",
       .example = "{ certificates: [ { cert: site.pem, key: site.key } ] }",
       .nginx = "ssl"},
      {.name = "https_redirect",
       .typeName = "boolean or port",
       .defaultText = "off",
       .meaning = "Answer every request with a redirect to https: on port 443, or on the one "
                  "given. Takes the place of `routes`, and goes without `tls`.",
       .example = "8443",
       .nginx = "-"},
      {.name = "access_log",
       .typeName = "off or mapping",
       .defaultText = "off",
       .meaning = "One line for each request.",
       .example = "{ path: stdout, format: json }",
       .nginx = "access_log"},
      {.name = "client_header_timeout",
       .type = Type::Duration,
       .defaultText = "15s",
       .min = kMinDuration,
       .max = kMaxDuration,
       .meaning = "How long the head of a request may take in all. Then 408.",
       .example = "5s",
       .nginx = "client_header_timeout"},
      {.name = "client_body_timeout",
       .type = Type::Duration,
       .defaultText = "60s",
       .min = kMinDuration,
       .max = kMaxDuration,
       .meaning = "How long the client may be silent while it sends a body. Then 408.",
       .example = "30s",
       .nginx = "client_body_timeout"},
      {.name = "client_body_deadline",
       .type = Type::Duration,
       .defaultText = "1h",
       .min = kMinDuration,
       .max = kMaxDuration,
       .meaning = "How long a body may take in all. Then 408.",
       .example = "10m",
       .nginx = "-"},
      {.name = "client_min_rate",
       .type = Type::Size,
       .defaultText = "500",
       .max = 1 << 30,
       .meaning = "Bytes a second that a client must send of a body, or take of a response. Who "
                  "falls behind by the whole of `client_body_timeout` or `send_timeout` gets 408, "
                  "or is closed. `0`: any rate will do.",
       .example = "2k",
       .nginx = "-"},
      {.name = "send_timeout",
       .type = Type::Duration,
       .defaultText = "60s",
       .min = kMinDuration,
       .max = kMaxDuration,
       .meaning = "How long the client may take no bytes of a response.",
       .example = "30s",
       .nginx = "send_timeout"},
      {.name = "keepalive_timeout",
       .type = Type::Duration,
       .defaultText = "75s",
       .min = kMinDuration,
       .max = kMaxDuration,
       .meaning = "An idle client connection closes after this time.",
       .example = "20s",
       .nginx = "keepalive_timeout"},
      {.name = "keepalive_requests",
       .type = Type::Count,
       .defaultText = "0",
       .unit = "requests",
       .max = 1'000'000'000,
       .meaning = "A client connection closes after so many requests. `0`: no limit.",
       .example = "1000",
       .nginx = "keepalive_requests"},
  };
}

std::vector<Key> limits() {
  return {
      {.name = "client_max_body_size",
       .type = Type::Size,
       .defaultText = "0",
       .max = 1024ULL << 30,
       .meaning = "The largest request body. Over it 413. `0`: no limit.",
       .example = "10m",
       .nginx = "client_max_body_size"},
      {.name = "client_body_buffer_size",
       .type = Type::Size,
       .defaultText = "16k",
       .max = 64 << 20,
       .meaning = "A body of known length up to this is read before a connection is taken.",
       .example = "32k",
       .nginx = "client_body_buffer_size"},
      {.name = "large_client_header_buffers",
       .type = Type::Size,
       .defaultText = "32k",
       .min = 1 << 10,
       .max = 60 << 10,
       .meaning = "All fields of a request together. Over it 431.",
       .example = "16k",
       .nginx = "large_client_header_buffers"},
      {.name = "max_headers",
       .type = Type::Count,
       .defaultText = "100",
       .unit = "fields",
       .min = 1,
       .max = 256,
       .meaning = "The most fields of a request. Over it 431.",
       .example = "50",
       .nginx = "max_headers"},
      {.name = "underscores_in_headers",
       .type = Type::Boolean,
       .defaultText = "off",
       .meaning = "Keep fields with `_` in their name. Off: they are dropped.",
       .example = "on",
       .nginx = "underscores_in_headers"},
      {.name = "limit_conn",
       .type = Type::Count,
       .defaultText = "0",
       .unit = "connections per address",
       .max = 1'000'000,
       .meaning = "Connections of one IPv4 address, or of one IPv6 network of 64 bits. Over it "
                  "429. `0`: no limit.",
       .example = "100",
       .nginx = "limit_conn"},
      {.name = "allow",
       .type = Type::StringList,
       .defaultText = "none",
       .meaning = "Networks, addresses, or `all`, whose clients may send requests. The longest "
                  "prefix in `allow` and `deny` decides, of two alike `deny`. With `allow`, "
                  "nobody else may. Else 403.",
       .example = "[ 10.0.0.0/8, \"fd00::/8\" ]",
       .nginx = "allow"},
      {.name = "deny",
       .type = Type::StringList,
       .defaultText = "none",
       .meaning = "Networks, addresses, or `all`, whose clients may not.",
       .example = "10.1.2.3",
       .nginx = "deny"},
  };
}

std::vector<Key> forwarding() {
  return {
      {.name = "via",
       .typeName = "string or off",
       .defaultText = "oxbow",
       .meaning = "The name under which oxbow adds itself to `Via`.",
       .example = "edge-1",
       .nginx = "-"},
      {.name = "x_forwarded_for",
       .type = Type::Boolean,
       .defaultText = "on",
       .meaning = "Send `X-Forwarded-For`.",
       .example = "off",
       .nginx = "-"},
      {.name = "x_forwarded_proto",
       .type = Type::Boolean,
       .defaultText = "on",
       .meaning = "Send `X-Forwarded-Proto`.",
       .example = "off",
       .nginx = "-"},
      {.name = "x_forwarded_host",
       .type = Type::Boolean,
       .defaultText = "on",
       .meaning = "Send `X-Forwarded-Host`.",
       .example = "off",
       .nginx = "-"},
      {.name = "trusted_hops",
       .type = Type::Count,
       .defaultText = "0",
       .unit = "proxies",
       .max = 64,
       .meaning = "Proxies in front of oxbow whose `X-Forwarded-*` are believed. `0`: those of "
                  "clients are replaced.",
       .example = "1",
       .nginx = "-"},
      {.name = "backlog",
       .type = Type::Count,
       .defaultText = "1024",
       .unit = "connections",
       .min = 1,
       .max = 65535,
       .meaning = "Connections that wait in the kernel to be accepted.",
       .example = "4096",
       .nginx = "backlog"},
      {.name = "routes",
       .typeName = "list of mappings",
       .defaultText = "required",
       .meaning = "What happens to a request; not with `https_redirect`. An exact host goes before "
                  "a wildcard, that before "
                  "any; then the longest location wins.",
       .example = "[ { proxy_pass: api } ]",
       .nginx = "location"},
  };
}

void append(std::vector<Key>& keys, std::vector<Key> more) {
  for (Key& key : more) keys.push_back(std::move(key));
}

std::vector<Key> listenerKeys() {
  std::vector<Key> keys = addressAndTimes();
  append(keys, limits());
  append(keys, forwarding());
  return keys;
}

std::vector<Key> targetKeys() {
  return {
      {.name = "server_name",
       .type = Type::StringList,
       .defaultText = "none",
       .meaning = "Hosts: exact, or `\"*.example.com\"`. Upper and lower case are the same. "
                  "Without it, any host.",
       .example = "[ example.com, \"*.example.com\" ]",
       .nginx = "server_name"},
      {.name = "location",
       .type = Type::String,
       .defaultText = "/",
       .meaning = "What the path begins with.",
       .example = "/api/",
       .nginx = "location"},
      {.name = "proxy_pass",
       .type = Type::String,
       .defaultText = "none",
       .meaning = "The name of the upstream that answers. A route has this or `return`.",
       .example = "api",
       .nginx = "proxy_pass"},
      {.name = "rewrite",
       .type = Type::String,
       .defaultText = "none",
       .meaning = "Takes the place of the part of the path that `location` matched.",
       .example = "/v1/",
       .nginx = "rewrite"},
      {.name = "return",
       .typeName = "status or mapping",
       .defaultText = "none",
       .meaning = "A fixed answer: a status, or a mapping with more.",
       .example = "404",
       .nginx = "return"},
      {.name = "allow_dot_segments",
       .type = Type::Boolean,
       .defaultText = "off",
       .meaning = "Let paths with `/../` or `/./` through, untouched. Off: 400.",
       .example = "on",
       .nginx = "-"},
  };
}

std::vector<Key> fieldKeys() {
  return {
      {.name = "proxy_set_header",
       .type = Type::Fields,
       .defaultText = "none",
       .meaning = "Fields of the request to set; an empty value removes the field. Values may "
                  "hold variables.",
       .example = "{ X-Request-Id: $request_id, Cookie: \"\" }",
       .nginx = "proxy_set_header"},
      {.name = "proxy_hide_header",
       .type = Type::StringList,
       .defaultText = "none",
       .meaning = "Fields of the response that the client does not get.",
       .example = "[ Server, X-Powered-By ]",
       .nginx = "proxy_hide_header"},
      {.name = "add_header",
       .type = Type::Fields,
       .defaultText = "none",
       .meaning = "Fields to add to the response, with the same variables.",
       .example = "{ X-Frame-Options: DENY }",
       .nginx = "add_header"},
      {.name = "access_log",
       .typeName = "off or mapping",
       .defaultText = "none",
       .meaning = "Takes the place of the listener's `access_log` for requests of this route.",
       .example = "off",
       .nginx = "access_log"},
  };
}

std::vector<Key> routeKeys() {
  std::vector<Key> keys = targetKeys();
  append(keys, fieldKeys());
  return keys;
}

}  // namespace

const Block& listener() {
  static const Block block{.name = "listeners[]",
                           .keys = listenerKeys(),
                           .shared = &socket(),
                           .later = {"proxy_pass", "proxy_protocol", "limit_req",
                                     "set_real_ip_from", "real_ip_header", "reuseport"}};
  return block;
}

const Block& route() {
  static const Block block{
      .name = "listeners[].routes[]",
      .keys = routeKeys(),
      .later = {"limit_conn", "limit_req", "sticky", "methods", "mirror", "cors", "auth_request"}};
  return block;
}

const Block& fixedReturn() {
  static const Block block{.name = "listeners[].routes[].return",
                           .keys = {
                               {.name = "status",
                                .type = Type::Count,
                                .defaultText = "required",
                                .unit = "status",
                                .min = 200,
                                .max = 599,
                                .meaning = "The status of the answer.",
                                .example = "301",
                                .nginx = "return"},
                               {.name = "body",
                                .type = Type::String,
                                .defaultText = "none",
                                .meaning = "The text of the answer, at most 64 KiB.",
                                .example = "\"gone fishing\"",
                                .nginx = "return"},
                               {.name = "content_type",
                                .type = Type::String,
                                .defaultText = "text/plain",
                                .meaning = "The `Content-Type` of the body.",
                                .example = "text/html",
                                .nginx = "default_type"},
                               {.name = "location",
                                .type = Type::String,
                                .defaultText = "none",
                                .meaning = "The `Location` of 201 and of a redirect.",
                                .example = "https://example.com/",
                                .nginx = "return"},
                           }};
  return block;
}

}  // namespace oxbow::config::schema
