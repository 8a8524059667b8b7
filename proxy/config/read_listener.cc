#include <fmt/format.h>

#include <map>
#include <utility>

#include "proxy/config/addresses.h"
#include "proxy/config/blocks.h"
#include "proxy/config/field_rules.h"
#include "proxy/config/suggest.h"

namespace oxbow::config {

namespace {

constexpr size_t kMaxVia = 64;

void readVia(BlockReader& in, Located<std::string>& out) {
  in.read("via", out);
  if (out.isDefault()) return;
  const auto word = parseBoolean(*out);
  if (word && !word.value()) {
    out.value.clear();
  } else if (word) {
    in.fail("via", "write a name, or off", "oxbow");
  } else if (!isToken(*out) || out->size() > kMaxVia) {
    in.fail("via", fmt::format("{} is no name for Via: letters, digits and - are", quoted(*out)));
  }
}

// `on` is the port of https.
void readHttpsRedirect(BlockReader& in, Located<uint32_t>& out) {
  constexpr uint32_t kHttps = 443;
  constexpr uint64_t kMaxPort = 65535;
  const Node* value = in.take("https_redirect");
  if (value == nullptr) return;
  if (!value->isScalar())
    return in.fail("https_redirect",
                   fmt::format("expected on, off or a port, got {}", kindName(value->kind)));
  const auto word = parseBoolean(value->text);
  const auto port = parseCount(value->text);
  if (!word && !port)
    return in.fail("https_redirect",
                   fmt::format("{} is neither on, off nor a port", quoted(value->text)),
                   suggest(value->text, {"on", "off"}));
  if (!word && (port.value() == 0 || port.value() > kMaxPort))
    return in.fail("https_redirect", fmt::format("a port is between 1 and {}", kMaxPort));
  if (word)
    out = {word.value() ? kHttps : 0, value->place};
  else
    out = {static_cast<uint32_t>(port.value()), value->place};
}

// A listener that redirects does nothing else, and has no https to speak.
void checkRedirect(BlockReader& in, const Listener& listener) {
  if (*listener.httpsRedirect == 0) return;
  if (in.has("routes"))
    in.fail("routes", "https_redirect answers every request; remove one of them");
  if (in.isMapping("tls"))
    in.fail("https_redirect", "clients of a listener with tls come by https already");
}

// "all" is every address of both families.
void readNetworks(const Node& node, BlockReader& in, std::string_view key,
                  std::vector<Located<Cidr>>& out) {
  std::vector<Located<std::string>> texts;
  in.read(key, texts);
  ItemPaths paths(node.find(key), in.pathOf(key));
  for (const Located<std::string>& text : texts) {
    const std::string path = paths.next();
    if (*text == "all") {
      for (const char* everything : {"0.0.0.0/0", "::/0"})
        out.push_back({Cidr::parse(everything).value(), text.place});
    } else if (const auto network = Cidr::parse(*text)) {
      out.push_back({network.value(), text.place});
    } else {
      in.problems().push_back(
          {text.place, path,
           fmt::format("{} is no network such as 10.0.0.0/8, no IP address, and not all",
                       quoted(*text)),
           suggest(*text, {"all"})});
    }
  }
}

void readTimesAndLimits(BlockReader& in, Listener& out) {
  in.read("client_header_timeout", out.clientHeaderTimeout);
  in.read("client_body_timeout", out.clientBodyTimeout);
  in.read("client_body_deadline", out.clientBodyDeadline);
  in.read("client_min_rate", out.clientMinRate);
  in.read("send_timeout", out.sendTimeout);
  in.read("keepalive_timeout", out.keepaliveTimeout);
  in.read("keepalive_requests", out.keepaliveRequests);
  in.read("client_max_body_size", out.clientMaxBodySize);
  in.read("client_body_buffer_size", out.clientBodyBufferSize);
  in.read("large_client_header_buffers", out.largeClientHeaderBuffers);
  in.read("max_headers", out.maxHeaders);
  in.read("underscores_in_headers", out.underscoresInHeaders);
  in.read("limit_conn", out.limitConn);
}

// A Unix socket's clients have none.
void checkAddressRules(BlockReader& in, const Listener& listener) {
  if (!listener.address.isUnix()) return;
  for (const std::string_view key : {"limit_conn", "allow", "deny"})
    if (in.has(key)) in.fail(key, "clients of a Unix socket have no address; remove it");
}

void readForwarding(BlockReader& in, Listener& out) {
  readVia(in, out.via);
  in.read("x_forwarded_for", out.xForwardedFor);
  in.read("x_forwarded_proto", out.xForwardedProto);
  in.read("x_forwarded_host", out.xForwardedHost);
  in.read("trusted_hops", out.trustedHops);
  in.read("backlog", out.backlog);
}

// A request that fits two routes alike would go to whichever stands first, silently.
void checkTwins(const Listener& listener, const std::string& path, std::vector<Problem>& problems) {
  std::map<std::pair<std::string, std::string>, size_t> first;
  for (size_t i = 0; i < listener.routes.size(); ++i) {
    const Route& route = listener.routes[i];
    std::vector<Located<std::string>> hosts = route.hosts;
    if (hosts.empty()) hosts.push_back({std::string(), route.place});
    for (const auto& host : hosts) {
      const auto [at, isNew] = first.emplace(std::pair(*host, *route.location), i);
      if (isNew || at->second == i) continue;
      problems.push_back(
          {host.place,
           join(path, i),
           fmt::format("the same location {}{} as in {} (line {})", quoted(*route.location),
                       host->empty() ? std::string() : " of host " + quoted(*host),
                       join(path, at->second), listener.routes[at->second].place.line),
           {}});
    }
  }
}

void readRoutes(BlockReader& in, Listener& out, const UpstreamNames& upstreams) {
  // Whoever misspelled the port has no routes either.
  const bool mayLack = *out.httpsRedirect != 0 || !in.isGood("https_redirect");
  if (!mayLack) in.require("routes");
  const Node* list = in.takeList("routes");
  if (list == nullptr) return;
  if (list->children.empty()) in.fail("routes", "is empty; a listener needs a route");
  const std::string path = in.pathOf("routes");
  for (size_t i = 0; i < list->children.size(); ++i) {
    const Node& node = list->children[i];
    if (node.isMapping()) {
      out.routes.push_back(readRoute(node, join(path, i), upstreams, in.problems()));
    } else {
      in.problems().push_back({node.place,
                               join(path, i),
                               fmt::format("expected a mapping, got {}", kindName(node.kind)),
                               {}});
      out.routes.emplace_back().location = {fmt::format("#{}", i), node.place};
    }
  }
  checkTwins(out, path, in.problems());
}

}  // namespace

Listener readListener(const Node& node, const std::string& path, const UpstreamNames& upstreams,
                      std::vector<Problem>& problems) {
  enum class Spoken : uint8_t { Http };
  Located<Spoken> protocol;
  Listener listener;
  BlockReader in(node, schema::listener(), path, problems);
  in.require("listen");
  readListenAddress(in, "*", listener.listen, listener.address);
  in.read("protocol", protocol);
  readListenerTls(in, listener.tls);
  readHttpsRedirect(in, listener.httpsRedirect);
  readAccessLog(in, listener.accessLog);
  readTimesAndLimits(in, listener);
  readNetworks(node, in, "allow", listener.access.allow);
  readNetworks(node, in, "deny", listener.access.deny);
  readForwarding(in, listener);
  readSocketOptions(in, listener.socket);
  readRoutes(in, listener, upstreams);
  in.finish();
  checkRedirect(in, listener);
  checkAddressRules(in, listener);
  return listener;
}

}  // namespace oxbow::config
