#include "proxy/upstream/endpoint_set.h"

#include <algorithm>
#include <string_view>
#include <unordered_set>

namespace oxbow::upstream {

Error errorOfNone(ErrorCode none) {
  const char* detail = "the upstream has no endpoint";
  if (none == ErrorCode::DnsTimeout) detail = "the upstream's names were not resolved in time";
  if (none == ErrorCode::DnsError) detail = "the upstream's names do not resolve";
  return {none, Side::Proxy, Retry::Safe, 503, detail};
}

void wakeLoneStandbys(EndpointSet& set) {
  const auto standsBy = [](const EndpointSpec& spec) { return spec.standby; };
  if (std::none_of(set.endpoints.begin(), set.endpoints.end(), standsBy)) return;
  const auto identity = [](const EndpointSpec& spec) { return spec.server + '\n' + spec.name; };
  std::unordered_set<std::string> inUse;
  for (const EndpointSpec& spec : set.endpoints)
    if (!spec.standby) inUse.insert(identity(spec));
  for (EndpointSpec& spec : set.endpoints)
    if (spec.standby && (spec.name.empty() || !inUse.contains(identity(spec))))
      spec.standby = false;
}

}  // namespace oxbow::upstream
