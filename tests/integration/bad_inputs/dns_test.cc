// Part I of docs/bad-inputs.md: DNS servers are not trusted either.

#include <doctest/doctest.h>

#include <chrono>
#include <thread>

#include "tests/integration/support/named_servers.h"
#include "tests/integration/support/raw_client.h"

using namespace std::chrono_literals;

namespace oxbow::integration {

namespace {

using test::DnsCode;
using test::DnsLie;

Setup named(const DnsServer& dns, const FakeUpstream& upstream, std::string more = {}) {
  return {.servers = {"api.test:" + portOf(upstream)},
          .upstream = std::move(more),
          .top = resolvedBy(dns, "300ms")};
}

// Asks until the answer has that status.
Message awaitStatus(RawClient& client, int status, milliseconds within) {
  const auto limit = std::chrono::steady_clock::now() + within;
  Message answer = client.ask(get());
  while (answer.status() != status && std::chrono::steady_clock::now() < limit) {
    std::this_thread::sleep_for(20ms);
    answer = client.ask(get());
  }
  return answer;
}

// The name resolves for a second; then the server does `harm`: the answer is used for its time, and
// then there is none.
template <typename Harm>
void checkKeptForItsTime(const char* what, const char* token, Harm harm) {
  CAPTURE(what);
  DnsServer dns;
  const auto origin = namedOrigin("a", "127.0.0.1:0");
  dns.set("api.test", DnsType::A, {"127.0.0.1"}, 1s);
  Oxbow oxbow(named(dns, *origin, "resolve: { stale: 2s }"));
  RawClient client(oxbow.address());
  CHECK(client.ask(get()).status() == 200);
  const auto begin = std::chrono::steady_clock::now();
  harm(dns);
  REQUIRE(oxbow.awaitMetricAtLeast("oxbow_dns_stale_serves_total", 1));
  CHECK(client.ask(get()).status() == 200);
  const Message answer = awaitStatus(client, 503, 20000ms);
  CHECK(answer.status() == 503);
  CHECK(tokenOf(answer) == token);
  CHECK(std::chrono::steady_clock::now() - begin >= 2s);
}

}  // namespace

TEST_CASE("I.1 empty, SERVFAIL, NXDOMAIN, timeout: the last answer for its time, then 503") {
  checkKeptForItsTime("empty", "dns_error",
                      [](DnsServer& dns) { dns.set("api.test", DnsType::A, {}); });
  checkKeptForItsTime("SERVFAIL", "dns_error",
                      [](DnsServer& dns) { dns.setCode("api.test", DnsCode::ServFail); });
  checkKeptForItsTime("REFUSED", "dns_error",
                      [](DnsServer& dns) { dns.setCode("api.test", DnsCode::Refused); });
  checkKeptForItsTime("NXDOMAIN", "dns_error",
                      [](DnsServer& dns) { dns.setCode("api.test", DnsCode::NxDomain); });
  checkKeptForItsTime("silence", "dns_timeout", [](DnsServer& dns) { dns.silence(); });
}

TEST_CASE("I.2 TTLs of 0 and 2^31 are clamped; aliases that loop or do not end are refused") {
  DnsServer dns;
  const auto origin = namedOrigin("a", "127.0.0.1:0");
  dns.set("api.test", DnsType::A, {"127.0.0.1"}, 0s);
  {
    Oxbow oxbow(named(dns, *origin));
    std::this_thread::sleep_for(2200ms);
    CHECK(dns.count("api.test", DnsType::A) <= 4);  // once a second, not in a loop
    CHECK(dns.count("api.test", DnsType::A) >= 2);
  }
  dns.set("api.test", DnsType::A, {"127.0.0.1"}, seconds(2147483648));
  {
    dns.forget();
    Oxbow oxbow(named(dns, *origin, "resolve: { ttl_max: 1s }"));
    REQUIRE(dns.waitFor("api.test", DnsType::A, 3, 20000ms));
  }
  dns.remove("api.test");
  dns.set("api.test", DnsType::Cname, {"b.test"});
  dns.set("b.test", DnsType::Cname, {"api.test"});
  {
    Oxbow oxbow(named(dns, *origin));
    RawClient client(oxbow.address());
    const Message answer = client.ask(get());
    CHECK(answer.status() == 503);
    CHECK(tokenOf(answer) == "dns_error");
  }
  dns.remove("api.test");
  dns.set("api.test", DnsType::Cname, {"n0.test"});
  for (int i = 0; i < 30; ++i)
    dns.set("n" + std::to_string(i) + ".test", DnsType::Cname,
            {"n" + std::to_string(i + 1) + ".test"});
  dns.set("n30.test", DnsType::A, {"127.0.0.1"});
  Oxbow oxbow(named(dns, *origin));
  RawClient client(oxbow.address());
  CHECK(client.ask(get()).status() == 503);
  CHECK(origin->requests() == 0);
}

TEST_CASE("I.3 what is malformed or forged is dropped, ports and ids are not to be guessed") {
  DnsServer dns;
  const auto origin = namedOrigin("a", "127.0.0.1:0");
  const auto forged = namedOrigin("forged", "127.0.0.9:" + portOf(*origin));
  dns.set("api.test", DnsType::A, {"127.0.0.1"}, 1s);
  for (const DnsLie lie :
       {DnsLie::WrongId, DnsLie::WrongQuestion, DnsLie::OtherPort, DnsLie::Unasked}) {
    CAPTURE(static_cast<int>(lie));
    dns.lie(lie);
    Oxbow oxbow(named(dns, *origin));
    RawClient client(oxbow.address());
    CHECK(client.ask(get()).body == "a");
  }
  dns.lie(DnsLie::Cut, false);
  Oxbow oxbow(named(dns, *origin));
  RawClient client(oxbow.address());
  CHECK(client.ask(get()).status() == 503);
  dns.lie(DnsLie::None);
  CHECK(awaitStatus(client, 200, 20000ms).body == "a");
}

TEST_CASE("I.4 of 1,000 addresses so many are used; a change during a request harms nobody") {
  DnsServer dns;
  Gate gate;
  FakeUpstream slow(answeringBehind(gate, ok("slow")), "127.0.0.2:0");
  const auto other = namedOrigin("other", "127.0.0.3:" + portOf(slow));
  dns.set("api.test", DnsType::A, {"127.0.0.2"}, 0s);
  Oxbow oxbow(named(dns, slow, "resolve: { drain_after: 1 }"));
  RawClient client(oxbow.address());
  client.send(get());
  REQUIRE(slow.awaitRequests(1));
  dns.set("api.test", DnsType::A, {"127.0.0.3"}, 0s);
  CHECK(oxbow.awaitMetricAtLeast("oxbow_dns_addresses_drained_total", 1));
  RawClient second(oxbow.address());
  CHECK(second.ask(get()).body == "other");
  gate.open();
  CHECK(client.receive().body == "slow");
  CHECK(client.ask(get()).body == "other");

  std::vector<std::string> many;
  for (int i = 0; i < 1000; ++i)
    many.push_back("127.1." + std::to_string(i / 250) + "." + std::to_string(1 + i % 250));
  dns.set("api.test", DnsType::A, many, 0s);
  // 256 in use, one of them of before for as long as that one is not missing.
  CHECK(oxbow.awaitMetricAtLeast("oxbow_dns_addresses_added_total", 2 + 255));
  CHECK(oxbow.metric("oxbow_dns_addresses_added_total") -
            oxbow.metric("oxbow_dns_addresses_drained_total") <=
        256);
}

TEST_CASE("I.5 loopback, link-local and metadata addresses are denied by policy") {
  DnsServer dns;
  const auto origin = namedOrigin("a", "127.0.0.1:0");
  for (const char* address : {"127.0.0.1", "169.254.169.254", "10.0.0.1", "192.168.1.1"}) {
    CAPTURE(address);
    dns.set("api.test", DnsType::A, {address});
    Oxbow oxbow(named(dns, *origin, "resolve: { deny_private_answers: on }"));
    RawClient client(oxbow.address());
    const Message answer = client.ask(get());
    CHECK(answer.status() == 503);
    CHECK(tokenOf(answer) == "dns_error");
    CHECK(oxbow.metric("oxbow_dns_addresses_denied_total") >= 1);
  }
  CHECK(origin->connections() == 0);
  // What no server can have is denied always: 0.0.0.0 would be this machine.
  dns.set("api.test", DnsType::A, {"0.0.0.0"});
  Oxbow oxbow(named(dns, *origin));
  RawClient client(oxbow.address());
  CHECK(client.ask(get()).status() == 503);
  CHECK(origin->connections() == 0);
}

}  // namespace oxbow::integration
