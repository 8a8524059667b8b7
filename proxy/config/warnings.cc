#include "proxy/config/warnings.h"

#include <fmt/format.h>

#include <algorithm>

#include "proxy/config/addresses.h"
#include "proxy/config/units.h"

namespace oxbow::config {

namespace {

class Collector {
 public:
  Collector(std::string path, std::vector<Problem>& out) : path_(std::move(path)), out_(out) {}

  template <typename T>
  void add(std::string_view key, const Located<T>& value, std::string message) {
    if (!value.isDefault()) out_.push_back({value.place, join(path_, key), std::move(message), {}});
  }

 private:
  const std::string path_;
  std::vector<Problem>& out_;
};

void warnOfUnreachable(const Upstream& up, Collector& at) {
  const uint32_t cap = *up.maxConns;
  const uint32_t total = *up.maxTotalConns;
  if (cap > 0 && *up.keepalive > cap)
    at.add("keepalive", up.keepalive,
           fmt::format("{} is over max_conns {}: at most {} can be idle", *up.keepalive, cap, cap));
  if (total > 0 && cap > total)
    at.add("max_conns", up.maxConns,
           fmt::format("{} is over max_total_conns {} and is never reached", cap, total));
  if (*up.keepalive == 0) {
    const char* message = "has no effect: with keepalive 0 no connection is reused";
    at.add("keepalive_requests", up.keepaliveRequests, message);
    at.add("keepalive_time", up.keepaliveTime, message);
    at.add("keepalive_timeout", up.keepaliveTimeout, message);
  } else if (*up.keepaliveTimeout > *up.keepaliveTime) {
    at.add("keepalive_timeout", up.keepaliveTimeout,
           fmt::format("{} is over keepalive_time {} and is never reached",
                       durationText(*up.keepaliveTimeout), durationText(*up.keepaliveTime)));
  }
  if (*up.queue.size == 0)
    at.add("queue.timeout", up.queue.timeout, "has no effect: with size 0 nobody waits");
}

void warnOfRetries(const Upstream& up, Collector& at) {
  const bool leavesNoTime =
      *up.nextUpstreamTries > 1 && *up.connectTimeout >= *up.nextUpstreamTimeout;
  if (!leavesNoTime) return;
  const std::string message = fmt::format(
      "connect_timeout {} leaves no time in proxy_next_upstream_timeout {} for a second try",
      durationText(*up.connectTimeout), durationText(*up.nextUpstreamTimeout));
  if (!up.connectTimeout.isDefault())
    at.add("connect_timeout", up.connectTimeout, message);
  else
    at.add("proxy_next_upstream_timeout", up.nextUpstreamTimeout, message);
}

void warnOfBind(const Upstream& up, Collector& at) {
  if (up.proxyBind.isDefault()) return;
  const int family = SocketAddress::parseIp(*up.proxyBind, 0).value().family();
  const int other = family == AF_INET ? AF_INET6 : AF_INET;
  for (const Server& server : up.servers)
    if (familyOf(*server.address) == other)
      return at.add("proxy_bind", up.proxyBind,
                    fmt::format("has no effect on connections to {}", quoted(*server.address)));
}

}  // namespace

std::vector<Problem> warnings(const Config& config) {
  std::vector<Problem> out;
  for (const Upstream& up : config.upstreams) {
    Collector at(join("upstreams", *up.name), out);
    warnOfUnreachable(up, at);
    warnOfRetries(up, at);
    warnOfBind(up, at);
    if (*up.proxyBuffers > *config.responseBufferBudget)
      at.add("proxy_buffers", up.proxyBuffers,
             fmt::format("{} is over proxy_buffers_total {}", sizeText(*up.proxyBuffers),
                         sizeText(*config.responseBufferBudget)));
  }
  sortByPlace(out);
  return out;
}

}  // namespace oxbow::config
