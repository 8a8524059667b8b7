// The part of the metrics that is about names.

#include <algorithm>
#include <array>

#include "proxy/admin/metrics_parts.h"

namespace oxbow::admin {

namespace {

struct Count {
  std::string_view name;
  std::string_view help;
  uint64_t DnsReport::*value;
};

constexpr Count kCounts[] = {
    {"oxbow_dns_lookups_total", "Questions that were sent to DNS servers.", &DnsReport::lookups},
    {"oxbow_dns_hits_total", "Questions that were answered without asking a server.",
     &DnsReport::hits},
    {"oxbow_dns_stale_serves_total",
     "Lookups that failed while an older answer went on being used.", &DnsReport::staleServes},
    {"oxbow_dns_addresses_added_total", "Addresses that joined a name that is followed.",
     &DnsReport::addressesAdded},
    {"oxbow_dns_addresses_drained_total", "Addresses that left a name that is followed.",
     &DnsReport::addressesDrained},
    {"oxbow_dns_addresses_denied_total", "Addresses in answers that were not used, by policy.",
     &DnsReport::addressesDenied},
};

constexpr size_t kStates = 4;

}  // namespace

void writeDnsMetrics(stats::PrometheusWriter& writer, const DnsReport& dns) {
  for (const Count& count : kCounts) {
    writer.counter(count.name, count.help);
    writer.sample({}, dns.*count.value);
  }
  writer.counter("oxbow_dns_failures_total", "Questions without an answer to use, by kind.");
  for (size_t i = 1; i < dns.outcomes.size(); ++i)  // 0 is no failure
    writer.sample({{"kind", textOf(static_cast<dns::Outcome>(i))}}, dns.outcomes[i]);
  writer.histogram("oxbow_dns_lookup_seconds", "From a question to its answer or failure.");
  writer.sample({}, dns.lookupTime);
  std::array<uint64_t, kStates> byState{};
  for (const NameReport& name : dns.names) ++byState[static_cast<size_t>(name.state)];
  writer.gauge("oxbow_dns_names", "Names that are followed, by state.");
  for (size_t i = 0; i < kStates; ++i)
    writer.sample({{"state", textOf(static_cast<dns::NameState>(i))}}, byState[i]);
  double oldest = 0;
  for (const NameReport& name : dns.names)
    if (name.state == dns::NameState::Stale) oldest = std::max(oldest, name.ageSeconds);
  writer.gauge("oxbow_dns_stale_age_seconds", "Age of the oldest stale answer in use; 0: none.");
  writer.sample({}, oldest);
}

}  // namespace oxbow::admin
