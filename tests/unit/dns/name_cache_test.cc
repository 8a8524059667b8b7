#include "proxy/dns/name_cache.h"

#include <doctest/doctest.h>

#include "tests/unit/dns/world.h"

using namespace std::chrono_literals;

namespace oxbow::dns {
namespace {

using Ips = std::vector<std::string>;

struct Following : World {
  Random random{1};
  int changes = 0;
  NameCache cache{dispatcher, random, questions, stats, [this] { ++changes; }};
  std::shared_ptr<CachedName> name;

  void follow(const FollowPolicy& policy = {}, const std::string& what = "api.test") {
    name = cache.follow(what, Kind::Addresses, policy);
  }
  Ips v4() const { return ipsOf(name->addresses(AF_INET)); }
  Ips v6() const { return ipsOf(name->addresses(AF_INET6)); }
  NameState state() { return name->state(clock.now()); }

  // How long until it is asked for again; a minute at most.
  Duration untilAsked() {
    const TimePoint begin = clock.now();
    while (open.empty() && clock.now() - begin < 60s) pass(10ms);
    return clock.now() - begin;
  }
};

TEST_CASE_FIXTURE(Following, "a name is awaited until its first lookup has ended") {
  follow();
  CHECK(name->awaited());
  CHECK(state() == NameState::Resolving);
  CHECK(answer("api.test", {"192.0.2.2", "192.0.2.1"}, 60s));
  CHECK_FALSE(name->awaited());
  CHECK(state() == NameState::Fresh);
  CHECK(v4() == Ips{"192.0.2.1", "192.0.2.2"});
  CHECK(changes == 1);
  CHECK(name->ttl() == 60s);
}

TEST_CASE_FIXTURE(Following, "a first lookup that fails ends the waiting too") {
  follow();
  CHECK(fail("api.test", Outcome::NoName, 1s));
  CHECK_FALSE(name->awaited());
  CHECK(state() == NameState::Unresolved);
  CHECK(changes == 1);
  CHECK(name->lastOutcome() == Outcome::NoName);
  // It is picked up when it comes.
  CHECK(untilAsked() <= 2s);
  CHECK(answer("api.test", {"192.0.2.1"}, 60s));
  CHECK(v4() == Ips{"192.0.2.1"});
  CHECK(changes == 2);
}

TEST_CASE_FIXTURE(Following, "it is looked up again ahead of its TTL's end, not at one moment") {
  Duration least = 60s, most = 0s;
  follow();
  for (int i = 0; i < 50; ++i) {
    CHECK(answer("api.test", {"192.0.2.1"}, 10s));
    const Duration wait = untilAsked();
    least = std::min(least, wait);
    most = std::max(most, wait);
  }
  CHECK(least >= 7990ms);
  CHECK(most <= 9520ms);
  CHECK(most - least > 500ms);
  CHECK(changes == 1);
}

TEST_CASE_FIXTURE(Following, "TTLs are held within ttl_min and ttl_max") {
  FollowPolicy policy;
  policy.ttlMin = 2s;
  policy.ttlMax = 20s;
  follow(policy);
  CHECK(answer("api.test", {"192.0.2.1"}, 0s));
  CHECK(name->ttl() == 2s);
  CHECK(untilAsked() >= 1590ms);
  CHECK(answer("api.test", {"192.0.2.1"}, std::chrono::seconds(2147483648)));
  CHECK(name->ttl() == 20s);
  CHECK(untilAsked() <= 19020ms);
}

TEST_CASE_FIXTURE(Following, "an address that is missing is asked for again soon, then leaves") {
  follow();
  CHECK(answer("api.test", {"192.0.2.1"}, 30s));
  untilAsked();
  CHECK(answer("api.test", {"192.0.2.2"}, 30s));
  CHECK(v4() == Ips{"192.0.2.1", "192.0.2.2"});
  CHECK(untilAsked() <= 1s);  // not a TTL later
  CHECK(answer("api.test", {"192.0.2.2"}, 29s));
  CHECK(v4() == Ips{"192.0.2.2"});
  CHECK(untilAsked() > 20s);
  CHECK(stats.addressesAdded == 2);
  CHECK(stats.addressesDrained == 1);
}

TEST_CASE_FIXTURE(Following, "an answer that flaps never takes an address away") {
  follow();
  CHECK(answer("api.test", {"192.0.2.1"}, 1s));
  for (int i = 0; i < 20; ++i) {
    untilAsked();
    CHECK(answer("api.test", {i % 2 == 0 ? "192.0.2.2" : "192.0.2.1"}, 1s));
    CHECK(name->addresses(AF_INET).size() == 2);
  }
  CHECK(changes == 2);
}

void keepsForItsTime(Outcome outcome) {
  Following world;
  FollowPolicy policy;
  policy.stale = 60s;
  world.follow(policy);
  CHECK(world.answer("api.test", {"192.0.2.1"}, 10s));
  const TimePoint answered = world.clock.now();
  uint64_t failures = 0;
  while (world.name->hasAny() && world.clock.now() - answered < 120s) {
    if (world.fail("api.test", outcome)) ++failures;
    if (world.name->hasAny() && world.clock.now() > answered + 10s)
      CHECK(world.state() == NameState::Stale);
    world.pass(10ms);
  }
  CHECK(world.clock.now() - answered >= 70s);  // the TTL and then `stale`
  CHECK(world.clock.now() - answered <= 70s + 50ms);
  CHECK(world.state() == NameState::Unresolved);
  CHECK(world.changes == 2);
  CHECK(failures >= 60 / 5);
  CHECK(failures < 60);  // they back off
}

TEST_CASE("failures keep the last answer for its time, and then nothing") {
  for (const Outcome outcome :
       {Outcome::ServFail, Outcome::Timeout, Outcome::NoName, Outcome::NoData, Outcome::Unreachable,
        Outcome::Malformed, Outcome::Refused, Outcome::TooLong}) {
    CAPTURE(textOf(outcome));
    keepsForItsTime(outcome);
  }
}

TEST_CASE_FIXTURE(Following, "what comes back after failures is fresh") {
  follow();
  CHECK(answer("api.test", {"192.0.2.1"}, 1s));
  for (int i = 0; i < 3; ++i) {
    untilAsked();
    CHECK(fail("api.test", Outcome::ServFail));
  }
  CHECK(stats.staleServes == 3);
  untilAsked();
  CHECK(answer("api.test", {"192.0.2.1"}, 1s));
  CHECK(state() == NameState::Fresh);
  CHECK(name->failures() == 0);
  CHECK(changes == 1);
}

TEST_CASE_FIXTURE(Following, "a family whose question fails keeps what it had") {
  follow();
  CHECK(answer("api.test", Type::A, addresses({"192.0.2.1"}, 1s)));
  CHECK(answer("api.test", Type::Aaaa, addresses({"2001:db8::1"}, 1s)));
  for (int i = 0; i < 5; ++i) {
    untilAsked();
    CHECK(answer("api.test", Type::A, addresses({"192.0.2.1"}, 1s)));
    CHECK(answer("api.test", Type::Aaaa, failure(Outcome::ServFail)));
    CHECK(v6() == Ips{"2001:db8::1"});
  }
}

TEST_CASE_FIXTURE(Following, "a family that is gone leaves like an address") {
  follow();
  CHECK(answer("api.test", Type::A, addresses({"192.0.2.1"}, 1s)));
  CHECK(answer("api.test", Type::Aaaa, addresses({"2001:db8::1"}, 1s)));
  untilAsked();
  CHECK(answer("api.test", {"192.0.2.1"}, 1s));
  CHECK(v6() == Ips{"2001:db8::1"});
  untilAsked();
  pass(6s);  // that there is none is believed for a while
  CHECK(answer("api.test", Type::A, addresses({"192.0.2.1"}, 1s)));
  while (!v6().empty() && clock.now() < TimePoint(2h)) {
    pass(10ms);
    answer("api.test", {"192.0.2.1"}, 1s);
  }
  CHECK(v6().empty());
  CHECK(v4() == Ips{"192.0.2.1"});
}

TEST_CASE_FIXTURE(Following, "what no server can have is never used") {
  follow();
  CHECK(answer("api.test", {"0.0.0.0", "224.0.0.1", "192.0.2.1"}, 60s));
  CHECK(v4() == Ips{"192.0.2.1"});
  CHECK(stats.addressesDenied == 2);
}

TEST_CASE_FIXTURE(Following, "private addresses are used unless policy denies them") {
  follow();
  CHECK(answer("api.test", {"127.0.0.1", "169.254.169.254", "10.0.0.1"}, 60s));
  CHECK(v4().size() == 3);
  FollowPolicy policy;
  policy.denyPrivate = true;
  follow(policy, "public.test");
  CHECK(answer("public.test", {"127.0.0.1", "169.254.169.254", "10.0.0.1", "192.0.2.1"}, 60s));
  CHECK(v4() == Ips{"192.0.2.1"});
  follow(policy, "evil.test");
  CHECK(answer("evil.test", {"169.254.169.254"}, 60s));
  CHECK_FALSE(name->hasAny());
  CHECK(name->isDenied());
  CHECK(state() == NameState::Unresolved);
}

TEST_CASE_FIXTURE(Following, "the operator's own hosts file is no answer to be denied") {
  System system;
  system.hosts = HostsFile::parse("127.0.0.1 api.test\n");
  cache.setSystem(std::move(system));
  FollowPolicy policy;
  policy.denyPrivate = true;
  follow(policy);
  turn();
  CHECK(v4() == Ips{"127.0.0.1"});
  CHECK(name->source() == Source::Hosts);
}

TEST_CASE_FIXTURE(Following, "another hosts file, or other domains, hold at once") {
  follow();
  CHECK(answer("api.test", {"192.0.2.1"}, 300s));
  System system;
  system.hosts = HostsFile::parse("192.0.2.9 api.test\n");
  cache.setSystem(std::move(system));
  pass(600ms);
  // Both answers without the former address come by its refresh.
  pass(1s);
  CHECK(v4() == Ips{"192.0.2.9"});
}

TEST_CASE_FIXTURE(Following, "who asks for the same gets the same") {
  follow();
  const auto second = cache.follow("api.test", Kind::Addresses, {});
  CHECK(second == name);
  CHECK(open.size() == 2);
  FollowPolicy other;
  other.ttlMax = 10s;
  const auto third = cache.follow("api.test", Kind::Addresses, other);
  CHECK(third != name);
  CHECK(open.size() == 2);  // the question is the same
  CHECK(answer("api.test", {"192.0.2.1"}, 60s));
  CHECK(third->ttl() == 10s);
  CHECK(name->ttl() == 60s);
}

TEST_CASE_FIXTURE(Following, "a name that nobody holds is asked for no more") {
  follow();
  CHECK(answer("api.test", {"192.0.2.1"}, 1s));
  name.reset();
  pass(5s);
  CHECK(open.empty());
}

TEST_CASE_FIXTURE(Following, "services have the addresses of their targets, each by its own TTL") {
  name = cache.follow("_http._tcp.api.test", Kind::Services, {});
  CHECK(name->awaited());
  CHECK(answer("_http._tcp.api.test", Type::Srv,
               services({{2, 5, 81, "b.test"}, {1, 5, 80, "a.test"}}, 60s)));
  CHECK(name->awaited());  // for the targets
  CHECK(answer("a.test", {"192.0.2.1"}, 60s));
  CHECK_FALSE(name->awaited());
  CHECK(answer("b.test", {"192.0.2.2"}, 60s));
  REQUIRE(name->services().size() == 2);
  CHECK(name->services()[0].target == "a.test");
  CHECK(ipsOf(name->target(name->services()[1]).addresses(AF_INET)) == Ips{"192.0.2.2"});
}

TEST_CASE_FIXTURE(Following, "targets are complete names: no domain is put behind them") {
  System system;
  system.search = {"cluster.test"};
  cache.setSystem(std::move(system));
  name = cache.follow("_http._tcp.api.test.", Kind::Services, {});
  CHECK(answer("_http._tcp.api.test", Type::Srv, services({{1, 1, 80, "host"}}, 60s)));
  CHECK(isAsked("host", Type::A));
  CHECK_FALSE(isAsked("host.cluster.test", Type::A));
}

TEST_CASE_FIXTURE(Following, "a service that says that it is not available here is none") {
  name = cache.follow("_http._tcp.api.test", Kind::Services, {});
  CHECK(answer("_http._tcp.api.test", Type::Srv, services({{0, 0, 0, ""}}, 60s)));
  CHECK(state() == NameState::Unresolved);
  CHECK(open.empty());
}

TEST_CASE_FIXTURE(Following, "a target that has left is followed no more") {
  FollowPolicy policy;
  policy.drainAfter = 1;
  name = cache.follow("_http._tcp.api.test", Kind::Services, policy);
  CHECK(answer("_http._tcp.api.test", Type::Srv, services({{1, 1, 80, "a.test"}}, 1s)));
  CHECK(answer("a.test", {"192.0.2.1"}, 1s));
  pass(960ms);
  CHECK(answer("_http._tcp.api.test", Type::Srv, services({{1, 1, 80, "b.test"}}, 300s)));
  CHECK(answer("b.test", {"192.0.2.2"}, 300s));
  open.clear();
  pass(10s);
  CHECK_FALSE(isAsked("a.test", Type::A));
}

}  // namespace
}  // namespace oxbow::dns
