#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "proxy/base/address.h"
#include "proxy/config/addresses.h"
#include "proxy/config/blocks.h"

namespace oxbow::config {

namespace {

// "http://api:80/" was probably meant to be "api:80", and "api" to be "api:80".
std::string meantServer(std::string_view text) {
  const std::string_view usualPort = text.substr(0, 8) == "https://" ? ":443" : ":80";
  for (const std::string_view scheme : {"http://", "https://"})
    if (text.substr(0, scheme.size()) == scheme) text.remove_prefix(scheme.size());
  text = text.substr(0, text.find('/'));
  // "::1:80" and "::1" lack their brackets.
  if (std::count(text.begin(), text.end(), ':') > 1 && text.front() != '[') {
    const size_t colon = text.rfind(':');
    for (const std::string& guess :
         {fmt::format("[{}]:{}", text.substr(0, colon), text.substr(colon + 1)),
          fmt::format("[{}]{}", text, usualPort)})
      if (parseHostPort(guess).ok()) return guess;
  }
  for (const std::string_view port : {std::string_view(), usualPort}) {
    std::string guess = fmt::format("{}{}", text, port);
    if (parseHostPort(guess).ok()) return guess;
  }
  return {};
}

class ServerList {
 public:
  ServerList(Upstream& upstream, std::vector<Problem>& problems)
      : upstream_(upstream), problems_(problems) {}

  void read(const Node& item, const std::string& path) {
    if (item.isScalar()) {
      Server server;
      server.address = {item.text, item.place};
      add(std::move(server), path);
    } else if (item.isMapping()) {
      readMapping(item, path);
    } else {
      problems_.push_back(
          {item.place,
           path,
           fmt::format("expected an address or a mapping, got {}", kindName(item.kind)),
           {}});
    }
  }

 private:
  void readMapping(const Node& item, const std::string& path) {
    BlockReader in(item, schema::server(), path, problems_);
    Server server;
    in.require("server");
    in.read("server", server.address);
    in.read("weight", server.weight);
    in.read("max_conns", server.maxConns);
    in.finish();
    if (!server.address.isDefault()) add(std::move(server), in.pathOf("server"));
  }

  void add(Server server, const std::string& path) {
    const auto parsed = parseHostPort(*server.address);
    if (!parsed) {
      const bool isUrl = server.address->find("://") != std::string::npos;
      problems_.push_back({server.address.place, path,
                           isUrl ? quoted(*server.address) + " is a URL; write host and port alone"
                                 : addressError(parsed.error()),
                           meantServer(*server.address)});
      return;
    }
    if (!seen_.insert(canonicalServer(parsed.value())).second)
      problems_.push_back({server.address.place,
                           path,
                           fmt::format("{} stands in this upstream twice; give one of them a "
                                       "weight instead",
                                       quoted(*server.address)),
                           {}});
    upstream_.servers.push_back(std::move(server));
  }

  Upstream& upstream_;
  std::vector<Problem>& problems_;
  std::unordered_set<std::string> seen_;
};

void readServers(BlockReader& in, Upstream& out) {
  in.require("servers");
  const Node* list = in.takeList("servers");
  if (list == nullptr) return;
  if (list->children.empty()) in.fail("servers", "is empty; an upstream needs a server");
  ServerList servers(out, in.problems());
  for (size_t i = 0; i < list->children.size(); ++i)
    servers.read(list->children[i], join(in.pathOf("servers"), i));
}

void readQueue(BlockReader& in, Queue& out) {
  const Node* node = in.takeMapping("queue");
  if (node == nullptr) return;
  BlockReader queue(*node, schema::queue(), in.pathOf("queue"), in.problems());
  queue.read("size", out.size);
  queue.read("timeout", out.timeout);
  queue.finish();
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
  // A Unix socket is not bound, and a name may have addresses of both families.
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

// A floor must fit under every ceiling.
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
  readPool(in, upstream);
  readExchange(in, upstream);
  readSocketOptions(in, upstream.socket);
  in.finish();
  checkFloor(in, upstream);
  return upstream;
}

}  // namespace oxbow::config
