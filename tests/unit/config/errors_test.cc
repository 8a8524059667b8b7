#include "tests/unit/config/support.h"

// Whatever is wrong is named with line, column and path. Lines and columns count from 1; the
// fixtures say in which line their text begins.

namespace oxbow::config {

TEST_CASE("an unknown key names the nearest one") {
  CHECK(errorsOf(withUpstream("    keepalve: 5")) ==
        "4:5: upstreams.api.keepalve: unknown key; did you mean \"keepalive\"?\n");
  CHECK(errorsOf(withTop("worker: 1")) == "1:1: worker: unknown key; did you mean \"workers\"?\n");
  CHECK(errorsOf(withUpstream("    queue: { sise: 5 }")) ==
        "4:14: upstreams.api.queue.sise: unknown key; did you mean \"size\"?\n");
  CHECK(errorsOf(withUpstream("    so_keepalive: { idel: 5s }")) ==
        "4:21: upstreams.api.so_keepalive.idel: unknown key; did you mean \"idle\"?\n");
  CHECK(errorsOf(withListener("    client_max_body: 1m")) ==
        "4:5: listeners[0].client_max_body: unknown key; did you mean \"client_max_body_size\"?\n");
  CHECK(errorsOf(withRoutes("      - { proxy_pas: api, proxy_pass: api }")) ==
        "5:11: listeners[0].routes[0].proxy_pas: unknown key; did you mean \"proxy_pass\"?\n");
  CHECK(errorsOf(withTop("frobnicate: 1")) == "1:1: frobnicate: unknown key\n");
}

TEST_CASE("at the top, too, what is not there yet is told from what is unknown") {
  CHECK(errorsOf(withTop("sticky: { }")) == "1:1: sticky: is not supported in this version\n");
  CHECK(errorsOf(withTop("listen: 127.0.0.1:0")) ==
        "1:1: listen: unknown key here; it belongs to admin, listeners[]\n");
}

TEST_CASE("a key in the wrong block is sent home") {
  CHECK(errorsOf(withTop("keepalive_min: 3")) ==
        "1:1: keepalive_min: unknown key here; it belongs to upstreams.<name>\n");
  CHECK(errorsOf(withUpstream("    proxy_pass: api")) ==
        "4:5: upstreams.api.proxy_pass: unknown key here; it belongs to listeners[].routes[]\n");
}

TEST_CASE("nginx's name of a key is understood") {
  CHECK(errorsOf(withUpstream("    proxy_read_timeout: 5s")) ==
        "4:5: upstreams.api.proxy_read_timeout: unknown key; did you mean \"read_timeout\"?\n");
  CHECK(errorsOf(withUpstream("    proxy_socket_keepalive: on")) ==
        "4:5: upstreams.api.proxy_socket_keepalive: unknown key; did you mean \"so_keepalive\"?\n");
}

TEST_CASE("what is not there yet is told from what is unknown") {
  CHECK(errorsOf(withUpstream("    sticky: { cookie: x }")) ==
        "4:5: upstreams.api.sticky: is not supported in this version\n");
  CHECK(errorsOf(withUpstream("    protocol: http2")) ==
        "4:15: upstreams.api.protocol: \"http2\" is not supported in this version\n");
  CHECK(errorsOf(withUpstream("    protocol: htpt1")) ==
        "4:15: upstreams.api.protocol: \"htpt1\" is not only http1; did you mean \"http1\"?\n");
  CHECK(errorsOf(withListener("    protocol: tcp")) ==
        "4:15: listeners[0].protocol: \"tcp\" is not supported in this version\n");
  CHECK(errorsOf(withUpstream("    balance: roundrobin")) ==
        "4:14: upstreams.api.balance: \"roundrobin\" is not one of round_robin, least_conn; did "
        "you mean \"round_robin\"?\n");
}

TEST_CASE("H.1: wrong types") {
  CHECK(errorsOf(withUpstream("    keepalive: [ 5 ]")) ==
        "4:16: upstreams.api.keepalive: expected a whole number, got a list\n");
  CHECK(errorsOf(withUpstream("    keepalive: lots")) ==
        "4:16: upstreams.api.keepalive: \"lots\" is no whole number\n");
  CHECK(errorsOf(withUpstream("    queue: 5")) ==
        "4:12: upstreams.api.queue: expected a mapping, got \"5\"\n");
  CHECK(errorsOf(withUpstream("    read_timeout: { a: b }")) ==
        "4:19: upstreams.api.read_timeout: expected a duration such as 60s, got a mapping\n");
  CHECK(errorsOf(withListener("    via: [ a ]")) ==
        "4:10: listeners[0].via: expected a string or off, got a list\n");
  CHECK(errorsOf(withTop("upstreams: [ a ]")) ==
        "1:12: upstreams: expected a mapping, got a list\n");
  CHECK(errorsOf(withTop("upstreams: { a: 5 }")) ==
        "1:17: upstreams.a: expected a mapping with servers, got text\n");
  CHECK(errorsOf("listeners: 5\n") == "1:12: listeners: expected a list, got \"5\"\n");
  CHECK(errorsOf("listeners: [ 5 ]\n") == "1:14: listeners[0]: expected a mapping, got text\n");
  CHECK(errorsOf(withRoutes("      - 5")) ==
        "5:9: listeners[0].routes[0]: expected a mapping, got text\n");
  CHECK(errorsOf("- a\n- b\n") == "1:1: expected a mapping of keys to values, got a list\n");
  CHECK(errorsOf("just words\n") == "1:1: expected a mapping of keys to values, got text\n");
}

TEST_CASE("values out of range") {
  CHECK(errorsOf(withUpstream("    keepalive: 100001")) ==
        "4:16: upstreams.api.keepalive: must be between 0 and 100000\n");
  CHECK(errorsOf(withUpstream("    keepalive: -1")) ==
        "4:16: upstreams.api.keepalive: \"-1\" is negative\n");
  CHECK(errorsOf(withUpstream("    keepalive: 18446744073709551616")) ==
        "4:16: upstreams.api.keepalive: \"18446744073709551616\" is too large\n");
  CHECK(errorsOf(withUpstream("    keepalive: 4294967297")) ==  // 2^32 + 1
        "4:16: upstreams.api.keepalive: must be between 0 and 100000\n");
  CHECK(errorsOf(withUpstream("    connect_timeout: 0s")) ==
        "4:22: upstreams.api.connect_timeout: must be between 1ms and 30d\n");
  CHECK(errorsOf(withUpstream("    connect_timeout: 31d")) ==
        "4:22: upstreams.api.connect_timeout: must be between 1ms and 30d\n");
  CHECK(errorsOf(withUpstream("    connect_timeout: 60")) ==
        "4:22: upstreams.api.connect_timeout: \"60\" has no unit; did you mean \"60s\"?\n");
  CHECK(errorsOf(withListener("    large_client_header_buffers: 61k")) ==
        "4:34: listeners[0].large_client_header_buffers: must be between 1k and 60k\n");
  CHECK(errorsOf(withUpstream("    so_keepalive: { idle: 500ms, interval: 1500ms }")) ==
        "4:27: upstreams.api.so_keepalive.idle: must be whole seconds\n"
        "4:44: upstreams.api.so_keepalive.interval: must be whole seconds\n");
}

TEST_CASE("workers is auto or a number from 1 to 256") {
  const auto workersOf = [](const std::string& value) {
    return *loaded(withTop("workers: " + value)).workers;
  };
  CHECK(*loaded(withTop("")).workers == 0);
  CHECK(workersOf("auto") == 0);
  CHECK(workersOf("1") == 1);
  CHECK(workersOf("256") == kMaxWorkers);
  CHECK(errorsOf(withTop("workers: 0")) ==
        "1:10: workers: must be between 1 and 256; did you mean \"auto\"?\n");
  CHECK(errorsOf(withTop("workers: 257")) == "1:10: workers: must be between 1 and 256\n");
  // It would be 1 in 32 bits.
  CHECK(errorsOf(withTop("workers: 4294967297")) == "1:10: workers: must be between 1 and 256\n");
  CHECK(errorsOf(withTop("workers: -1")) ==
        "1:10: workers: \"-1\" is neither auto nor a number from 1 to 256\n");
  CHECK(errorsOf(withTop("workers: two")) ==
        "1:10: workers: \"two\" is neither auto nor a number from 1 to 256\n");
  CHECK(errorsOf(withTop("workers: atuo")) ==
        "1:10: workers: \"atuo\" is neither auto nor a number from 1 to 256; did you mean "
        "\"auto\"?\n");
  CHECK(errorsOf(withTop("workers: [ 1 ]")) ==
        "1:10: workers: expected auto or a number, got a list\n");
}

TEST_CASE("admin listens elsewhere with leave and a token") {
  const auto admin = [](const std::string& keys) {
    return errorsOf(withTop("admin: { listen: 0.0.0.0:9901, " + keys + " }"));
  };
  CHECK(admin("allow_remote: on, token_file: t").empty());
  CHECK(admin("allow_remote: on, token_file: t, allowed_hosts: [ a.example, b ]").empty());
  CHECK(admin("allow_remote: on") ==
        "1:46: admin.allow_remote: needs token_file: the token that whoever asks has to send\n");
  CHECK(admin("allow_remote: on, token_file: t, allowed_hosts: \"*.example\"") ==
        "1:80: admin.allowed_hosts: is no host; write each one in full\n");
  CHECK(admin("allow_remote: on, token_file: t, allowed_hosts: [ a, \"b:80\" ]") ==
        "1:85: admin.allowed_hosts[1]: \"b:80\" has a port; write the host alone; did you mean "
        "\"b\"?\n");
  CHECK(errorsOf(withTop("admin: { listen: 127.0.0.1:1, allowed_hosts: a }")) ==
        "1:46: admin.allowed_hosts: needs allow_remote: on; localhost is allowed always\n");
}

TEST_CASE("admin listens on loopback or a Unix socket") {
  CHECK(errorsOf(withTop("admin: { listen: 127.0.0.5:9901 }")).empty());
  CHECK(errorsOf(withTop("admin: { listen: \"[::1]:9901\" }")).empty());
  CHECK(errorsOf(withTop("admin: { listen: unix:/run/admin.sock }")).empty());
  const std::string refused =
      "1:18: admin.listen: admin listens on a loopback address or a Unix socket only; did you "
      "mean \"127.0.0.1:9901\"?\n";
  CHECK(errorsOf(withTop("admin: { listen: 0.0.0.0:9901 }")) == refused);
  CHECK(errorsOf(withTop("admin: { listen: 10.0.0.1:9901 }")) == refused);
  CHECK(errorsOf(withTop("admin: { listen: \"[::]:9901\" }")) == refused);
  CHECK(errorsOf(withTop("admin: { listen: 0.0.0.0:9901, token_file: t }")) == refused);
  CHECK(errorsOf(withTop("admin: { }")) == "1:8: admin.listen: is missing\n");
  CHECK(errorsOf(withTop("admin:")) == "1:1: admin: has no value; expected a mapping\n");
}

TEST_CASE("what is proposed for admin is a loopback address") {
  const std::string error = errorsOf(withTop("admin: { listen: \":9901\" }"));
  CHECK(error.find("did you mean \"127.0.0.1:9901\"?") != std::string::npos);
}

TEST_CASE("addresses to listen on") {
  const auto error = [](const std::string& address) {
    return errorsOf("listeners:\n  - listen: " + address + "\n    routes: [ { return: 404 } ]\n");
  };
  CHECK(error("\"*:0\"").empty());
  CHECK(error("unix:/run/oxbow.sock").empty());
  const auto has = [](const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  };
  CHECK(has(error("8080"), "2:13: listeners[0].listen: "));
  CHECK(has(error("8080"), "did you mean \"127.0.0.1:8080\"?\n"));
  CHECK(has(error("localhost:8080"), "did you mean \"127.0.0.1:8080\"?\n"));
  CHECK(has(error("\":8080\""), "did you mean \"*:8080\"?\n"));
  CHECK(has(error("\"::1:8080\""), "did you mean \"[::1]:8080\"?\n"));
  CHECK(has(error("127.0.0.1:080"), "\"080\" is not a port"));
  CHECK(error("\"http://127.0.0.1:80/\"") ==
        "2:13: listeners[0].listen: \"http://127.0.0.1:80/\" is a URL; write address and port "
        "alone; did you mean \"127.0.0.1:80\"?\n");
  CHECK(has(error("[::1]:8080"), "2:13: listeners[0].listen: an IPv6 address must be quoted"));
  CHECK(has(error("*:8080"), "a value that begins with * must be quoted"));
  CHECK(has(error("127.0.0.1:65536"), "2:13: listeners[0].listen: "));
  CHECK(has(error("\"a\\nb:80\""), "\\x0a"));  // one line, whatever stands there
}

TEST_CASE("two sockets cannot have one address") {
  const std::string routes = "    routes: [ { return: 404 } ]\n";
  CHECK(errorsOf("admin: { listen: 127.0.0.1:9901 }\nlisteners:\n  - listen: \"*:9901\"\n" +
                 routes + "  - listen: 127.0.0.1:80\n" + routes + "  - listen: 127.0.0.1:80\n" +
                 routes) ==
        "3:13: listeners[0].listen: \"*:9901\" is taken by admin.listen (line 1)\n"
        "7:13: listeners[2].listen: \"127.0.0.1:80\" is taken by listeners[1].listen (line 5)\n");
}

TEST_CASE("listeners and their routes are needed") {
  CHECK(errorsOf("workers: 1\n") == "1:1: listeners: is missing\n");
  CHECK(errorsOf("listeners: []\n") == "1:12: listeners: is empty; nothing would be served\n");
  CHECK(errorsOf("listeners:\n  - listen: 127.0.0.1:0\n") ==
        "2:5: listeners[0].routes: is missing\n");
  CHECK(errorsOf("listeners:\n  - listen: 127.0.0.1:0\n    routes: []\n") ==
        "3:13: listeners[0].routes: is empty; a listener needs a route\n");
  CHECK(errorsOf("listeners:\n  - routes: [ { return: 404 } ]\n") ==
        "2:5: listeners[0].listen: is missing\n");
}

TEST_CASE("H.2: a file that ends too early") {
  CHECK(errorsOf("") == "1:1: the file is empty; a configuration needs listeners\n");
  CHECK(errorsOf("# nothing yet\n") == "1:1: the file is empty; a configuration needs listeners\n");
  CHECK(errorsOf("upstreams:\n") ==
        "1:1: upstreams: has no value; expected a mapping of names to mappings\n"
        "1:1: listeners: is missing\n");
  CHECK(errorsOf("upstreams:\n  api:\n") ==
        "1:1: listeners: is missing\n"
        "2:3: upstreams.api: expected a mapping with servers, got nothing\n");
  CHECK(errorsOf("listeners:\n  - listen: 127.0.0.1:0\n    routes:\n") ==
        "3:5: listeners[0].routes: has no value; expected a list of mappings\n");
  CHECK(errorsOf("listeners:\n  - listen: 127.0.0.1:0\n    routes:\n      - location: /\n") ==
        "4:9: listeners[0].routes[0]: a route needs proxy_pass or return\n");
}

TEST_CASE("no prefix of a file is taken for a file, until its last route stands") {
  const std::string text = withUpstream("    keepalive: 4");
  const size_t complete = text.find("proxy_pass: api }");
  for (size_t n = 0; n < complete; ++n) {
    CAPTURE(n);
    CHECK_FALSE(loadText(text.substr(0, n), "f").config.has_value());
  }
  CHECK(loadText(text, "f").config.has_value());
}

TEST_CASE("names of upstreams") {
  const auto error = [](const std::string& name) {
    return errorsOf(withTop("upstreams: { " + name + ": { servers: [ 127.0.0.1:1 ] } }"));
  };
  CHECK(error("A-b_c.9").empty());
  CHECK(error(std::string(64, 'a')).empty());
  CHECK(error("\"\"") == "1:14: upstreams.: a name has 1 to 64 letters, digits, _, . or -\n");
  CHECK(error("a b") == "1:14: upstreams.a b: a name has 1 to 64 letters, digits, _, . or -\n");
  CHECK_FALSE(error(std::string(65, 'a')).empty());
}

TEST_CASE("servers of upstreams") {
  const auto error = [](const std::string& servers) {
    return errorsOf(withTop("upstreams: { api: { servers: " + servers + " } }"));
  };
  CHECK(errorsOf(withTop("upstreams: { api: { } }")) ==
        "1:19: upstreams.api.servers: is missing\n");
  CHECK(error("[]") == "1:30: upstreams.api.servers: is empty; an upstream needs a server\n");
  CHECK(error("a:1") == "1:30: upstreams.api.servers: expected a list, got \"a:1\"\n");
  CHECK(error("[ [ a ] ]") ==
        "1:32: upstreams.api.servers[0]: expected an address or a mapping, got a list\n");
  CHECK(error("[ a:1, ~ ]") ==
        "1:37: upstreams.api.servers[1]: expected an address or a mapping, got nothing\n");
  CHECK(error("[ \"http://a:80/\" ]") ==
        "1:32: upstreams.api.servers[0]: \"http://a:80/\" is a URL; write host and port alone; did "
        "you mean \"a:80\"?\n");
  for (const std::string text : {"::1:80", "::1"})
    CHECK(error("[ \"" + text + "\" ]").find("did you mean \"[::1]:80\"?") != std::string::npos);
  CHECK(error("[ { weight: 2 } ]") == "1:32: upstreams.api.servers[0].server: is missing\n");
  CHECK(error("[ { server: a:1, weight: 1001 } ]") ==
        "1:55: upstreams.api.servers[0].weight: must be between 1 and 1000\n");
  CHECK(error("[ { server: a:1, slow_start: on } ]") ==
        "1:47: upstreams.api.servers[0].slow_start: is not supported in this version\n");
  const std::string noPort = error("[ api ]");
  CHECK(noPort.substr(0, 31) == "1:32: upstreams.api.servers[0]:");
  CHECK(noPort.find("did you mean \"api:80\"?") != std::string::npos);
  CHECK(error("[ { server: api:0 } ]").substr(0, 38) == "1:42: upstreams.api.servers[0].server:");
}

TEST_CASE("servers of SRV records have a service and no port") {
  const auto error = [](const std::string& server) {
    return errorsOf(withTop("upstreams: { api: { servers: [ " + server + " ] } }"));
  };
  const std::string server = "1:42: upstreams.api.servers[0].server: ";
  const std::string service = "upstreams.api.servers[0].service: ";
  for (const std::string right :
       {"{ server: api.internal, service: http }", "{ server: api, service: _http._tcp }",
        "{ server: api., service: blue.eu }", "_http._tcp.api.internal",
        "{ server: _http._tcp.api.internal, weight: 2 }", "_http._tcp.api.internal:80"})
    CHECK(error(right).empty());

  CHECK(error("{ server: \"api:80\", service: http }") ==
        server +
            "\"api:80\" has a port, and so have the records of its service; write the host alone; "
            "did you mean \"api\"?\n");
  CHECK(error("{ server: \"http://api:80/\", service: http }") ==
        server + "\"http://api:80/\" is a URL; write the host alone; did you mean \"api\"?\n");
  CHECK(error("{ server: a b, service: http }") == server + "\"a b\" is no host\n");
  for (const std::string address : {"127.0.0.1:80", "127.0.0.1", "[::1]:80", "[::1]", "::1"})
    CHECK(error("{ service: http, server: \"" + address + "\" }") ==
          "1:43: " + service + "\"" + address +
              "\" is an IP address, which has no SRV records; leave service out\n");
  CHECK(error("{ service: http, server: unix:/run/api }") ==
        "1:43: " + service +
            "\"unix:/run/api\" is a Unix socket, which has no SRV records; leave service out\n");
  CHECK(error("{ service: http, server: _http._tcp.api }") ==
        "1:43: " + service + "\"_http._tcp.api\" names its service already; leave service out\n");

  CHECK(error("{ service: 8080, server: api }") ==
        "1:43: " + service + "\"8080\" is a port; write it behind the server, without a service\n");
  CHECK(error("{ service: \"\", server: api }") == "1:43: " + service + "is empty; leave it out\n");
  for (const std::string wrong : {"a b", "http.", ".a", "a..b", "http/tcp"})
    CHECK(error("{ service: \"" + wrong + "\", server: api }") ==
          "1:43: " + service + "\"" + wrong +
              "\" is no service; write one such as http, or _http._tcp\n");
  CHECK_FALSE(error("{ server: api, service: " + std::string(63, 'a') + " }").empty());
  // Of a service that is wrong, nothing is said of a port.
  CHECK(error("{ service: [ a ], server: api }") ==
        "1:43: " + service + "expected text, got a list\n");
  CHECK(error("{ service: http }") == "1:32: upstreams.api.servers[0].server: is missing\n");
}

TEST_CASE("a name that only looks like one of SRV records needs a port") {
  const auto error = [](const std::string& server) {
    return errorsOf(withTop("upstreams: { api: { servers: [ \"" + server + "\" ] } }"));
  };
  for (const char* name : {"_http", "_http._tcp", "api._tcp.internal"})
    CHECK(error(name).find("needs a port") != std::string::npos);
  CHECK(error("_http._tcp.a b") ==
        "1:32: upstreams.api.servers[0]: \"_http._tcp.a b\" is no name of SRV records\n");
  CHECK(error("_http._tcp.127.0.0.1") ==
        "1:32: upstreams.api.servers[0]: \"_http._tcp.127.0.0.1\" is no name of SRV records\n");
}

TEST_CASE("how names are followed") {
  const auto error = [](const std::string& keys) {
    return errorsOf(withUpstream("    resolve: { " + keys + " }"));
  };
  const std::string path = "upstreams.api.resolve.";
  CHECK(error("ttl_min: 999ms") == "4:25: " + path + "ttl_min: must be between 1s and 1d\n");
  CHECK(error("ttl_max: 25h") == "4:25: " + path + "ttl_max: must be between 1s and 1d\n");
  CHECK(error("stale: 31d") == "4:23: " + path + "stale: must be between 0s and 30d\n");
  CHECK(error("drain_after: 0") == "4:29: " + path + "drain_after: must be between 1 and 100\n");
  CHECK(error("prefer: ipv5") ==
        "4:24: " + path + "prefer: \"ipv5\" is not one of ipv4, ipv6; did you mean \"ipv4\"?\n");
  CHECK(error("deny_private: on") ==
        "4:16: " + path + "deny_private: unknown key; did you mean \"deny_private_answers\"?\n");
  CHECK(error("ttl_min: 10m") == "4:25: " + path + "ttl_min: 10m is over ttl_max 5m\n");
  CHECK(error("ttl_max: 2s, ttl_min: 3s") == "4:38: " + path + "ttl_min: 3s is over ttl_max 2s\n");
  CHECK(error("ttl_max: 1s, ttl_min: 1s").empty());
  CHECK(error("ttl_max: x, ttl_min: 10m").find("is over") == std::string::npos);
  CHECK(errorsOf(withUpstream("    resolve: on")) ==
        "4:14: upstreams.api.resolve: expected a mapping, got \"on\"\n");
  CHECK(errorsOf(withTop("resolver: { ttl_min: 1s }")) ==
        "1:13: resolver.ttl_min: unknown key here; it belongs to upstreams.<name>.resolve\n");
}

TEST_CASE("one server stands once in an upstream") {
  const auto error = [](const std::string& servers) {
    return errorsOf(withTop("upstreams: { api: { servers: " + servers + " } }"));
  };
  CHECK(error("[ a:1, A:1 ]") ==
        "1:37: upstreams.api.servers[1]: \"A:1\" stands in this upstream twice; give one of them a "
        "weight instead\n");
  CHECK_FALSE(error("[ unix:/a, { server: unix:/a } ]").empty());
  CHECK(error("[ a:1, a:2, b:1, unix:/a, unix:/b ]").empty());
  CHECK(error("[ _http._tcp.a, { server: A, service: http } ]") ==
        "1:56: upstreams.api.servers[1].server: \"A\" stands in this upstream twice; give one of "
        "them a weight instead\n");
  CHECK(error("[ a:1, { server: a, service: http }, { server: a, service: admin } ]").empty());
}

TEST_CASE("a warm floor fits under every ceiling") {
  CHECK(errorsOf(withUpstream("    keepalive: 2\n    keepalive_min: 3")) ==
        "5:20: upstreams.api.keepalive_min: 3 is over keepalive 2\n");
  CHECK(errorsOf(withUpstream("    keepalive_min: 33")) ==
        "4:20: upstreams.api.keepalive_min: 33 is over keepalive 32\n");
  CHECK(errorsOf(withUpstream("    keepalive_min: 3\n    max_conns: 2")) ==
        "4:20: upstreams.api.keepalive_min: 3 is over max_conns 2\n");
  CHECK(errorsOf(withUpstream("    keepalive_min: 2\n    max_total_conns: 1")) ==
        "4:20: upstreams.api.keepalive_min: 2 for each of 1 servers is over max_total_conns 1\n");
  CHECK(errorsOf(withTop("upstreams: { api: { keepalive_min: 2, servers: [ a:1, { server: b:1, "
                         "max_conns: 1 } ] } }")) ==
        "1:36: upstreams.api.keepalive_min: 2 is over the max_conns of b:1: 1\n");
  CHECK(errorsOf(withTop("upstreams: { api: { keepalive_min: 2, servers: [ { server: a, service: "
                         "http, max_conns: 1 } ] } }")) ==
        "1:36: upstreams.api.keepalive_min: 2 is over the max_conns of a: 1\n");
  CHECK(errorsOf(withUpstream("    keepalive: 3\n    keepalive_min: 3\n    max_conns: 3\n"
                              "    max_total_conns: 3"))
            .empty());
}

TEST_CASE("a wrong value does not cause a second error") {
  CHECK(errorsOf(withUpstream("    keepalive: lots\n    keepalive_min: 40")) ==
        "4:16: upstreams.api.keepalive: \"lots\" is no whole number\n");
  // The name stands there, even if its upstream is wrong.
  CHECK(errorsOf("upstreams: { api: { } }\nlisteners:\n  - listen: 127.0.0.1:0\n"
                 "    routes: [ { proxy_pass: api } ]\n") ==
        "1:19: upstreams.api.servers: is missing\n");
}

TEST_CASE("proxy_pass names an upstream") {
  CHECK(errorsOf(withRoutes("      - proxy_pass: ap")) ==
        "5:21: listeners[0].routes[0].proxy_pass: there is no upstream \"ap\"; did you mean "
        "\"api\"?\n");
  CHECK(errorsOf(withRoutes("      - proxy_pass: shop")) ==
        "5:21: listeners[0].routes[0].proxy_pass: there is no upstream \"shop\"\n");
  CHECK(errorsOf(withRoutes("      - proxy_pass: http://api")) ==
        "5:21: listeners[0].routes[0].proxy_pass: \"http://api\" is a URL; write the name of an "
        "upstream\n");
}

TEST_CASE("a route has one of proxy_pass and return") {
  CHECK(errorsOf(withRoutes("      - location: /")) ==
        "5:9: listeners[0].routes[0]: a route needs proxy_pass or return\n");
  CHECK(errorsOf(withRoutes("      - { proxy_pass: api, return: 404 }")) ==
        "5:36: listeners[0].routes[0].return: a route has proxy_pass or return, not both\n");
  CHECK(errorsOf(withRoutes("      - { return: 404, rewrite: / }")) ==
        "5:33: listeners[0].routes[0].rewrite: has no effect without proxy_pass\n");
}

TEST_CASE("paths of routes") {
  CHECK(errorsOf(withRoutes("      - { proxy_pass: api, location: api/ }")) ==
        "5:38: listeners[0].routes[0].location: \"api/\" does not begin with a slash; did you mean "
        "\"/api/\"?\n");
  CHECK(errorsOf(withRoutes("      - { proxy_pass: api, rewrite: v1 }")) ==
        "5:37: listeners[0].routes[0].rewrite: \"v1\" does not begin with a slash; did you mean "
        "\"/v1\"?\n");
  CHECK(errorsOf(withRoutes("      - { proxy_pass: api, rewrite: \"\" }")) ==
        "5:37: listeners[0].routes[0].rewrite: is empty\n");
}

TEST_CASE("hosts of routes") {
  CHECK(errorsOf(withRoutes("      - { proxy_pass: api, server_name: _ }")) ==
        "5:41: listeners[0].routes[0].server_name: \"_\" is no host; leave server_name out for any "
        "host\n");
  CHECK(errorsOf(withRoutes("      - { proxy_pass: api, server_name: [ a, A ] }")) ==
        "5:46: listeners[0].routes[0].server_name[1]: stands in this list twice\n");
  CHECK(errorsOf(withRoutes("      - { proxy_pass: api, server_name: [ ] }")) ==
        "5:41: listeners[0].routes[0].server_name: is an empty list; leave it out for any host\n");
  CHECK(errorsOf(withRoutes("      - { proxy_pass: api, server_name: [ a, [ b ] ] }")) ==
        "5:46: listeners[0].routes[0].server_name[1]: expected text, got a list\n");
}

TEST_CASE("H.1: of a list every item is looked at, also behind one of the wrong kind") {
  CHECK(
      errorsOf(withRoutes("      - { proxy_pass: api, server_name: [ [ 1 ], \"*\", \"a b\" ] }")) ==
      "5:43: listeners[0].routes[0].server_name[0]: expected text, got a list\n"
      "5:50: listeners[0].routes[0].server_name[1]: \"*\" is no host; leave server_name out for "
      "any host\n"
      "5:55: listeners[0].routes[0].server_name[2]: \"a b\" is neither a host nor of the form "
      "*.example.com\n");
  CHECK(errorsOf(withRoutes(
            "      - { proxy_pass: api, proxy_hide_header: [ Connection, [ ], \"\" ] }")) ==
        "5:49: listeners[0].routes[0].proxy_hide_header[0]: \"Connection\" belongs to the "
        "connection and cannot be edited\n"
        "5:61: listeners[0].routes[0].proxy_hide_header[1]: expected text, got a list\n"
        "5:66: listeners[0].routes[0].proxy_hide_header[2]: \"\" is no name of a field\n");
}

TEST_CASE("a route whose location is wrong is no twin of another") {
  CHECK(errorsOf(withRoutes("      - { proxy_pass: api }\n"
                            "      - { proxy_pass: api, location: [ /a ] }\n"
                            "      - { proxy_pass: api, server_name: [ ] }\n"
                            "      - { proxy_pass: api, server_name: [ [ a ] ] }")) ==
        "6:38: listeners[0].routes[1].location: expected text, got a list\n"
        "7:41: listeners[0].routes[2].server_name: is an empty list; leave it out for any host\n"
        "8:43: listeners[0].routes[3].server_name[0]: expected text, got a list\n");
}

TEST_CASE("no two routes have the same host and location") {
  CHECK(errorsOf(withRoutes("      - { proxy_pass: api }\n"
                            "      - { return: 404, server_name: a }\n"
                            "      - { return: 404, location: / }\n"
                            "      - { return: 404, server_name: [ b, A ] }")) ==
        "7:9: listeners[0].routes[2]: the same location \"/\" as in listeners[0].routes[0] (line "
        "5)\n"
        "8:42: listeners[0].routes[3]: the same location \"/\" of host \"a\" as in "
        "listeners[0].routes[1] (line 6)\n");
  CHECK(errorsOf(withRoutes("      - { proxy_pass: api, server_name: a }\n"
                            "      - { proxy_pass: api, server_name: \"*.a\" }\n"
                            "      - { proxy_pass: api, server_name: a, location: /b }\n"
                            "      - { proxy_pass: api }"))
            .empty());
}

TEST_CASE("fixed answers") {
  const auto error = [](const std::string& value) {
    return errorsOf(withRoutes("      - return: " + value));
  };
  const std::string path = "listeners[0].routes[0].return";
  CHECK(error("204").empty());
  CHECK(error("199") == "5:17: " + path + ": must be between 200 and 599\n");
  CHECK(error("65740") == "5:17: " + path + ": must be between 200 and 599\n");  // 204 + 2^16
  CHECK(error("ok") == "5:17: " + path + ": \"ok\" is no whole number\n");
  CHECK(error("[ 404 ]") == "5:17: " + path + ": expected a status or a mapping, got a list\n");
  CHECK(error("301") ==
        "5:17: " + path + ": a 301 needs a location; write { status: 301, location: ... }\n");
  CHECK(error("{ status: 302 }") == "5:17: " + path + ": a 302 needs a location\n");
  CHECK(error("{ body: x }") == "5:17: " + path + ".status: is missing\n");
  CHECK(error("{ location: \"a b\", content_type: \"\" }") ==
        "5:17: " + path + ".status: is missing\n5:29: " + path + ".location: is no URL\n5:50: " +
            path + ".content_type: is no media type; did you mean \"text/plain\"?\n");
  CHECK(error("{ status: 205, body: x }") == "5:38: " + path + ".body: a 205 has no body\n");
  CHECK(error("205").empty());
  CHECK(error("{ status: 200, location: /x }") ==
        "5:42: " + path + ".location: a 200 has no location\n");
  CHECK(error("{ status: 301, location: \"/a b\" }") == "5:42: " + path + ".location: is no URL\n");
  CHECK(error("{ status: 301, location: \"/a\\r\\nX: y\" }") ==
        "5:42: " + path + ".location: is no URL\n");
  CHECK(error("{ status: 204, body: x }") == "5:38: " + path + ".body: a 204 has no body\n");
  CHECK(error("{ status: 200, content_type: \"a\\nb\" }") ==
        "5:46: " + path + ".content_type: is no media type; did you mean \"text/plain\"?\n");
  CHECK(error("{ status: 200, body: " + std::string(65536, 'x') + " }").empty());
  CHECK(error("{ status: 200, body: " + std::string(65537, 'x') + " }") ==
        "5:38: " + path + ".body: is longer than 65536 bytes\n");
}

TEST_CASE("edits of fields") {
  const auto error = [](const std::string& edits) {
    return errorsOf(withRoutes("      - proxy_pass: api\n" + edits));  // from line 6 on
  };
  const std::string path = "listeners[0].routes[0].";
  CHECK(error("        proxy_set_header: { Content-Length: 5 }") ==
        "6:29: " + path +
            "proxy_set_header.Content-Length: \"Content-Length\" belongs to the "
            "connection and cannot be edited\n");
  CHECK(error("        proxy_set_header: { X-A: $hots }") ==
        "6:34: " + path +
            "proxy_set_header.X-A: unknown variable \"$hots\"; did you mean "
            "\"$host\"?\n");
  CHECK(error("        proxy_set_header: { X-A: \"$foo $bar\" }") ==
        "6:34: " + path + "proxy_set_header.X-A: unknown variable \"$foo\"\n6:34: " + path +
            "proxy_set_header.X-A: unknown variable \"$bar\"\n");
  CHECK(error("        proxy_set_header: { X-A: \"a\\nb\" }") ==
        "6:34: " + path + "proxy_set_header.X-A: control characters are not allowed in a field\n");
  CHECK(error("        proxy_set_header: { X-A: }") ==
        "6:29: " + path + "proxy_set_header.X-A: has no value; to remove the field write \"\"\n");
  CHECK(error("        proxy_set_header: { X-A: [ 5 ] }") ==
        "6:34: " + path + "proxy_set_header.X-A: expected text, got a list\n");
  CHECK(error("        proxy_set_header: { host: \"\" }") ==
        "6:35: " + path +
            "proxy_set_header.host: every request has a Host; it cannot be removed\n");
  CHECK(error("        proxy_set_header: { host: \"a/b c\" }") ==
        "6:35: " + path + "proxy_set_header.host: \"a/b c\" is no host, with or without a port\n");
  CHECK(error("        proxy_set_header: { X-A: 1, x-a: 2 }") ==
        "6:37: " + path + "proxy_set_header.x-a: stands here twice, in other case\n");
  CHECK(error("        add_header: { X-A: \"\" }") ==
        "6:28: " + path + "add_header.X-A: is empty; to remove a field use proxy_hide_header\n");
  CHECK(error("        add_header: { Transfer-Encoding: x }").substr(0, 5) == "6:23:");
  CHECK(error("        proxy_hide_header: [ Server, Connection ]") ==
        "6:38: " + path +
            "proxy_hide_header[1]: \"Connection\" belongs to the connection and "
            "cannot be edited\n");
  CHECK(error("        proxy_hide_header: Connection").substr(0, 6) == "6:28: ");
}

TEST_CASE("the access log is off or a mapping") {
  const std::string message =
      "4:17: listeners[0].access_log: write off, or { path: stdout, format: json }\n";
  CHECK(errorsOf(withListener("    access_log: off")).empty());
  CHECK(errorsOf(withListener("    access_log: on")) == message);
  CHECK(errorsOf(withListener("    access_log: /var/log/x")) == message);
  CHECK(errorsOf(withListener("    access_log: [ x ]")) == message);
  CHECK(
      errorsOf(withListener("    access_log: { path: stdot }")) ==
      "4:25: listeners[0].access_log.path: \"stdot\" is neither stdout, stderr, syslog nor a path "
      "with a slash; did you mean \"stdout\"?\n");
}

TEST_CASE("the keys of an access log are fields of it, each once") {
  const auto error = [](const std::string& keys) {
    return errorsOf(withListener("    access_log: { " + keys + " }"));
  };
  CHECK(error("keys: [ time, tls_sni, sample_weight ]").empty());
  CHECK(error("keys: status").empty());
  CHECK(error("keys: [ time, statsu ]") ==
        "4:33: listeners[0].access_log.keys[1]: there is no field \"statsu\"; did you mean "
        "\"status\"?\n");
  CHECK(error("keys: [ total ]").find("did you mean \"total_ms\"?") != std::string::npos);
  CHECK(error("keys: [ status, time, status ]") ==
        "4:41: listeners[0].access_log.keys[2]: stands in this list twice\n");
  CHECK(error("keys: [ ]").find("is an empty list; leave it out for all") != std::string::npos);
  CHECK(error("format: combined, keys: [ time ]") ==
        "4:43: listeners[0].access_log.keys: the format combined has its own; remove one of "
        "them\n");
  CHECK(error("format: combind").find("did you mean \"combined\"?") != std::string::npos);
}

TEST_CASE("a sample is a part of the whole, errors begin at a status, slow is a time") {
  const auto error = [](const std::string& keys) {
    return errorsOf(withListener("    access_log: { " + keys + " }"));
  };
  for (const char* right : {"sample: 1", "sample: 0.000001", "sample: 1.0", "errors: on",
                            "errors: off", "errors: 400", "errors: 599", "slow: 1ms", "slow: 0s"}) {
    CAPTURE(right);
    CHECK(error(right).empty());
  }
  const std::string sample = "4:27: listeners[0].access_log.sample: ";
  for (const char* outside : {"0", "0.0", "1.5", "2", "0.0000001", "1.000001"}) {
    CAPTURE(outside);
    CHECK(error(std::string("sample: ") + outside) == sample + "must be between 0.000001 and 1\n");
  }
  for (const char* wrong : {"10%", "half", ".5", "1.", "1e-3", "1.2.3"}) {
    CAPTURE(wrong);
    CHECK(error(std::string("sample: ") + wrong) ==
          sample + "\"" + wrong + "\" is no number such as 0.1\n");
  }
  CHECK_FALSE(error("sample: -1").empty());
  const std::string errors = "4:27: listeners[0].access_log.errors: ";
  CHECK(error("errors: 399") == errors + "must be between 400 and 599\n");
  CHECK(error("errors: 600") == errors + "must be between 400 and 599\n");
  CHECK(error("errors: onn") ==
        errors + "\"onn\" is neither on, off nor a status; did you mean \"on\"?\n");
  CHECK_FALSE(error("slow: 500").empty());
}

TEST_CASE("an access log of a route is off or a mapping too") {
  const auto error = [](const std::string& log) {
    return errorsOf(withRoutes("      - return: 204\n        access_log: " + log + "\n"));
  };
  CHECK(error("off").empty());
  CHECK(error("{ path: /var/log/x, sample: 0.5 }").empty());
  CHECK(error("on").find("routes[0].access_log: write off, or {") != std::string::npos);
  CHECK(error("{ pth: stderr }")
            .find("routes[0].access_log.pth: unknown key; did you mean "
                  "\"path\"?") != std::string::npos);
}

TEST_CASE("Via has a name or is off") {
  CHECK(errorsOf(withListener("    via: on")) ==
        "4:10: listeners[0].via: write a name, or off; did you mean \"oxbow\"?\n");
  CHECK_FALSE(errorsOf(withListener("    via: a b")).empty());
  CHECK_FALSE(errorsOf(withListener("    via: \"\"")).empty());
  CHECK(errorsOf(withListener("    via: edge-1.example.com")).empty());
}

TEST_CASE("connections come from an address of the server's family") {
  const auto error = [](const std::string& bind, const std::string& servers) {
    return errorsOf("upstreams: { api: { proxy_bind: \"" + bind + "\", servers: [ " + servers +
                    " ] } }\n" + withTop(""));
  };
  const std::string at = "1:33: upstreams.api.proxy_bind: ";
  CHECK(error("::1", "127.0.0.1:1") == at + "no server has an IPv6 address\n");
  CHECK(error("127.0.0.1", "\"[::1]:1\", unix:/a") == at + "no server has an IPv4 address\n");
  CHECK(error("::1", "127.0.0.1:1, \"[::1]:1\"").empty());
  CHECK(error("::1", "127.0.0.1:1, a.example:1").empty());
  CHECK(error("::1", "unix:/a").empty());
  for (const std::string records : {"_http._tcp.a.example", "{ server: a, service: http }"})
    for (const std::string bind : {"::1", "127.0.0.1"})
      CHECK(error(bind, "127.0.0.1:1, \"[::1]:1\", " + records).empty());
  CHECK(error("::1", "127.0.0.1:1, _http._tcp.a.example").empty());
  for (const std::string nobodys : {"0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255"})
    CHECK(error(nobodys, "a.example:1") ==
          at + "\"" + nobodys + "\" is no address that a machine has\n");
}

TEST_CASE("the resolver has addresses, not names") {
  CHECK(errorsOf(withTop("resolver: { addresses: 1.1 }")) ==
        "1:24: resolver.addresses: \"1.1\" is no IP address with or without a port\n");
  CHECK(errorsOf(withTop("resolver: { addresses: [ 0.0.0.0 ] }")) ==
        "1:26: resolver.addresses[0]: \"0.0.0.0\" is no IP address with or without a port\n");
  CHECK(errorsOf(withTop("resolver: { addresses: [ ] }")) ==
        "1:24: resolver.addresses: is an empty list; leave it out for the system's servers\n");
  CHECK(errorsOf(withTop("resolver: { addresses: [ 8.8.8.8, dns.example ] }")) ==
        "1:35: resolver.addresses[1]: \"dns.example\" is no IP address with or without a port\n");
  CHECK(errorsOf(withTop("resolver: { addresses: 127.0.0.1, resolv_conf: /etc/resolv.conf }")) ==
        "1:48: resolver.resolv_conf: its servers are not asked where there are addresses; remove "
        "resolv_conf, or addresses to ask the system's servers\n");
  CHECK(errorsOf(withTop("resolver: { resolv_conf: off }")) ==
        "1:26: resolver.resolv_conf: write the path of a file; addresses take its place\n");
  CHECK(errorsOf(withTop("resolver: { addresses: 127.0.0.1, resolv_conf: }")) ==
        "1:35: resolver.resolv_conf: has no value; expected a path\n");
  CHECK(errorsOf(withTop("resolver: { hosts: on }")) ==
        "1:20: resolver.hosts: write the path of a file, or off; did you mean \"/etc/hosts\"?\n");
  CHECK(errorsOf(withTop("resolver: { hosts: \"\" }")) == "1:20: resolver.hosts: is empty\n");
  CHECK(errorsOf(withTop("resolver: { hosts: [ a ] }")) ==
        "1:20: resolver.hosts: expected a path or off, got a list\n");
  CHECK(errorsOf(withUpstream("    proxy_bind: eth0")).substr(0, 31) ==
        "4:17: upstreams.api.proxy_bind:");
}

TEST_CASE("H.1: all errors are reported, by their place in the file") {
  CHECK(errorsOf("listeners:\n"
                 "  - listen: 127.0.0.1:0\n"
                 "    routes: [ { proxy_pass: ap } ]\n"
                 "    keepalive_requests: x\n"
                 "upstreams:\n"
                 "  api:\n"
                 "    keepalive: 1\n"
                 "    keepalive: 2\n"
                 "    servers: []\n"
                 "workers: 0\n") ==
        "3:29: listeners[0].routes[0].proxy_pass: there is no upstream \"ap\"; did you mean "
        "\"api\"?\n"
        "4:25: listeners[0].keepalive_requests: \"x\" is no whole number\n"
        "8:5: upstreams.api.keepalive: duplicate key; the first is in line 7\n"
        "9:14: upstreams.api.servers: is empty; an upstream needs a server\n"
        "10:10: workers: must be between 1 and 256; did you mean \"auto\"?\n");
}

TEST_CASE("H.1: what stands in the second of two keys is looked into") {
  CHECK(errorsOf("upstreams:\n"
                 "  a: { servers: [ a:1 ], keepalive: x }\n"
                 "  a: { servers: [ b:1 ], keepalive: y }\n"
                 "listeners:\n"
                 "  - listen: 127.0.0.1:0\n"
                 "    routes: [ { proxy_pass: b, location: b } ]\n"
                 "upstreams: { b: { queue: 5 } }\n"
                 "listeners:\n"
                 "  - listen: 127.0.0.1:1\n"
                 "    routes: [ { proxy_pass: b, location: c } ]\n") ==
        "2:37: upstreams.a.keepalive: \"x\" is no whole number\n"
        "3:3: upstreams.a: duplicate key; the first is in line 2\n"
        "3:37: upstreams.a.keepalive: \"y\" is no whole number\n"
        "6:42: listeners[0].routes[0].location: \"b\" does not begin with a slash; did you mean "
        "\"/b\"?\n"
        "7:1: upstreams: duplicate key; the first is in line 1\n"
        "7:17: upstreams.b.servers: is missing\n"
        "7:26: upstreams.b.queue: expected a mapping, got \"5\"\n"
        "8:1: listeners: duplicate key; the first is in line 4\n"
        "10:42: listeners[0].routes[0].location: \"c\" does not begin with a slash; did you mean "
        "\"/c\"?\n");
  CHECK(errorsOf(withRoutes("      - { proxy_pass: api, proxy_pass: [ api ], proxy_pass: apo }")) ==
        "5:28: listeners[0].routes[0].proxy_pass: duplicate key; the first is in line 5\n"
        "5:49: listeners[0].routes[0].proxy_pass: duplicate key; the first is in line 5\n"
        "5:61: listeners[0].routes[0].proxy_pass: there is no upstream \"apo\"; did you mean "
        "\"api\"?\n");
}

TEST_CASE("H.1: the time to check a file grows with its size") {
  constexpr int kMany = 9'000;
  std::string upstreams = "upstreams:\n";
  std::string routes;
  std::string fields = "        add_header:\n";
  for (int i = 0; i < kMany; ++i) {
    const std::string n = std::to_string(i);
    upstreams += "  somewhat_long_" + n + ": { servers: [ a:1 ] }\n";
    routes += "      - { location: /" + n + ", proxy_pass: somewhat_lnog_" + n + " }\n";
    fields += "          X-" + n + ": x\n";
  }
  const LoadResult result =
      loadText(upstreams + "listeners:\n  - listen: 127.0.0.1:0\n    routes:\n" + routes, "f");
  CHECK(result.problems.size() == kMany);
  CHECK(result.problems.front().suggestion == "somewhat_long_0");
  CHECK(result.problems.back().suggestion.empty());  // by then nobody reads them

  std::string servers = "upstreams:\n  api:\n    servers:\n";
  for (int i = 0; i < 50'000; ++i) servers += "      - a:" + std::to_string(i + 1) + "\n";
  CHECK(loadText(servers +
                     "listeners:\n  - listen: 127.0.0.1:0\n    routes:\n"
                     "      - proxy_pass: api\n" +
                     fields,
                 "f")
            .config.has_value());
}

TEST_CASE("H.1: a hostile file is refused in bounded time and text") {
  std::string keys;
  for (int i = 0; i < 20'000; ++i) keys += "key" + std::to_string(i) + ": x\n";
  const LoadResult result = loadText(keys, "f");
  CHECK(result.problems.size() == 20'001);  // and listeners are missing
  const std::string longKey = errorsOf(withTop(std::string(1000, 'k') + ": 1"));
  CHECK(longKey.size() < 200);
}

}  // namespace oxbow::config
