#include <nlohmann/json.hpp>

#include "proxy/admin/admin_handler.h"

namespace oxbow::admin {

namespace {

using Json = nlohmann::ordered_json;  // members in the order in which the documentation has them

// Negative: not known.
Json knownSeconds(double seconds) {
  if (seconds < 0) return nullptr;
  return seconds;
}

Json orNull(const std::string& text) {
  if (text.empty()) return nullptr;
  return text;
}

Json jsonOf(const dns::Service& service) {
  return {{"target", service.target},
          {"port", service.port},
          {"priority", service.priority},
          {"weight", service.weight}};
}

Json jsonOf(const NameReport& n) {
  Json services = Json::array();
  for (const dns::Service& service : n.services) services.push_back(jsonOf(service));
  return {{"name", n.name},
          {"upstreams", n.upstreams},
          {"state", textOf(n.state)},
          {"found_as", orNull(n.foundAs)},
          {"source", n.foundAs.empty() ? Json(nullptr) : Json(textOf(n.source))},
          {"addresses", n.addresses},
          {"services", std::move(services)},
          {"age_s", knownSeconds(n.ageSeconds)},
          {"ttl_s", n.ageSeconds < 0 ? Json(nullptr) : Json(n.ttlSeconds)},
          {"next_refresh_s", knownSeconds(n.nextRefreshSeconds)},
          {"failures", n.failures},
          {"last_error", orNull(n.lastError)}};
}

Json lookupsOf(const DnsReport& dns) {
  Json outcomes = Json::object();
  for (size_t i = 0; i < dns.outcomes.size(); ++i)
    if (dns.outcomes[i] > 0)
      outcomes[std::string(textOf(static_cast<dns::Outcome>(i)))] = dns.outcomes[i];
  return {{"sent", dns.lookups}, {"hits", dns.hits}, {"outcomes", std::move(outcomes)}};
}

}  // namespace

std::string dnsJson(const ServerReport& report) {
  const DnsReport& dns = report.dns;
  Json names = Json::array();
  for (const NameReport& name : dns.names) names.push_back(jsonOf(name));
  const Json page = {{"servers", dns.servers},
                     {"search", dns.search},
                     {"ndots", dns.ndots},
                     {"lookups", lookupsOf(dns)},
                     {"stale_serves", dns.staleServes},
                     {"addresses",
                      {{"added", dns.addressesAdded},
                       {"drained", dns.addressesDrained},
                       {"denied", dns.addressesDenied}}},
                     {"names", std::move(names)}};
  return page.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace oxbow::admin
