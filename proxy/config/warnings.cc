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

void warnOfParameters(const TlsParameters& tls, Collector& at) {
  if (*tls.minVersion == TlsVersion::Tls13)
    at.add("ciphers", tls.ciphers, "has no effect: with min_version TLSv1.3 there is no TLS 1.2");
  if (*tls.maxVersion == TlsVersion::Tls12)
    at.add("ciphersuites", tls.ciphersuites,
           "has no effect: with max_version TLSv1.2 there is no TLS 1.3");
}

void warnOfUpstreamTls(const Upstream& up, std::vector<Problem>& out) {
  const UpstreamTls& tls = up.tls;
  if (!*tls.enabled) return;
  Collector at(join(join("upstreams", *up.name), "tls"), out);
  warnOfParameters(tls.parameters, at);
  if (*tls.verify) return;
  at.add("verify", tls.verify,
         fmt::format("off: whoever stands between oxbow and the servers of {} can read and change "
                     "everything",
                     quoted(*up.name)));
  const char* message = "has no effect: with verify off no certificate is looked at";
  at.add("verify_name", tls.verifyName, message);
  at.add("verify_depth", tls.verifyDepth, message);
  at.add("ca", tls.ca, message);
}

void warnOfClients(const ClientCertificates& clients, const std::string& path,
                   std::vector<Problem>& out) {
  if (*clients.verify != ClientVerify::Off) return;
  Collector at(join(path, "client_certificates"), out);
  const char* message = "has no effect: with verify off no client is asked for a certificate";
  at.add("ca", clients.ca, message);
  at.add("verify_depth", clients.verifyDepth, message);
}

void warnOfTickets(const ListenerTls& tls, Collector& at) {
  if (!*tls.sessionTickets) {
    const char* message = "has no effect: with session_tickets off no session is resumed";
    at.add("session_ticket_rotation", tls.sessionTicketRotation, message);
    at.add("session_timeout", tls.sessionTimeout, message);
  } else if (!tls.sessionTicketKeys.empty()) {
    at.add("session_ticket_rotation", tls.sessionTicketRotation,
           "has no effect: the keys of session_ticket_keys are not replaced");
  } else if (*tls.sessionTimeout > *tls.sessionTicketRotation) {
    const std::string message = fmt::format(
        "session_timeout {} is over session_ticket_rotation {}: some keys are gone before their "
        "tickets end",
        durationText(*tls.sessionTimeout), durationText(*tls.sessionTicketRotation));
    if (!tls.sessionTimeout.isDefault())
      at.add("session_timeout", tls.sessionTimeout, message);
    else
      at.add("session_ticket_rotation", tls.sessionTicketRotation, message);
  }
}

void warnOfListenerTls(const ListenerTls& tls, const std::string& path, std::vector<Problem>& out) {
  Collector at(path, out);
  warnOfParameters(tls.parameters, at);
  warnOfTickets(tls, at);
  warnOfClients(tls.clients, path, out);
  for (size_t i = 0; i < tls.certificates.size(); ++i)
    if (const auto& clients = tls.certificates[i].clients)
      warnOfClients(*clients, join(join(path, "certificates"), i), out);
}

}  // namespace

std::vector<Problem> warnings(const Config& config) {
  std::vector<Problem> out;
  for (const Upstream& up : config.upstreams) {
    Collector at(join("upstreams", *up.name), out);
    warnOfUnreachable(up, at);
    warnOfRetries(up, at);
    warnOfBind(up, at);
    warnOfUpstreamTls(up, out);
    if (*up.proxyBuffers > *config.responseBufferBudget)
      at.add("proxy_buffers", up.proxyBuffers,
             fmt::format("{} is over proxy_buffers_total {}", sizeText(*up.proxyBuffers),
                         sizeText(*config.responseBufferBudget)));
  }
  for (size_t i = 0; i < config.listeners.size(); ++i)
    warnOfListenerTls(config.listeners[i].tls, join(join("listeners", i), "tls"), out);
  sortByPlace(out);
  return out;
}

}  // namespace oxbow::config
