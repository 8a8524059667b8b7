#include <fmt/format.h>

#include <algorithm>

#include "proxy/config/addresses.h"
#include "proxy/config/blocks.h"
#include "proxy/config/field_rules.h"
#include "proxy/config/suggest.h"
#include "proxy/config/units.h"

namespace oxbow::config {

namespace {

constexpr size_t kMaxName = 64;

bool isUpstreamName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxName &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '.' || c == '-';
         });
}

// `auto` is 0.
void readAutoOr(BlockReader& in, std::string_view key, uint32_t most, Located<uint32_t>& out) {
  const Node* value = in.take(key);
  if (value == nullptr) return;
  if (!value->isScalar())
    return in.fail(key, fmt::format("expected auto or a number, got {}", kindName(value->kind)));
  if (value->text == "auto") {
    out = {0, value->place};
    return;
  }
  const auto count = parseCount(value->text);
  if (!count)
    in.fail(key,
            fmt::format("{} is neither auto nor a number from 1 to {}", quoted(value->text), most),
            suggest(value->text, {"auto"}));
  else if (count.value() == 0 || count.value() > most)
    in.fail(key, fmt::format("must be between 1 and {}", most), count.value() == 0 ? "auto" : "");
  else
    out = {static_cast<uint32_t>(count.value()), value->place};
}

// A limit that nothing would fit into.
void readMemoryLimit(BlockReader& in, Located<uint64_t>& out) {
  constexpr uint64_t kLeast = 1 << 20;
  in.read("memory_limit", out);
  if (*out != 0 && *out < kLeast) in.fail("memory_limit", "must be 0 or at least 1m", "1m");
}

void readAllowedHosts(const Node& node, BlockReader& in, Admin& out) {
  in.read("allowed_hosts", out.allowedHosts);
  ItemPaths paths(node.find("allowed_hosts"), in.pathOf("allowed_hosts"));
  for (const Located<std::string>& host : out.allowedHosts) {
    const std::string path = paths.next();
    if (host->substr(0, 2) == "*.")
      in.problems().push_back({host.place, path, "is no host; write each one in full", {}});
    else if (const auto fault = checkServerName(*host))
      in.problems().push_back({host.place, path, fault->message, fault->suggestion});
  }
}

// Where other machines reach it, whoever finds it could change the log's level or load the file.
void readAdminAccess(const Node& node, BlockReader& in, Admin& out) {
  in.read("allow_remote", out.allowRemote);
  readFileName(in, "token_file", out.tokenFile);
  readAllowedHosts(node, in, out);
  if (*out.allowRemote && !in.has("token_file"))
    in.fail("allow_remote", "needs token_file: the token that whoever asks has to send");
  if (!*out.allowRemote && in.isGood("allow_remote") && in.has("allowed_hosts"))
    in.fail("allowed_hosts", "needs allow_remote: on; localhost is allowed always");
}

void readAdmin(BlockReader& in, Admin& out) {
  const Node* node = in.takeMapping("admin");
  if (node == nullptr) return;
  BlockReader admin(*node, schema::admin(), in.pathOf("admin"), in.problems());
  admin.require("listen");
  readListenAddress(admin, "127.0.0.1", out.listen, out.address);
  readAdminAccess(*node, admin, out);
  admin.finish();
  out.enabled = true;
  if (!*out.allowRemote && out.isRemote() && !out.address.empty())
    admin.fail("listen", "admin listens on a loopback address or a Unix socket only",
               fmt::format("127.0.0.1:{}", out.address.port()));
}

void readHosts(BlockReader& in, Located<std::string>& out) {
  readFileName(in, "hosts", out);
  if (out.isDefault()) return;
  const auto word = parseBoolean(*out);
  if (word && !word.value())
    out.value.clear();
  else if (word)
    in.fail("hosts", "write the path of a file, or off", "/etc/hosts");
}

void readResolvConf(BlockReader& in, Located<std::string>& out) {
  readFileName(in, "resolv_conf", out);
  if (!in.has("resolv_conf") || !in.isGood("resolv_conf")) return;
  if (parseBoolean(*out).ok())
    in.fail("resolv_conf", "write the path of a file; addresses take its place");
  else if (in.has("addresses"))
    in.fail("resolv_conf",
            "its servers are not asked where there are addresses; remove resolv_conf, or "
            "addresses to ask the system's servers");
}

void readResolver(BlockReader& in, ResolverConfig& out) {
  const Node* node = in.takeMapping("resolver");
  if (node == nullptr) return;
  BlockReader resolver(*node, schema::resolver(), in.pathOf("resolver"), in.problems());
  resolver.read("addresses", out.addresses);
  resolver.read("timeout", out.timeout);
  readResolvConf(resolver, out.resolvConf);
  readHosts(resolver, out.hosts);
  resolver.finish();
  const Node* value = node->find("addresses");
  if (value != nullptr && value->isList() && value->children.empty())
    resolver.fail("addresses", "is an empty list; leave it out for the system's servers");
  ItemPaths paths(value, resolver.pathOf("addresses"));
  for (Located<std::string>& text : out.addresses) {
    const std::string path = paths.next();
    if (const auto address = parseNameServer(*text))
      text.value = address->text();
    else
      in.problems().push_back(
          {text.place,
           path,
           fmt::format("{} is no IP address with or without a port", quoted(*text)),
           {}});
  }
}

UpstreamNames upstreamNames(const Node& root) {
  UpstreamNames names;
  // Should the key stand there twice, that is the mistake, and not each name in the second.
  for (const Node& block : root.children)
    if (block.key == "upstreams")
      for (const Node& entry : block.children) names.add(entry.key);
  return names;
}

void readUpstreams(BlockReader& in, std::vector<Upstream>& out) {
  const Node* block = in.takeMapping("upstreams");
  if (block == nullptr) return;
  for (const Node& entry : block->children) {
    const std::string path = join(in.pathOf("upstreams"), entry.key);
    if (!isUpstreamName(entry.key))
      in.problems().push_back(
          {entry.keyPlace,
           path,
           fmt::format("a name has 1 to {} letters, digits, _, . or -", kMaxName),
           {}});
    if (entry.isMapping())
      out.push_back(readUpstream(entry, path, in.problems()));
    else
      in.problems().push_back(
          {entry.place,
           path,
           fmt::format("expected a mapping with servers, got {}", kindName(entry.kind)),
           {}});
  }
}

// Two sockets on one address: the second bind would fail, or, worse, hide the first.
void checkCollisions(const Config& config, const std::vector<std::string>& paths,
                     std::vector<Problem>& problems) {
  for (size_t i = 0; i < config.listeners.size(); ++i) {
    const Listener& listener = config.listeners[i];
    const auto report = [&](const std::string& other, Place place) {
      problems.push_back(
          {listener.listen.place,
           join(paths[i], "listen"),
           fmt::format("{} is taken by {} (line {})", quoted(*listener.listen), other, place.line),
           {}});
    };
    if (collide(listener.address, config.admin.address))
      report("admin.listen", config.admin.listen.place);
    for (size_t j = 0; j < i; ++j) {
      if (!collide(listener.address, config.listeners[j].address)) continue;
      report(join(paths[j], "listen"), config.listeners[j].listen.place);
      break;
    }
  }
}

void readListeners(BlockReader& in, Config& config, const UpstreamNames& upstreams) {
  in.require("listeners");
  const Node* list = in.takeList("listeners");
  if (list == nullptr) return;
  if (list->children.empty()) in.fail("listeners", "is empty; nothing would be served");
  std::vector<std::string> paths;
  for (size_t i = 0; i < list->children.size(); ++i) {
    const Node& node = list->children[i];
    const std::string path = join(in.pathOf("listeners"), i);
    if (node.isMapping()) {
      config.listeners.push_back(readListener(node, path, upstreams, in.problems()));
      paths.push_back(path);
    } else {
      in.problems().push_back(
          {node.place, path, fmt::format("expected a mapping, got {}", kindName(node.kind)), {}});
    }
  }
  checkCollisions(config, paths, in.problems());
}

}  // namespace

Config readTop(const Node& root, std::vector<Problem>& problems) {
  Config config;
  BlockReader in(root, schema::top(), {}, problems);
  readAutoOr(in, "workers", kMaxWorkers, config.workers);
  readAutoOr(in, "worker_connections", kMaxClients, config.workerConnections);
  in.read("shutdown_timeout", config.shutdownTimeout);
  in.read("drain_delay", config.drainDelay);
  in.read("drain_spread", config.drainSpread);
  readMemoryLimit(in, config.memoryLimit);
  in.read("log_level", config.logLevel);
  in.read("watch", config.watch);
  in.read("proxy_buffers_total", config.responseBufferBudget);
  readAdmin(in, config.admin);
  readResolver(in, config.resolver);
  readUpstreams(in, config.upstreams);
  readListeners(in, config, upstreamNames(root));
  in.finish();
  return config;
}

}  // namespace oxbow::config
