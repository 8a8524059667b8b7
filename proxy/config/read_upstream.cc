#include <fmt/format.h>

#include <algorithm>

#include "proxy/base/address.h"
#include "proxy/config/addresses.h"
#include "proxy/config/blocks.h"
#include "proxy/config/units.h"

namespace oxbow::config {

namespace {

void readQueue(BlockReader& in, Queue& out) {
  const Node* node = in.takeMapping("queue");
  if (node == nullptr) return;
  BlockReader queue(*node, schema::queue(), in.pathOf("queue"), in.problems());
  queue.read("size", out.size);
  queue.read("timeout", out.timeout);
  queue.finish();
}

// ttl_max cannot be under the least that ttl_min may be, so that it is never alone to blame.
void readResolve(BlockReader& in, Resolve& out) {
  const Node* node = in.takeMapping("resolve");
  if (node == nullptr) return;
  BlockReader resolve(*node, schema::resolve(), in.pathOf("resolve"), in.problems());
  resolve.read("ttl_min", out.ttlMin);
  resolve.read("ttl_max", out.ttlMax);
  resolve.read("stale", out.stale);
  resolve.read("drain_after", out.drainAfter);
  resolve.read("prefer", out.prefer);
  resolve.read("deny_private_answers", out.denyPrivateAnswers);
  resolve.finish();
  if (*out.ttlMin > *out.ttlMax && resolve.isGood("ttl_max"))
    resolve.fail("ttl_min", fmt::format("{} is over ttl_max {}", durationText(*out.ttlMin),
                                        durationText(*out.ttlMax)));
}

void readPool(BlockReader& in, Upstream& out) {
  in.read("protocol", out.protocol);
  readUpstreamTls(in, out);
  in.read("balance", out.balance);
  in.read("keepalive", out.keepalive);
  in.read("keepalive_min", out.keepaliveMin);
  in.read("keepalive_requests", out.keepaliveRequests);
  in.read("keepalive_time", out.keepaliveTime);
  in.read("keepalive_timeout", out.keepaliveTimeout);
  in.read("scheduling", out.scheduling);
  in.read("max_conns", out.maxConns);
  in.read("max_total_conns", out.maxTotalConns);
  in.read("max_connecting", out.maxConnecting);
  readQueue(in, out.queue);
}

void readBind(BlockReader& in, Upstream& out) {
  in.read("proxy_bind", out.proxyBind);
  if (out.proxyBind.isDefault()) return;
  const auto address = SocketAddress::parseIp(*out.proxyBind, 0);
  if (!address) return in.fail("proxy_bind", addressError(address.error()));
  if (!isOfOneMachine(address.value()))
    return in.fail("proxy_bind",
                   fmt::format("{} is no address that a machine has", quoted(*out.proxyBind)));
  // A Unix socket is not bound, and a name, be it of SRV records, may have addresses of both
  // families.
  const int family = address.value().family();
  const int other = family == AF_INET ? AF_INET6 : AF_INET;
  const auto anyIs = [&out](std::optional<int> wanted) {
    return std::any_of(out.servers.begin(), out.servers.end(), [wanted](const Server& server) {
      return familyOf(*server.address) == wanted;
    });
  };
  if (anyIs(other) && !anyIs(family) && !anyIs(std::nullopt))
    in.fail("proxy_bind", fmt::format("no server has an IPv{} address", family == AF_INET ? 4 : 6));
}

void readExchange(BlockReader& in, Upstream& out) {
  in.read("connect_timeout", out.connectTimeout);
  in.read("read_timeout", out.readTimeout);
  in.read("send_timeout", out.sendTimeout);
  in.read("proxy_buffers", out.proxyBuffers);
  in.read("replay_buffer", out.replayBuffer);
  in.read("proxy_next_upstream_tries", out.nextUpstreamTries);
  in.read("proxy_next_upstream_timeout", out.nextUpstreamTimeout);
  readBind(in, out);
}

// A floor must fit under every ceiling. How many endpoints a name has, one of SRV records too, is
// not known here; it is one at least.
void checkFloor(BlockReader& in, const Upstream& up) {
  const uint64_t floor = *up.keepaliveMin;
  if (floor == 0 || !in.isGood("keepalive_min")) return;
  const auto over = [&](std::string_view name, uint64_t limit) {
    in.fail("keepalive_min", fmt::format("{} is over {} {}", floor, name, limit));
  };
  if (in.isGood("keepalive") && floor > *up.keepalive) over("keepalive", *up.keepalive);
  if (in.isGood("max_conns") && *up.maxConns > 0 && floor > *up.maxConns)
    over("max_conns", *up.maxConns);
  for (const Server& server : up.servers) {
    const uint32_t own = server.maxConns ? **server.maxConns : 0;
    if (own > 0 && floor > own) over(fmt::format("the max_conns of {}:", *server.address), own);
  }
  const uint64_t all = floor * up.servers.size();
  if (in.isGood("max_total_conns") && *up.maxTotalConns > 0 && all > *up.maxTotalConns)
    in.fail("keepalive_min", fmt::format("{} for each of {} servers is over max_total_conns {}",
                                         floor, up.servers.size(), *up.maxTotalConns));
}

// The kernel counts their times in seconds.
void readKeepaliveProbes(const Node& node, BlockReader& in, SocketOptions& out) {
  BlockReader probes(node, schema::soKeepalive(), in.pathOf("so_keepalive"), in.problems());
  probes.read("idle", out.keepaliveIdle);
  checkWholeSeconds(probes, "idle", out.keepaliveIdle);
  probes.read("interval", out.keepaliveInterval);
  checkWholeSeconds(probes, "interval", out.keepaliveInterval);
  probes.read("count", out.keepaliveCount);
  probes.finish();
  out.keepalive = {true, node.place};
}

}  // namespace

void checkWholeSeconds(BlockReader& in, std::string_view name, const Located<Duration>& value) {
  if (*value % std::chrono::seconds(1) != Duration{0}) in.fail(name, "must be whole seconds");
}

void readSocketOptions(BlockReader& in, SocketOptions& out) {
  in.read("tcp_nodelay", out.tcpNodelay);
  if (in.isMapping("so_keepalive"))
    readKeepaliveProbes(*in.take("so_keepalive"), in, out);
  else
    in.read("so_keepalive", out.keepalive);
  in.read("tcp_user_timeout", out.tcpUserTimeout);
  in.read("rcvbuf", out.rcvbuf);
  in.read("sndbuf", out.sndbuf);
}

Upstream readUpstream(const Node& node, const std::string& path, std::vector<Problem>& problems) {
  Upstream upstream;
  upstream.name = {node.key, node.keyPlace};
  BlockReader in(node, schema::upstream(), path, problems);
  readServers(in, upstream);
  readResolve(in, upstream.resolve);
  readPool(in, upstream);
  readExchange(in, upstream);
  readSocketOptions(in, upstream.socket);
  in.finish();
  checkFloor(in, upstream);
  return upstream;
}

}  // namespace oxbow::config
