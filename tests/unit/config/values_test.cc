
#include "tests/unit/config/support.h"

// Every key is read into its field. conf/examples/all-keys.yaml sets all of them, none to its
// default; what it says is repeated here.

namespace oxbow::config {

using namespace std::chrono_literals;

namespace {

Config allKeys() {
  const std::string path = OXBOW_SOURCE_ROOT "/conf/examples/all-keys.yaml";
  LoadResult result = loadFile(path);
  for (const Problem& problem : result.problems) FAIL_CHECK(format(problem, path));
  REQUIRE(result.config.has_value());
  return *result.config;
}

}  // namespace

TEST_CASE("the keys at the top are read") {
  const Config config = allKeys();
  CHECK(*config.workers == 4);
  CHECK(config.workers.place == Place{2, 10});
  CHECK(*config.workerConnections == 20000);
  CHECK(*config.shutdownTimeout == 10s);
  CHECK(*config.drainDelay == 5s);
  CHECK(*config.drainSpread == 8s);
  CHECK(*config.memoryLimit == 512 << 20);
  CHECK(*config.logLevel == LogLevel::Debug);
  CHECK(*config.watch);
  CHECK(*config.responseBufferBudget == 512 << 20);
  CHECK(config.admin.enabled);
  CHECK(*config.admin.listen == "127.0.0.1:9901");
  CHECK(config.admin.address.port() == 9901);
  REQUIRE(config.resolver.addresses.size() == 2);
  CHECK(*config.resolver.addresses[0] == "127.0.0.1:5353");
  CHECK(*config.resolver.addresses[1] == "[::1]:5353");
  CHECK(*config.resolver.timeout == 1s);
  CHECK(config.resolver.resolvConf.isDefault());
  CHECK(*config.resolver.resolvConf == "/etc/resolv.conf");
  CHECK(config.resolver.hosts->empty());
  CHECK_FALSE(config.resolver.hosts.isDefault());
  CHECK(config.upstreams.size() == 1);
  CHECK(config.listeners.size() == 3);
}

TEST_CASE("the servers of an upstream are read in both forms") {
  const Upstream up = allKeys().upstreams[0];
  CHECK(*up.name == "api");
  REQUIRE(up.servers.size() == 7);
  CHECK(*up.servers[0].address == "api1.internal:8080");
  CHECK(*up.servers[0].weight == 1);
  CHECK_FALSE(up.servers[0].maxConns.has_value());
  CHECK(*up.servers[1].address == "api2.internal:8080");
  CHECK(*up.servers[1].weight == 2);
  CHECK(**up.servers[1].maxConns == 64);
  CHECK(*up.servers[1].maxFails == 3);
  CHECK(*up.servers[1].failTimeout == 30s);
  CHECK_FALSE(*up.servers[1].backup);
  CHECK(*up.servers[2].address == "127.0.0.1:8080");
  CHECK(*up.servers[2].maxFails == 1);
  CHECK(*up.servers[2].backup);
  CHECK_FALSE(*up.servers[2].down);
  CHECK(*up.servers[3].down);
  CHECK(*up.servers[4].address == "unix:/run/api.sock");
  CHECK(up.servers[4].service.isDefault());
  CHECK(*up.servers[5].address == "api.internal");
  CHECK(*up.servers[5].service == "http");
  CHECK(*up.servers[6].address == "_api._tcp.other.internal");
  CHECK(up.servers[6].service->empty());
}

TEST_CASE("how names are followed is read") {
  const Resolve resolve = allKeys().upstreams[0].resolve;
  CHECK(*resolve.ttlMin == 2s);
  CHECK(*resolve.ttlMax == 1min);
  CHECK(*resolve.stale == 6h);
  CHECK(*resolve.drainAfter == 3);
  CHECK(*resolve.prefer == Prefer::Ipv6);
  CHECK(*resolve.denyPrivateAnswers);
}

TEST_CASE("the files of the resolver are read as they are written") {
  const ResolverConfig resolver =
      loaded(withTop("resolver: { resolv_conf: dns/resolv.conf, hosts: hosts }")).resolver;
  CHECK(*resolver.resolvConf == "dns/resolv.conf");
  CHECK(*resolver.hosts == "hosts");
  CHECK(*loaded(withTop("")).resolver.hosts == "/etc/hosts");
}

TEST_CASE("the pool of an upstream is read") {
  const Upstream up = allKeys().upstreams[0];
  CHECK(*up.protocol == Protocol::Http1);
  CHECK_FALSE(up.protocol.isDefault());
  CHECK(*up.balance == Balance::LeastConn);
  CHECK(*up.keepalive == 48);
  CHECK(*up.keepaliveMin == 2);
  CHECK(*up.keepaliveRequests == 5000);
  CHECK(*up.keepaliveTime == 90min);
  CHECK(*up.keepaliveTimeout == 4s);
  CHECK(*up.scheduling == Scheduling::Fifo);
  CHECK(*up.maxConns == 50);
  CHECK(*up.maxTotalConns == 150);
  CHECK(*up.maxConnecting == 16);
  CHECK(*up.queue.size == 100);
  CHECK(*up.queue.timeout == 1s);
}

TEST_CASE("the exchanges of an upstream are read") {
  const Upstream up = allKeys().upstreams[0];
  CHECK(*up.connectTimeout == 500ms);
  CHECK(*up.readTimeout == 30s);
  CHECK(*up.sendTimeout == 20s);
  CHECK(*up.proxyBuffers == 128 << 10);
  CHECK(*up.replayBuffer == 16 << 10);
  CHECK(*up.nextUpstreamTries == 2);
  CHECK(*up.nextUpstreamTimeout == 5s);
  CHECK(*up.proxyBind == "127.0.0.2");
}

TEST_CASE("socket options are read on both sides") {
  const Config config = allKeys();
  const SocketOptions& up = config.upstreams[0].socket;
  CHECK_FALSE(*up.tcpNodelay);
  CHECK(*up.keepalive);
  CHECK(*up.keepaliveIdle == 60s);
  CHECK(*up.keepaliveInterval == 10s);
  CHECK(*up.keepaliveCount == 5);
  CHECK(*up.tcpUserTimeout == 20s);
  CHECK(*up.rcvbuf == 128 << 10);
  CHECK(*up.sndbuf == 256 << 10);
  const SocketOptions& down = config.listeners[0].socket;
  CHECK_FALSE(*down.tcpNodelay);
  CHECK(*down.keepalive);
  CHECK(*down.keepaliveIdle == 0s);
  CHECK(*down.tcpUserTimeout == 30s);
  CHECK(*down.rcvbuf == 64 << 10);
  CHECK(*down.sndbuf == 1 << 20);
}

TEST_CASE("a listener is read") {
  const Config config = allKeys();
  const Listener& in = config.listeners[0];
  CHECK(*in.listen == "*:8080");
  CHECK(in.address == SocketAddress::parse("*:8080").value());
  CHECK(*in.accessLog.enabled);
  CHECK(*in.accessLog.path == "/var/log/oxbow/access.log");
  CHECK(*in.accessLog.format == LogFormat::Text);
  CHECK(in.accessLog.keys.size() == 7);
  CHECK(*in.accessLog.keys.at(0) == "time");
  CHECK(*in.accessLog.sample == 100'000);
  CHECK(*in.accessLog.errors == 500);
  CHECK(*in.accessLog.slow == 500ms);
  CHECK(*in.clientHeaderTimeout == 5s);
  CHECK(*in.clientBodyTimeout == 30s);
  CHECK(*in.clientBodyDeadline == 10min);
  CHECK(*in.clientMinRate == 2 << 10);
  CHECK(*in.sendTimeout == 40s);
  CHECK(*in.keepaliveTimeout == 20s);
  CHECK(*in.keepaliveRequests == 10000);
  CHECK(*in.clientMaxBodySize == 10 << 20);
  CHECK(*in.clientBodyBufferSize == 32 << 10);
  CHECK(*in.largeClientHeaderBuffers == 16 << 10);
  CHECK(*in.maxHeaders == 50);
  CHECK(*in.underscoresInHeaders);
  CHECK(*in.limitConn == 100);
  REQUIRE(in.access.allow.size() == 2);
  CHECK(in.access.allow[0]->text() == "10.0.0.0/8");
  CHECK(in.access.allow[1]->text() == "fd00::/8");
  REQUIRE(in.access.deny.size() == 1);
  CHECK(in.access.deny[0]->text() == "10.1.2.3/32");
  CHECK(*in.via == "edge-1");
  CHECK_FALSE(*in.xForwardedFor);
  CHECK_FALSE(*in.xForwardedProto);
  CHECK_FALSE(*in.xForwardedHost);
  CHECK(*in.trustedHops == 1);
  CHECK(*in.backlog == 4096);
}

TEST_CASE("off turns the log and Via off") {
  const Config config = allKeys();
  const Listener& in = config.listeners[1];
  CHECK(in.address.isUnix());
  CHECK_FALSE(*in.accessLog.enabled);
  CHECK_FALSE(in.accessLog.enabled.isDefault());
  CHECK(in.via->empty());
}

TEST_CASE("a route to an upstream is read") {
  const Config config = allKeys();
  const Route& route = config.listeners[0].routes.at(0);
  REQUIRE(route.hosts.size() == 2);
  CHECK(*route.hosts[0] == "example.com");
  CHECK(*route.hosts[1] == "*.example.com");
  CHECK(*route.location == "/api/");
  REQUIRE(route.proxyPass.has_value());
  CHECK(**route.proxyPass == "api");
  REQUIRE(route.rewrite.has_value());
  CHECK(**route.rewrite == "/v1/");
  CHECK_FALSE(route.fixed.has_value());
  CHECK(*route.allowDotSegments);
  REQUIRE(route.setHeaders.size() == 3);
  CHECK(*route.setHeaders[0].name == "X-Request-Id");
  CHECK(*route.setHeaders[0].value == "$request_id");
  CHECK(*route.setHeaders[1].value == "$remote_addr via $scheme");
  CHECK(*route.setHeaders[2].name == "Cookie");
  CHECK(route.setHeaders[2].value->empty());
  REQUIRE(route.hideHeaders.size() == 2);
  CHECK(*route.hideHeaders[1] == "X-Powered-By");
  REQUIRE(route.addHeaders.size() == 1);
  CHECK(*route.addHeaders[0].name == "X-Frame-Options");
  CHECK(*route.addHeaders[0].value == "DENY");
}

TEST_CASE("a fixed answer is read in both forms") {
  const Config config = allKeys();
  const Route& moved = config.listeners[0].routes.at(1);
  REQUIRE(moved.fixed.has_value());
  CHECK_FALSE(moved.proxyPass.has_value());
  CHECK(*moved.fixed->status == 301);
  CHECK(*moved.fixed->location == "https://example.com/new/");
  CHECK(*moved.fixed->body == "moved");
  CHECK(*moved.fixed->contentType == "text/html");
  const Route& missing = config.listeners[0].routes.at(2);
  REQUIRE(missing.fixed.has_value());
  CHECK(*missing.fixed->status == 404);
  CHECK(*missing.location == "/");
}

TEST_CASE("places are those of the values") {
  const Config config = allKeys();
  CHECK(config.upstreams[0].name.place == Place{25, 3});
  CHECK(config.upstreams[0].servers[0].address.place == Place{27, 9});
  CHECK(config.upstreams[0].keepalive.place.column == 16);
  CHECK(config.listeners[1].backlog.isDefault());
}

TEST_CASE("single words stand for lists of one") {
  const Config config = loaded(withRoutes(
      "      - { server_name: Example.COM, proxy_pass: api, proxy_hide_header: Server }"));
  const Route& route = config.listeners[0].routes.at(0);
  REQUIRE(route.hosts.size() == 1);
  CHECK(*route.hosts[0] == "example.com");  // hosts are compared without case
  REQUIRE(route.hideHeaders.size() == 1);
  CHECK(*route.hideHeaders[0] == "Server");
  const Config other = loaded(withTop("resolver: { addresses: \"::1\" }"));
  REQUIRE(other.resolver.addresses.size() == 1);
  CHECK(*other.resolver.addresses[0] == "[::1]:53");
}

TEST_CASE("each word of a choice has its meaning") {
  const auto level = [](const char* word) {
    return *loaded(withTop(std::string("log_level: ") + word)).logLevel;
  };
  CHECK(level("debug") == LogLevel::Debug);
  CHECK(level("info") == LogLevel::Info);
  CHECK(level("warn") == LogLevel::Warn);
  CHECK(level("error") == LogLevel::Error);
  const auto up = [](const std::string& line) { return loaded(withUpstream(line)).upstreams[0]; };
  CHECK(*up("    balance: round_robin").balance == Balance::RoundRobin);
  CHECK(*up("    balance: least_conn").balance == Balance::LeastConn);
  CHECK(*up("    scheduling: lifo").scheduling == Scheduling::Lifo);
  CHECK(*up("    scheduling: fifo").scheduling == Scheduling::Fifo);
  CHECK(*up("    resolve: { prefer: ipv4 }").resolve.prefer == Prefer::Ipv4);
  CHECK(*up("    resolve: { prefer: ipv6 }").resolve.prefer == Prefer::Ipv6);
  const auto log = [](const char* word) {
    const Config config =
        loaded(withListener(std::string("    access_log: { format: ") + word + " }"));
    return *config.listeners[0].accessLog.format;
  };
  CHECK(log("json") == LogFormat::Json);
  CHECK(log("text") == LogFormat::Text);
  CHECK(log("combined") == LogFormat::Combined);
}

TEST_CASE("values may be quoted, and long text stands in a block") {
  CHECK(*loaded(withUpstream("    keepalive: \"7\"")).upstreams[0].keepalive == 7);
  const Config config =
      loaded(withRoutes("      - return:\n"
                        "          status: 503\n"
                        "          body: |\n"
                        "            back\n"
                        "            soon\n"));
  CHECK(*config.listeners[0].routes[0].fixed->body == "back\nsoon\n");
}

TEST_CASE("zero has its meaning where the documentation gives it one") {
  const Upstream up = loaded(withUpstream("    keepalive: 0\n"
                                          "    max_conns: 0\n"
                                          "    queue: { size: 0 }\n"
                                          "    replay_buffer: 0\n"
                                          "    tcp_user_timeout: 0s"))
                          .upstreams[0];
  CHECK(*up.keepalive == 0);
  CHECK(*up.queue.size == 0);
  CHECK(*up.replayBuffer == 0);
  CHECK(*loaded(withUpstream("    resolve: { stale: 0s }")).upstreams[0].resolve.stale == 0s);
}

TEST_CASE("an upstream that no route uses is fine") {
  CHECK(errorsOf(withTop("upstreams: { spare: { servers: [ 127.0.0.1:1 ] } }")).empty());
}

}  // namespace oxbow::config
