#include "proxy/config/values.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

#include "proxy/base/assert.h"
#include "proxy/config/addresses.h"
#include "proxy/config/field_rules.h"
#include "proxy/config/units.h"

namespace oxbow::config {

namespace {

using What = Value::What;

// Text that says "none" itself is not to be taken for nothing.
std::string word(const std::string& text) {
  if (text.empty()) return "none";
  return text == "none" ? "\"none\"" : text;
}

std::string freeText(const std::string& text) { return '"' + text + '"'; }

Value leaf(std::string text, Place place) {
  return {.text = std::move(text), .place = place, .inner = {}};
}

// The values of one mapping. Every key of the block must be put once, then comes finish(): the
// counterpart of BlockReader.
class BlockValues {
 public:
  explicit BlockValues(const schema::Block& block) { value_.block = &block; }

  void put(std::string_view name, Value value) {
    ASSERT(value_.block->find(name) != nullptr);
    value.name = name;
    value_.inner.push_back(std::move(value));
  }
  void put(std::string_view name, const Located<bool>& value) {
    put(name, leaf(*value ? "on" : "off", value.place));
  }
  void put(std::string_view name, const Located<Duration>& value) {
    put(name, leaf(durationText(*value), value.place));
  }
  void put(std::string_view name, const Located<std::string>& value) {
    put(name, leaf(word(*value), value.place));
  }
  template <typename T, typename = std::enable_if_t<std::is_unsigned_v<T>>>
  void put(std::string_view name, const Located<T>& value) {
    const bool isSize = value_.block->find(name)->type == schema::Type::Size;
    put(name, leaf(isSize ? sizeText(*value) : std::to_string(*value), value.place));
  }
  // The enumerators stand in the order of the schema's choices.
  template <typename E, std::enable_if_t<std::is_enum_v<E>, int> = 0>
  void put(std::string_view name, const Located<E>& value) {
    const auto& choices = value_.block->find(name)->choices;
    put(name, leaf(std::string(choices.at(static_cast<size_t>(*value))), value.place));
  }
  template <typename T>
  void put(std::string_view name, const std::optional<Located<T>>& value) {
    if (value)
      put(name, *value);
    else
      put(name, leaf("none", {}));
  }

  Value finish(Place place) {
    ASSERT(value_.inner.size() == value_.block->names().size());
    value_.place = place;
    return std::move(value_);
  }
  Value finish() {
    const auto written = std::find_if(value_.inner.begin(), value_.inner.end(),
                                      [](const Value& value) { return value.place.line != 0; });
    return finish(written == value_.inner.end() ? Place{} : written->place);
  }
  Value finishItem(What what, std::string name, Place place) {
    Value item = finish(place);
    item.what = what;
    item.name = std::move(name);
    return item;
  }

 private:
  Value value_;
};

template <typename T, typename ToItem>
Value list(const std::vector<T>& items, ToItem toItem) {
  Value list = leaf("none", {});
  for (const T& item : items) list.inner.push_back(toItem(item));
  return list;
}

std::vector<std::string> stringsOf(const std::vector<Located<std::string>>& list) {
  std::vector<std::string> strings;
  for (const auto& item : list) strings.push_back(*item);
  return strings;
}

// 0 is `auto`.
Value autoOr(const Located<uint32_t>& count) {
  return leaf(*count == 0 ? "auto" : std::to_string(*count), count.place);
}

Value listValue(const std::vector<Located<std::string>>& written,
                const std::vector<std::string>& shown) {
  if (shown.empty()) return leaf("none", {});
  Value value = leaf(fmt::format("[ {} ]", fmt::join(shown, ", ")), written.front().place);
  value.words = shown;
  return value;
}

std::vector<std::string> sortedHosts(const Route& route) {
  std::vector<std::string> hosts = stringsOf(route.hosts);
  std::sort(hosts.begin(), hosts.end());
  return hosts;
}

// Neither case nor order nor repetition changes what is hidden.
Value hiddenValue(const std::vector<Located<std::string>>& fields) {
  std::vector<std::string> names = stringsOf(fields);
  for (std::string& name : names) name = lowered(std::move(name));
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return listValue(fields, names);
}

Value editsValue(const std::vector<HeaderEdit>& edits) {
  if (edits.empty()) return leaf("none", {});
  Value fields{.place = edits.front().name.place, .inner = {}};
  for (const HeaderEdit& edit : edits) {
    fields.inner.push_back(leaf(freeText(*edit.value), edit.value.place));
    fields.inner.back().name = *edit.name;
  }
  return fields;
}

Value fixedReturnValue(const std::optional<FixedReturn>& fixed) {
  if (!fixed) return leaf("none", {});
  BlockValues out(schema::fixedReturn());
  out.put("status", fixed->status);
  out.put("body", leaf(fixed->body->empty() ? "none" : freeText(*fixed->body), fixed->body.place));
  out.put("content_type", fixed->contentType);
  out.put("location", fixed->location);
  return out.finish();
}

Value accessLogValue(const AccessLog& log) {
  if (!*log.enabled) return leaf("off", log.enabled.place);
  BlockValues out(schema::accessLog());
  out.put("path", log.path);
  out.put("format", log.format);
  out.put("keys", listValue(log.keys, stringsOf(log.keys)));
  out.put("sample", leaf(shareText(*log.sample), log.sample.place));
  out.put("errors", leaf(*log.errors == 0 ? "off" : std::to_string(*log.errors), log.errors.place));
  out.put("slow", log.slow);
  return out.finish(log.enabled.place);
}

Value routeValue(const Route& route) {
  const std::vector<std::string> hosts = sortedHosts(route);
  BlockValues out(schema::route());
  out.put("server_name", listValue(route.hosts, hosts));
  out.put("location", route.location);
  out.put("proxy_pass", route.proxyPass);
  out.put("rewrite", route.rewrite);
  out.put("return", fixedReturnValue(route.fixed));
  out.put("allow_dot_segments", route.allowDotSegments);
  out.put("proxy_set_header", editsValue(route.setHeaders));
  out.put("proxy_hide_header", hiddenValue(route.hideHeaders));
  out.put("add_header", editsValue(route.addHeaders));
  out.put("access_log", route.accessLog ? accessLogValue(*route.accessLog) : leaf("none", {}));
  return out.finishItem(What::Route, fmt::format("{}{}", fmt::join(hosts, ","), *route.location),
                        route.place);
}

// `on` is a mapping that sets nothing.
Value soKeepaliveValue(const SocketOptions& socket) {
  const bool setsTimes = *socket.keepaliveIdle != Duration{0} ||
                         *socket.keepaliveInterval != Duration{0} || *socket.keepaliveCount != 0;
  if (!*socket.keepalive) return leaf("off", socket.keepalive.place);
  if (!setsTimes) return leaf("on", socket.keepalive.place);
  BlockValues out(schema::soKeepalive());
  out.put("idle", socket.keepaliveIdle);
  out.put("interval", socket.keepaliveInterval);
  out.put("count", socket.keepaliveCount);
  return out.finish(socket.keepalive.place);
}

void putSocketOptions(const SocketOptions& socket, BlockValues& out) {
  out.put("tcp_nodelay", socket.tcpNodelay);
  out.put("so_keepalive", soKeepaliveValue(socket));
  out.put("tcp_user_timeout", socket.tcpUserTimeout);
  out.put("rcvbuf", socket.rcvbuf);
  out.put("sndbuf", socket.sndbuf);
}

void putTlsParameters(const TlsParameters& parameters, BlockValues& out) {
  out.put("min_version", parameters.minVersion);
  out.put("max_version", parameters.maxVersion);
  out.put("ciphers", parameters.ciphers);
  out.put("ciphersuites", parameters.ciphersuites);
  out.put("groups", parameters.groups);
  out.put("alpn", listValue(parameters.alpn, stringsOf(parameters.alpn)));
}

Value clientsValue(const ClientCertificates& clients) {
  if (*clients.verify == ClientVerify::Off) return leaf("off", clients.verify.place);
  BlockValues out(schema::clientCertificates());
  out.put("verify", clients.verify);
  out.put("ca", clients.ca);
  out.put("crl", clients.crl);
  out.put("verify_depth", clients.verifyDepth);
  return out.finish();
}

// The order of names says nothing.
Value namesValue(const std::vector<Located<std::string>>& names) {
  std::vector<std::string> shown = stringsOf(names);
  std::sort(shown.begin(), shown.end());
  return listValue(names, shown);
}

Value certificateValue(const CertificatePair& pair) {
  BlockValues out(schema::certificate());
  out.put("cert", pair.cert);
  out.put("key", pair.key);
  out.put("names", namesValue(pair.names));
  out.put("password_file", pair.passwordFile);
  out.put("ocsp", pair.ocsp);
  out.put("client_certificates", pair.clients ? clientsValue(*pair.clients) : leaf("none", {}));
  Value entry = out.finishItem(What::Key, *pair.cert, pair.place);
  entry.isEntry = true;
  return entry;
}

Value hstsValue(const ListenerTls& tls) {
  if (*tls.hstsMaxAge == Duration{0}) return leaf("off", {});
  BlockValues out(schema::hsts());
  out.put("max_age", tls.hstsMaxAge);
  out.put("include_subdomains", tls.hstsSubdomains);
  out.put("preload", tls.hstsPreload);
  return out.finish();
}

Value listenerTlsValue(const ListenerTls& tls) {
  if (!tls.enabled()) return leaf("off", {});
  BlockValues out(schema::listenerTls());
  out.put("certificates", list(tls.certificates, certificateValue));
  out.put("unknown_sni", tls.unknownSni);
  out.put("client_certificates", clientsValue(tls.clients));
  out.put("handshake_timeout", tls.handshakeTimeout);
  putTlsParameters(tls.parameters, out);
  out.put("session_tickets", tls.sessionTickets);
  out.put("session_ticket_keys",
          listValue(tls.sessionTicketKeys, stringsOf(tls.sessionTicketKeys)));
  out.put("session_ticket_rotation", tls.sessionTicketRotation);
  out.put("session_timeout", tls.sessionTimeout);
  out.put("hsts", hstsValue(tls));
  return out.finish(tls.certificates.front().place);
}

// `on` is a mapping that sets nothing.
Value upstreamTlsValue(const UpstreamTls& tls) {
  if (!*tls.enabled) return leaf("off", tls.enabled.place);
  BlockValues out(schema::upstreamTls());
  out.put("sni", tls.sni);
  out.put("verify", tls.verify);
  out.put("verify_name", tls.verifyName);
  out.put("verify_depth", tls.verifyDepth);
  out.put("ca", tls.ca);
  out.put("crl", tls.crl);
  out.put("certificate", tls.certificate);
  out.put("certificate_key", tls.certificateKey);
  out.put("password_file", tls.passwordFile);
  putTlsParameters(tls.parameters, out);
  out.put("session_reuse", tls.sessionReuse);
  return out.finish(tls.enabled.place);
}

Value networksValue(const std::vector<Located<Cidr>>& networks) {
  std::vector<Located<std::string>> texts;
  for (const auto& network : networks) texts.push_back({network->text(), network.place});
  return listValue(texts, stringsOf(texts));
}

void putTimesAndLimits(const Listener& listener, BlockValues& out) {
  out.put("client_header_timeout", listener.clientHeaderTimeout);
  out.put("client_body_timeout", listener.clientBodyTimeout);
  out.put("client_body_deadline", listener.clientBodyDeadline);
  out.put("client_min_rate", listener.clientMinRate);
  out.put("send_timeout", listener.sendTimeout);
  out.put("keepalive_timeout", listener.keepaliveTimeout);
  out.put("keepalive_requests", listener.keepaliveRequests);
  out.put("client_max_body_size", listener.clientMaxBodySize);
  out.put("client_body_buffer_size", listener.clientBodyBufferSize);
  out.put("large_client_header_buffers", listener.largeClientHeaderBuffers);
  out.put("max_headers", listener.maxHeaders);
  out.put("underscores_in_headers", listener.underscoresInHeaders);
  out.put("limit_conn", listener.limitConn);
  out.put("allow", networksValue(listener.access.allow));
  out.put("deny", networksValue(listener.access.deny));
}

void putForwarding(const Listener& listener, BlockValues& out) {
  out.put("via", leaf(listener.via->empty() ? "off" : *listener.via, listener.via.place));
  out.put("x_forwarded_for", listener.xForwardedFor);
  out.put("x_forwarded_proto", listener.xForwardedProto);
  out.put("x_forwarded_host", listener.xForwardedHost);
  out.put("trusted_hops", listener.trustedHops);
}

Value listenerValue(const Listener& listener) {
  const std::string address = listener.address.text();
  BlockValues out(schema::listener());
  out.put("listen", leaf(address, listener.listen.place));
  out.put("protocol", leaf(std::string(schema::listener().find("protocol")->choices.at(0)), {}));
  out.put("tls", listenerTlsValue(listener.tls));
  const uint32_t redirect = *listener.httpsRedirect;
  out.put("https_redirect",
          leaf(redirect == 0 ? "off" : std::to_string(redirect), listener.httpsRedirect.place));
  out.put("access_log", accessLogValue(listener.accessLog));
  putTimesAndLimits(listener, out);
  putForwarding(listener, out);
  out.put("backlog", listener.backlog);
  out.put("routes", list(listener.routes, routeValue));
  putSocketOptions(listener.socket, out);
  return out.finishItem(What::Listener, address, listener.listen.place);
}

Value serverValue(const Server& server) {
  const std::string name = canonicalServer(server);
  const std::string service = lowered(servicePrefix(server));
  // "_http._tcp.api.internal" is api.internal with its service.
  const bool isSplit = !service.empty();
  const Place place = server.service.isDefault() ? server.address.place : server.service.place;
  BlockValues out(schema::server());
  out.put("server", leaf(isSplit ? name.substr(service.size() + 1) : name, server.address.place));
  out.put("service", isSplit ? leaf(service, place) : leaf("none", {}));
  out.put("weight", server.weight);
  out.put("max_conns", server.maxConns);
  out.put("max_fails", server.maxFails);
  out.put("fail_timeout", server.failTimeout);
  out.put("backup", server.backup);
  out.put("down", server.down);
  return out.finishItem(What::Server, name, server.address.place);
}

Value resolveValue(const Resolve& resolve) {
  BlockValues out(schema::resolve());
  out.put("ttl_min", resolve.ttlMin);
  out.put("ttl_max", resolve.ttlMax);
  out.put("stale", resolve.stale);
  out.put("drain_after", resolve.drainAfter);
  out.put("prefer", resolve.prefer);
  out.put("deny_private_answers", resolve.denyPrivateAnswers);
  return out.finish();
}

Value queueValue(const Queue& queue) {
  BlockValues out(schema::queue());
  out.put("size", queue.size);
  out.put("timeout", queue.timeout);
  return out.finish();
}

void putPool(const Upstream& up, BlockValues& out) {
  out.put("protocol", up.protocol);
  out.put("tls", upstreamTlsValue(up.tls));
  out.put("balance", up.balance);
  out.put("keepalive", up.keepalive);
  out.put("keepalive_min", up.keepaliveMin);
  out.put("keepalive_requests", up.keepaliveRequests);
  out.put("keepalive_time", up.keepaliveTime);
  out.put("keepalive_timeout", up.keepaliveTimeout);
  out.put("scheduling", up.scheduling);
  out.put("max_conns", up.maxConns);
  out.put("max_total_conns", up.maxTotalConns);
  out.put("max_connecting", up.maxConnecting);
  out.put("queue", queueValue(up.queue));
}

// "::1" however it was written; text() would add brackets and the port 0.
std::string bindText(const std::string& written) {
  const auto address = SocketAddress::parseIp(written, 0);
  if (!address) return word(written);
  std::string text = address.value().text();
  text.erase(text.rfind(':'));
  return text.front() == '[' ? text.substr(1, text.size() - 2) : text;
}

void putExchange(const Upstream& up, BlockValues& out) {
  out.put("connect_timeout", up.connectTimeout);
  out.put("read_timeout", up.readTimeout);
  out.put("send_timeout", up.sendTimeout);
  out.put("proxy_buffers", up.proxyBuffers);
  out.put("replay_buffer", up.replayBuffer);
  out.put("proxy_next_upstream_tries", up.nextUpstreamTries);
  out.put("proxy_next_upstream_timeout", up.nextUpstreamTimeout);
  out.put("proxy_bind", leaf(bindText(*up.proxyBind), up.proxyBind.place));
}

Value upstreamValue(const Upstream& up) {
  BlockValues out(schema::upstream());
  out.put("servers", list(up.servers, serverValue));
  out.put("resolve", resolveValue(up.resolve));
  putPool(up, out);
  putExchange(up, out);
  putSocketOptions(up.socket, out);
  return out.finishItem(What::Upstream, *up.name, up.name.place);
}

Value adminValue(const Admin& admin) {
  if (!admin.enabled) return leaf("none", {});
  BlockValues out(schema::admin());
  out.put("listen", leaf(admin.address.text(), admin.listen.place));
  out.put("allow_remote", admin.allowRemote);
  out.put("token_file", admin.tokenFile);
  out.put("allowed_hosts", hiddenValue(admin.allowedHosts));
  return out.finish();
}

Value resolverValue(const ResolverConfig& resolver) {
  BlockValues out(schema::resolver());
  out.put("addresses", listValue(resolver.addresses, stringsOf(resolver.addresses)));
  out.put("timeout", resolver.timeout);
  out.put("resolv_conf", resolver.resolvConf);
  out.put("hosts", leaf(resolver.hosts->empty() ? "off" : *resolver.hosts, resolver.hosts.place));
  return out.finish();
}

}  // namespace

Value valuesOf(const Config& config) {
  BlockValues out(schema::top());
  out.put("workers", autoOr(config.workers));
  out.put("worker_connections", autoOr(config.workerConnections));
  out.put("shutdown_timeout", config.shutdownTimeout);
  out.put("drain_delay", config.drainDelay);
  out.put("drain_spread", config.drainSpread);
  out.put("memory_limit", config.memoryLimit);
  out.put("log_level", config.logLevel);
  out.put("watch", config.watch);
  out.put("proxy_buffers_total", config.responseBufferBudget);
  out.put("admin", adminValue(config.admin));
  out.put("resolver", resolverValue(config.resolver));
  out.put("upstreams", list(config.upstreams, upstreamValue));
  out.put("listeners", list(config.listeners, listenerValue));
  return out.finish(Place{1, 1});
}

std::string textOf(const Value& value) {
  if (value.isLeaf()) return value.text;
  const bool isList = value.isList();
  std::string text = isList ? "[" : "{";
  for (const Value& inner : value.inner) {
    text += &inner == &value.inner.front() ? " " : ", ";
    text += isList ? inner.name : inner.name + ": " + textOf(inner);
  }
  return text + (isList ? " ]" : " }");
}

}  // namespace oxbow::config
