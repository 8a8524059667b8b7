#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "proxy/admin/admin_handler.h"

using namespace oxbow;
using namespace oxbow::admin;
using Json = nlohmann::json;

TEST_CASE("a name tells its answer, its age and its errors") {
  ServerReport report;
  NameReport name;
  name.name = "api";
  name.upstreams = {"one", "two"};
  name.foundAs = "api.cluster.test";
  name.state = dns::NameState::Stale;
  name.addresses = {"192.0.2.1", "2001:db8::1"};
  name.services = {{1, 2, 80, "a.test"}};
  name.ageSeconds = 12.5;
  name.ttlSeconds = 30;
  name.nextRefreshSeconds = 2;
  name.failures = 3;
  name.lastError = "servfail";
  report.dns.names = {name};
  CHECK(Json::parse(dnsJson(report)).at("names").at(0) == Json::parse(R"({
    "name": "api", "upstreams": ["one", "two"], "state": "stale", "found_as": "api.cluster.test",
    "source": "dns", "addresses": ["192.0.2.1", "2001:db8::1"],
    "services": [{"target": "a.test", "port": 80, "priority": 1, "weight": 2}],
    "age_s": 12.5, "ttl_s": 30.0, "next_refresh_s": 2.0, "failures": 3, "last_error": "servfail"
  })"));
}

TEST_CASE("what is not known of a name is null") {
  ServerReport report;
  NameReport name;
  name.name = "api";
  name.upstreams = {"one"};
  report.dns.names = {name};
  CHECK(Json::parse(dnsJson(report)).at("names").at(0) == Json::parse(R"({
    "name": "api", "upstreams": ["one"], "state": "resolving", "found_as": null, "source": null,
    "addresses": [], "services": [], "age_s": null, "ttl_s": null, "next_refresh_s": null,
    "failures": 0, "last_error": null
  })"));
}

TEST_CASE("whom it asks, and how questions ended") {
  ServerReport report;
  DnsReport& dns = report.dns;
  dns.servers = {"10.96.0.10:53"};
  dns.search = {"cluster.test"};
  dns.ndots = 5;
  dns.lookups = 10;
  dns.hits = 2;
  dns.staleServes = 3;
  dns.addressesAdded = 4;
  dns.addressesDrained = 5;
  dns.addressesDenied = 6;
  dns.outcomes[static_cast<size_t>(dns::Outcome::Found)] = 7;
  dns.outcomes[static_cast<size_t>(dns::Outcome::Timeout)] = 1;
  CHECK(Json::parse(dnsJson(report)) == Json::parse(R"({
    "servers": ["10.96.0.10:53"], "search": ["cluster.test"], "ndots": 5,
    "lookups": {"sent": 10, "hits": 2, "outcomes": {"found": 7, "timeout": 1}},
    "stale_serves": 3, "addresses": {"added": 4, "drained": 5, "denied": 6}, "names": []
  })"));
}
