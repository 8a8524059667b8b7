// What the admin pages are told of names.

#include <algorithm>

#include "proxy/server/names.h"

namespace oxbow::server {

namespace {

double secondsOf(Duration duration) { return std::chrono::duration<double>(duration).count(); }

std::string ipOf(const SocketAddress& address) {
  char ip[48];
  return {ip, address.writeIp(ip)};
}

void addAddresses(const dns::CachedName& name, std::vector<std::string>& addresses) {
  for (const int family : {AF_INET, AF_INET6})
    for (const SocketAddress& address : name.addresses(family))
      if (std::string ip = ipOf(address);
          std::find(addresses.begin(), addresses.end(), ip) == addresses.end())
        addresses.push_back(std::move(ip));
}

admin::NameReport reportOf(const dns::CachedName& name, TimePoint now) {
  admin::NameReport report;
  report.name = name.name();
  report.foundAs = name.foundAs();
  report.state = name.state(now);
  report.source = name.source();
  addAddresses(name, report.addresses);
  report.services = name.services();
  for (const dns::Service& service : name.services())
    addAddresses(name.target(service), report.addresses);
  if (name.hasAny()) report.ageSeconds = secondsOf(now - name.answeredAt());
  report.ttlSeconds = secondsOf(name.ttl());
  if (name.nextRefresh() != TimePoint::max())
    report.nextRefreshSeconds = std::max(0.0, secondsOf(name.nextRefresh() - now));
  report.failures = name.failures();
  if (name.failures() > 0)
    report.lastError = name.isDenied() ? "denied" : std::string(textOf(name.lastOutcome()));
  return report;
}

}  // namespace

void Names::report(const config::Config& config, admin::DnsReport& report) const {
  const TimePoint now = dispatcher_.clock().now();
  // One that several upstreams follow by the same rules is one.
  std::vector<const dns::CachedName*> known;
  for (const config::Upstream& upstream : config.upstreams) {
    const auto followed = used_.find(*upstream.name);
    if (followed == used_.end()) continue;
    for (const auto& name : followed->second) {
      if (name == nullptr) continue;
      const auto found = std::find(known.begin(), known.end(), name.get());
      const auto index = static_cast<size_t>(found - known.begin());
      if (found == known.end()) {
        known.push_back(name.get());
        report.names.push_back(reportOf(*name, now));
      }
      std::vector<std::string>& users = report.names[index].upstreams;
      if (users.empty() || users.back() != *upstream.name) users.push_back(*upstream.name);
    }
  }
  const dns::SystemConfig& system = client_.system();
  for (const SocketAddress& server : system.servers) report.servers.push_back(server.text());
  report.search = system.search;
  report.ndots = system.ndots;
  const dns::DnsStats& stats = client_.stats();
  report.lookups = stats.lookups;
  report.hits = stats.hits;
  report.staleServes = stats.staleServes;
  report.addressesAdded = stats.addressesAdded;
  report.addressesDrained = stats.addressesDrained;
  report.addressesDenied = stats.addressesDenied;
  report.outcomes = stats.outcomes;
  report.lookupTime = stats.lookupTime.snapshot();
}

}  // namespace oxbow::server
