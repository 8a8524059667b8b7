#include "proxy/dns/lookup.h"

#include <doctest/doctest.h>

#include "tests/unit/dns/world.h"

using namespace std::chrono_literals;

namespace oxbow::dns {
namespace {

struct Looking : World {
  System system;
  std::shared_ptr<Lookup> lookup;
  std::vector<std::pair<Found, bool>> told;

  void start(const std::string& name, Kind kind = Kind::Addresses) {
    told.clear();
    lookup =
        Lookup::start(dispatcher, questions, system, name, kind,
                      [this](const Found& found, bool last) { told.emplace_back(found, last); });
    CHECK(told.empty());
  }
};

using Ips = std::vector<std::string>;

TEST_CASE_FIXTURE(Looking, "both families are asked for at once, and told together") {
  start("api.test");
  CHECK(open.size() == 2);
  CHECK(answer("api.test", Type::Aaaa, addresses({"2001:db8::1"}, 20s)));
  CHECK(told.empty());
  CHECK(answer("api.test", Type::A, addresses({"192.0.2.1"}, 60s)));
  REQUIRE(told.size() == 1);
  const auto& [found, last] = told[0];
  CHECK(last);
  CHECK(found.outcome == Outcome::Found);
  CHECK(found.source == Source::Dns);
  CHECK(ipsOf(*found.v4) == Ips{"192.0.2.1"});
  CHECK(ipsOf(*found.v6) == Ips{"2001:db8::1"});
  CHECK(found.ttl == 20s);  // the least
}

TEST_CASE_FIXTURE(Looking, "a family that is late is waited for for 50 ms, then told on its own") {
  start("api.test");
  CHECK(answer("api.test", Type::A, addresses({"192.0.2.1"}, 60s)));
  pass(40ms);
  CHECK(told.empty());
  pass(20ms);
  REQUIRE(told.size() == 1);
  CHECK_FALSE(told[0].second);
  CHECK(ipsOf(*told[0].first.v4) == Ips{"192.0.2.1"});
  CHECK_FALSE(told[0].first.v6.has_value());
  CHECK(answer("api.test", Type::Aaaa, failure(Outcome::Timeout)));
  REQUIRE(told.size() == 2);
  CHECK(told[1].second);
  CHECK(told[1].first.outcome == Outcome::Found);
  CHECK_FALSE(told[1].first.v6.has_value());  // unknown, not gone
}

TEST_CASE_FIXTURE(Looking, "a family that the name does not have is an answer") {
  start("api.test");
  CHECK(answer("api.test", Type::A, addresses({"192.0.2.1"}, 60s)));
  CHECK(answer("api.test", Type::Aaaa, failure(Outcome::NoData, 5s)));
  REQUIRE(told.size() == 1);
  REQUIRE(told[0].first.v6.has_value());
  CHECK(told[0].first.v6->empty());
  CHECK(told[0].first.ttl == 60s);  // of what is there
}

TEST_CASE_FIXTURE(Looking, "the names that it may stand for are asked for in turn") {
  system.search = {"ns.svc.cluster.test", "svc.cluster.test"};
  system.ndots = 5;
  start("api.other");
  CHECK(fail("api.other.ns.svc.cluster.test", Outcome::NoName, 30s));
  CHECK(told.empty());
  CHECK(answer("api.other.svc.cluster.test", {"192.0.2.1"}, 60s));
  REQUIRE(told.size() == 1);
  CHECK(told[0].first.name == "api.other.svc.cluster.test");
}

TEST_CASE_FIXTURE(Looking, "a candidate that has no addresses is passed over") {
  system.search = {"one.test"};
  start("api");
  CHECK(fail("api.one.test", Outcome::NoData));
  CHECK(fail("api", Outcome::NoName));
  REQUIRE(told.size() == 1);
  // That there is such a name, without addresses, says more.
  CHECK(told[0].first.outcome == Outcome::NoData);
}

TEST_CASE_FIXTURE(Looking, "a server's failure ends it: a later candidate would be another name") {
  system.search = {"one.test", "two.test"};
  start("api");
  CHECK(answer("api.one.test", Type::A, failure(Outcome::ServFail)));
  CHECK(answer("api.one.test", Type::Aaaa, failure(Outcome::NoName, 30s)));
  REQUIRE(told.size() == 1);
  CHECK(told[0].first.outcome == Outcome::ServFail);
  CHECK(open.empty());
}

TEST_CASE_FIXTURE(Looking, "the hosts file comes first, without a question") {
  system.hosts = HostsFile::parse("192.0.2.7 api.test\n2001:db8::7 api.test\n");
  start("api.test");
  turn();
  REQUIRE(told.size() == 1);
  CHECK(told[0].first.source == Source::Hosts);
  CHECK(ipsOf(*told[0].first.v4) == Ips{"192.0.2.7"});
  CHECK(ipsOf(*told[0].first.v6) == Ips{"2001:db8::7"});
  CHECK(open.empty());
}

TEST_CASE_FIXTURE(Looking, "services are asked for by one question") {
  start("_http._tcp.api.test", Kind::Services);
  REQUIRE(open.size() == 1);
  CHECK(answer("_http._tcp.api.test", Type::Srv, services({{1, 2, 80, "a.test"}}, 9s)));
  REQUIRE(told.size() == 1);
  CHECK(told[0].first.services.size() == 1);
  CHECK(told[0].first.ttl == 9s);
}

TEST_CASE_FIXTURE(Looking, "one that was let go of tells nobody") {
  start("api.test");
  CHECK(answer("api.test", Type::A, addresses({"192.0.2.1"}, 60s)));
  lookup.reset();
  pass(100ms);
  CHECK(answer("api.test", Type::Aaaa, failure(Outcome::NoData)));
  CHECK(told.empty());
  system.hosts = HostsFile::parse("192.0.2.7 api.test\n");
  start("api.test");
  lookup.reset();
  turn();
  CHECK(told.empty());
}

}  // namespace
}  // namespace oxbow::dns
