#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "proxy/base/address.h"
#include "proxy/config/addresses.h"
#include "proxy/config/blocks.h"
#include "proxy/config/field_rules.h"

namespace oxbow::config {

namespace {

bool isUrl(std::string_view text) { return text.find("://") != std::string_view::npos; }

// "https://api/x" without scheme and path.
std::string_view withoutUrl(std::string_view text) {
  for (const std::string_view scheme : {"http://", "https://"})
    if (text.substr(0, scheme.size()) == scheme) text.remove_prefix(scheme.size());
  return text.substr(0, text.find('/'));
}

// "http://api:80/" was probably meant to be "api:80", and "api" to be "api:80".
std::string meantServer(std::string_view text) {
  const std::string_view usualPort = text.substr(0, 8) == "https://" ? ":443" : ":80";
  text = withoutUrl(text);
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

// "http://api:80/" and "api:80", where there must be no port, were probably meant to be "api".
std::string meantHost(std::string_view text) {
  text = withoutUrl(text);
  std::string guess(text.substr(0, text.find(':')));
  return isHostAlone(guess) ? guess : std::string();
}

// What keeps a server without a service from being one.
std::optional<Fault> checkServer(const Server& server) {
  const std::string& text = *server.address;
  if (isUrl(text))
    return Fault{quoted(text) + " is a URL; write host and port alone", meantServer(text)};
  if (!serviceName(server).empty()) {
    if (isHostAlone(text)) return std::nullopt;
    return Fault{quoted(text) + " is no name of SRV records", {}};
  }
  const auto parsed = parseHostPort(text);
  if (parsed) return std::nullopt;
  return Fault{addressError(parsed.error()), meantServer(text)};
}

// What a server is that has no SRV records; empty when it may have some.
std::string_view kindWithoutService(const std::string& text) {
  const auto parsed = parseHostPort(text);
  const auto withPort = parsed ? parsed : parseHostPort(text + ":1");
  if (withPort && !withPort.value().path.empty()) return "a Unix socket";
  const bool isIp = withPort ? withPort.value().isIp : SocketAddress::parseIp(text, 0).ok();
  return isIp ? "an IP address" : "";
}

// The records of a service have its ports.
std::optional<Fault> checkHostOfService(const std::string& text) {
  if (isUrl(text)) return Fault{quoted(text) + " is a URL; write the host alone", meantHost(text)};
  if (isHostAlone(text)) return std::nullopt;
  if (parseHostPort(text).ok())
    return Fault{
        quoted(text) + " has a port, and so have the records of its service; write the host alone",
        meantHost(text)};
  return Fault{quoted(text) + " is no host", meantHost(text)};
}

std::optional<Fault> checkService(const Server& server) {
  const std::string& service = *server.service;
  if (service.empty()) return Fault{"is empty; leave it out", {}};
  const bool isNumber = service.find_first_not_of("0123456789") == std::string::npos;
  if (isNumber)
    return Fault{quoted(service) + " is a port; write it behind the server, without a service", {}};
  // One that is long, or has a label that is, makes no name with its host.
  if (isDomain(service) && service.back() != '.' && isHostAlone(serviceName(server)))
    return std::nullopt;
  return Fault{quoted(service) + " is no service; write one such as http, or _http._tcp", {}};
}

// Returns whether nothing is wrong.
bool checkServiceOf(BlockReader& in, const Server& server) {
  const auto check = [&in](std::string_view key, std::optional<Fault> fault) {
    if (fault) in.fail(key, fault->message, fault->suggestion);
    return !fault;
  };
  const std::string& address = *server.address;
  const std::string_view kind = kindWithoutService(address);
  if (!kind.empty())
    return check("service",
                 Fault{fmt::format("{} is {}, which has no SRV records; leave service out",
                                   quoted(address), kind),
                       {}});
  Server alone;
  alone.address = server.address;
  if (!serviceName(alone).empty())
    return check("service",
                 Fault{quoted(address) + " names its service already; leave service out", {}});
  return check("server", checkHostOfService(address)) && check("service", checkService(server));
}

class ServerList {
 public:
  ServerList(Upstream& upstream, std::vector<Problem>& problems)
      : upstream_(upstream), problems_(problems) {}

  void read(const Node& item, const std::string& path) {
    if (item.isScalar()) {
      Server server;
      server.address = {item.text, item.place};
      addIfRight(std::move(server), path);
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
    in.read("service", server.service);
    in.read("weight", server.weight);
    in.read("max_conns", server.maxConns);
    in.read("max_fails", server.maxFails);
    in.read("fail_timeout", server.failTimeout);
    in.read("backup", server.backup);
    in.read("down", server.down);
    in.finish();
    // Of a service that cannot be read nothing is known of the port.
    if (server.address.isDefault() || !in.isGood("service")) return;
    if (!in.has("service"))
      addIfRight(std::move(server), in.pathOf("server"));
    else if (checkServiceOf(in, server))
      add(std::move(server), in.pathOf("server"));
  }

  void addIfRight(Server server, const std::string& path) {
    if (auto fault = checkServer(server))
      problems_.push_back({server.address.place, path, fault->message, fault->suggestion});
    else
      add(std::move(server), path);
  }

  void add(Server server, const std::string& path) {
    if (!seen_.insert(canonicalServer(server)).second)
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

}  // namespace

void readServers(BlockReader& in, Upstream& out) {
  in.require("servers");
  const Node* list = in.takeList("servers");
  if (list == nullptr) return;
  if (list->children.empty()) in.fail("servers", "is empty; an upstream needs a server");
  ServerList servers(out, in.problems());
  for (size_t i = 0; i < list->children.size(); ++i)
    servers.read(list->children[i], join(in.pathOf("servers"), i));
}

}  // namespace oxbow::config
