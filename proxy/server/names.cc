#include "proxy/server/names.h"

#include <fmt/format.h>

#include <algorithm>

#include "proxy/config/addresses.h"
#include "proxy/server/tls_contexts.h"
#include "proxy/tls/file.h"

namespace oxbow::server {

namespace {

bool isSilence(dns::Outcome outcome) {
  return outcome == dns::Outcome::Timeout || outcome == dns::Outcome::Unreachable;
}

// Whether nothing is known of it but that it may still come.
bool isAwaited(const std::shared_ptr<dns::CachedName>& name) {
  return name != nullptr && name->awaited();
}

}  // namespace

dns::ClientOptions clientOptionsOf(const config::Config& config) {
  const config::ResolverConfig& resolver = config.resolver;
  dns::ClientOptions options;
  // The validator has seen them.
  for (const auto& address : resolver.addresses)
    options.servers.push_back(config::parseNameServer(*address).value());
  options.timeout = *resolver.timeout;
  const std::string folder = folderOf(config);
  options.resolvConf = tls::pathIn(folder, *resolver.resolvConf);
  options.hosts = resolver.hosts->empty() ? "" : tls::pathIn(folder, *resolver.hosts);
  return options;
}

dns::FollowPolicy followPolicyOf(const config::Resolve& config) {
  return {*config.ttlMin, *config.ttlMax, *config.stale, *config.drainAfter,
          *config.denyPrivateAnswers};
}

Names::Names(event::Dispatcher& dispatcher, std::function<void()> changed)
    : dispatcher_(dispatcher),
      changed_(std::move(changed)),
      forgetting_(dispatcher, [this] { dispatcher_.soon(telling_); }),
      client_(dispatcher, [this] { dispatcher_.soon(telling_); }) {}

std::optional<std::string> Names::setResolver(const config::Config& config) {
  return client_.configure(clientOptionsOf(config));
}

std::shared_ptr<dns::CachedName> followServer(dns::NameCache& names, const config::Server& server,
                                              const config::Resolve& resolve) {
  const dns::FollowPolicy policy = followPolicyOf(resolve);
  if (const std::string service = config::serviceName(server); !service.empty())
    return names.follow(service, dns::Kind::Services, policy);
  const HostPort target = parseHostPort(*server.address).value();
  if (!target.path.empty() || target.isIp) return nullptr;
  return names.follow(target.host, dns::Kind::Addresses, policy);
}

void Names::prepare(const config::Config& config, std::function<void()> done) {
  Upstreams next;
  for (const config::Upstream& upstream : config.upstreams)
    for (const config::Server& server : upstream.servers)
      next[*upstream.name].push_back(followServer(client_.names(), server, upstream.resolve));
  prepared_ = std::move(next);
  waiting_.push_back(std::move(done));
  finishWaiting();
}

void Names::usePrepared() {
  used_ = std::move(prepared_);
  prepared_.clear();
}

void Names::onChanged() {
  changed_();
  finishWaiting();
}

void Names::finishWaiting() {
  for (const auto& [upstream, names] : prepared_)
    if (std::any_of(names.begin(), names.end(), isAwaited)) return;
  for (const auto& done : std::exchange(waiting_, {})) done();
}

upstream::EndpointSpec Names::Part::common() const {
  return {.weight = *server.weight,
          .maxConns = server.maxConns ? **server.maxConns : *upstream.maxConns,
          .maxFails = *server.maxFails,
          .failTimeout = *server.failTimeout,
          .backup = *server.backup,
          .group = *server.backup ? upstream::kBackupGroup : 0};
}

// Two servers may have one address: the first of them has it.
void Names::Part::add(upstream::EndpointSpec spec) const {
  for (upstream::EndpointSpec& known : set.endpoints) {
    if (known.address != spec.address) continue;
    if (known.standby && !spec.standby) known = std::move(spec);
    return;
  }
  set.endpoints.push_back(std::move(spec));
}

void Names::addAddress(const Part& part) const {
  upstream::EndpointSpec spec = part.common();
  spec.address = SocketAddress::parse(*part.server.address).value();
  spec.server = *part.server.address;
  part.add(std::move(spec));
}

void Names::addName(const Part& part, const dns::CachedName& name, upstream::EndpointSpec like,
                    uint16_t port) const {
  const int inUse = familyFor(part.upstream, like.name, name);
  for (const int family : {AF_INET, AF_INET6}) {
    like.standby = family != inUse;
    for (const SocketAddress& address : name.addresses(family)) {
      like.address = address;
      like.address.setPort(port);
      part.add(like);
    }
  }
}

// RFC 2782: the lower priority first; weights as shares. A weight of 0 has a small chance.
void Names::addServices(const Part& part, const dns::CachedName& name) const {
  std::vector<uint16_t> priorities;
  for (const dns::Service& service : name.services())
    if (priorities.empty() || priorities.back() != service.priority)
      priorities.push_back(service.priority);
  for (const dns::Service& service : name.services()) {
    const auto place = std::find(priorities.begin(), priorities.end(), service.priority);
    upstream::EndpointSpec like = part.common();
    like.server = config::hostOf(part.server);
    like.name = fmt::format("{}:{}", service.target, service.port);
    like.weight *= std::max<uint32_t>(service.weight, 1);
    like.group += static_cast<uint32_t>(place - priorities.begin());
    addName(part, name.target(service), std::move(like), service.port);
  }
}

int Names::familyFor(const config::Upstream& upstream, const std::string& label,
                     const dns::CachedName& name) const {
  int family = *upstream.resolve.prefer == config::Prefer::Ipv6 ? AF_INET6 : AF_INET;
  const auto remembered = families_.find({*upstream.name, label});
  if (remembered != families_.end() && dispatcher_.clock().now() < remembered->second.until)
    family = remembered->second.family;
  const int other = family == AF_INET ? AF_INET6 : AF_INET;
  return name.addresses(family).empty() ? other : family;
}

upstream::EndpointSet Names::endpointsOf(const config::Upstream& upstream) const {
  upstream::EndpointSet set;
  const Followed& names = used_.at(*upstream.name);
  const dns::CachedName* failed = nullptr;
  for (size_t i = 0; i < names.size(); ++i) {
    const Part part{upstream, upstream.servers[i], set};
    if (*part.server.down) continue;
    const dns::CachedName* name = names[i].get();
    if (name == nullptr) {
      addAddress(part);
      continue;
    }
    set.awaited = set.awaited || name->awaited();
    if (name->kind() == dns::Kind::Services) {
      addServices(part, *name);
    } else {
      const HostPort target = parseHostPort(*part.server.address).value();
      upstream::EndpointSpec like = part.common();
      like.server = like.name = *part.server.address;
      addName(part, *name, std::move(like), target.port);
    }
    if (!name->hasAny() && failed == nullptr) failed = name;
  }
  if (set.endpoints.empty() && !set.awaited && failed != nullptr)
    set.none = isSilence(failed->lastOutcome()) ? ErrorCode::DnsTimeout : ErrorCode::DnsError;
  return set;
}

void Names::rememberFamily(const std::string& upstream, const std::string& name, int family) {
  const TimePoint now = dispatcher_.clock().now();
  std::erase_if(families_, [now](const auto& entry) { return entry.second.until <= now; });
  families_[{upstream, name}] = {family, now + kFamilyMemory};
  forgetting_.setIn(kFamilyMemory);
  dispatcher_.soon(telling_);
}

}  // namespace oxbow::server
