#include "proxy/dns/cares_resolver.h"

#include <doctest/doctest.h>

#include <optional>
#include <set>

#include "tests/support/dns_server.h"

using namespace std::chrono_literals;

// Inside the namespace: outside, `event` may also be libevent's struct.
namespace oxbow::dns {
namespace {

using test::DnsCode;
using test::DnsLie;
using test::DnsServer;
using test::DnsTransport;
using test::DnsType;

// Ends a wait that would never end otherwise.
struct Alarm final : event::Timer {
  bool rang = false;
  void onTimer() override { rang = true; }
};

struct Asking {
  SystemClock clock;
  event::Dispatcher dispatcher{clock};
  DnsServer server;
  std::unique_ptr<CaresResolver> resolver;
  std::vector<Reply> replies;

  Asking() { open(); }

  // With short timeouts only where the test is about them.
  void open(Duration timeout = 10s, std::vector<std::string> servers = {},
            CaresResolver::Options options = {}) {
    if (servers.empty()) servers = {server.address()};
    for (const std::string& text : servers)
      options.servers.push_back(SocketAddress::parse(text).value());
    options.timeout = timeout;
    resolver = std::move(CaresResolver::create(dispatcher, options).value());
  }

  void ask(const std::string& name, Type type = Type::A) {
    resolver->ask(name, type, [this](const Reply& reply) { replies.push_back(reply); });
  }

  template <typename Condition>
  bool eventually(Condition condition) {
    Alarm alarm;
    dispatcher.setDeadline(alarm, clock.now() + 20s);
    while (!condition() && !alarm.rang) dispatcher.turn(true);
    dispatcher.remove(alarm);
    return !alarm.rang;
  }

  Reply reply(const std::string& name, Type type = Type::A) {
    const size_t before = replies.size();
    ask(name, type);
    CHECK(replies.size() == before);  // never inside ask()
    REQUIRE(eventually([&] { return replies.size() > before; }));
    return replies.back();
  }

  static std::vector<std::string> texts(const Reply& reply) {
    std::vector<std::string> result;
    for (const SocketAddress& address : reply.addresses) result.push_back(address.text());
    return result;
  }
};

using Texts = std::vector<std::string>;

TEST_CASE_FIXTURE(Asking, "A, AAAA and SRV, with their TTL") {
  server.set("api.test", DnsType::A, {"192.0.2.9", "192.0.2.1"}, 30s);
  server.set("api.test", DnsType::Aaaa, {"2001:db8::2"}, 40s);
  server.set("_http._tcp.api.test", DnsType::Srv, {"10 5 8080 a.api.test"}, 50s);
  const Reply a = reply("api.test");
  CHECK(a.outcome == Outcome::Found);
  CHECK(texts(a) == Texts{"192.0.2.9:0", "192.0.2.1:0"});
  CHECK(a.ttl == 30s);
  const Reply aaaa = reply("api.test", Type::Aaaa);
  CHECK(texts(aaaa) == Texts{"[2001:db8::2]:0"});
  CHECK(aaaa.ttl == 40s);
  const Reply srv = reply("_http._tcp.api.test", Type::Srv);
  CHECK(srv.services == std::vector<Service>{{10, 5, 8080, "a.api.test"}});
  CHECK(srv.ttl == 50s);  // which c-ares itself does not tell
}

TEST_CASE_FIXTURE(Asking, "what went wrong has a name") {
  server.set("empty.test", DnsType::A, {});
  server.setCode("broken.test", DnsCode::ServFail);
  server.setCode("closed.test", DnsCode::Refused);
  CHECK(reply("unknown.test").outcome == Outcome::NoName);
  CHECK(reply("empty.test").outcome == Outcome::NoData);
  CHECK(reply("broken.test").outcome == Outcome::ServFail);
  CHECK(reply("closed.test").outcome == Outcome::Refused);
  // c-ares refuses labels beyond 63 bytes without a question.
  CHECK(reply(std::string(64, 'x') + ".test").outcome == Outcome::NoName);
}

TEST_CASE_FIXTURE(Asking, "negative answers say how long they may be believed") {
  server.setSoa(test::DnsSoa{.ttl = 900s, .minimum = 77s});
  const Reply none = reply("unknown.test");
  CHECK(none.outcome == Outcome::NoName);
  CHECK(none.ttl == 77s);
}

TEST_CASE_FIXTURE(Asking, "silence is a timeout, after the time that was given") {
  open(80ms);
  server.silence();
  const TimePoint begin = clock.now();
  CHECK(reply("silent.test").outcome == Outcome::Timeout);
  CHECK(clock.now() - begin >= 70ms);
  CHECK(server.count() >= 2);  // one packet may have been lost
}

TEST_CASE_FIXTURE(Asking, "a server that is not there is known at once") {
  server.stop();
  const TimePoint begin = clock.now();
  CHECK(reply("api.test").outcome == Outcome::Unreachable);
  CHECK(clock.now() - begin < 5s);
  server.start();
}

TEST_CASE_FIXTURE(Asking, "a lost packet is asked for again") {
  open(400ms);
  server.set("lossy.test", DnsType::A, {"192.0.2.1"});
  server.lose(1);
  CHECK(reply("lossy.test").outcome == Outcome::Found);
  CHECK(server.count() == 2);
}

TEST_CASE_FIXTURE(Asking, "an answer that comes after the timeout is not given twice") {
  open(60ms);
  server.set("late.test", DnsType::A, {"192.0.2.1"});
  server.delay("late.test", 200ms);
  CHECK(reply("late.test").outcome == Outcome::Timeout);
  server.set("prompt.test", DnsType::A, {"192.0.2.2"});
  CHECK(reply("prompt.test").outcome == Outcome::Found);
  CHECK(replies.size() == 2);
}

TEST_CASE_FIXTURE(Asking, "the next server is asked when one cannot say") {
  DnsServer second;
  second.set("api.test", DnsType::A, {"192.0.2.1"});
  open(3s, {server.address(), second.address()});
  for (const DnsCode code : {DnsCode::ServFail, DnsCode::Refused}) {
    server.setCode("api.test", code);
    CHECK(reply("api.test").outcome == Outcome::Found);
  }
  CHECK(second.count() == 2);
}

TEST_CASE_FIXTURE(Asking, "a server that is silent, or gone, costs its part of the time once") {
  DnsServer second;
  second.set("api.test", DnsType::A, {"192.0.2.1"});
  open(600ms, {server.address(), second.address()});
  server.silence();
  CHECK(reply("api.test").outcome == Outcome::Found);
  // The one that answered is asked first from now on.
  const TimePoint begin = clock.now();
  CHECK(reply("api.test").outcome == Outcome::Found);
  CHECK(clock.now() - begin < 150ms);
  CHECK(server.count() == 1);
  second.stop();
  server.silence(false);
  server.set("api.test", DnsType::A, {"192.0.2.1"});
  CHECK(reply("api.test").outcome == Outcome::Found);
}

TEST_CASE_FIXTURE(Asking, "no such name is an answer: nobody else is asked") {
  DnsServer second;
  second.set("api.test", DnsType::A, {"192.0.2.1"});
  open(3s, {server.address(), second.address()});
  CHECK(reply("api.test").outcome == Outcome::NoName);
  CHECK(second.count() == 0);
}

TEST_CASE_FIXTURE(Asking, "what does not fit into a datagram comes by TCP, up to a limit") {
  Texts many;
  for (int i = 0; i < 2000; ++i)
    many.push_back("10.0." + std::to_string(i / 250) + '.' + std::to_string(i % 250));
  server.set("large.test", DnsType::A, many);
  const Reply found = reply("large.test");
  CHECK(found.outcome == Outcome::Found);
  CHECK(found.addresses.size() == kMaxAddresses);
  CHECK(server.tcpConnections() == 1);
}

TEST_CASE_FIXTURE(Asking, "TCP that closes at once is a failure, not a hang") {
  open(300ms);
  server.set("api.test", DnsType::A, {"192.0.2.1"});
  server.truncate();
  server.closeTcp();
  const Outcome outcome = reply("api.test").outcome;
  CHECK((outcome == Outcome::Timeout || outcome == Outcome::Unreachable));
}

TEST_CASE_FIXTURE(Asking, "EDNS is offered, and done without where it is not understood") {
  server.set("api.test", DnsType::A, {"192.0.2.1"});
  CHECK(reply("api.test").outcome == Outcome::Found);
  CHECK(server.queries().back().edns);
  server.refuseEdns();
  CHECK(reply("api.test").outcome == Outcome::Found);
  CHECK_FALSE(server.queries().back().edns);
}

TEST_CASE_FIXTURE(Asking, "identifiers and ports cannot be guessed from those of before") {
  server.set("api.test", DnsType::A, {"192.0.2.1"});
  for (int i = 0; i < 40; ++i) CHECK(reply("api.test").outcome == Outcome::Found);
  std::set<uint16_t> ids, ports, steps;
  const auto queries = server.queries();
  for (const auto& query : queries) {
    ids.insert(query.id);
    ports.insert(query.port);
  }
  for (size_t i = 1; i < queries.size(); ++i)
    steps.insert(static_cast<uint16_t>(queries[i].id - queries[i - 1].id));
  CHECK(ids.size() >= 38);
  CHECK(steps.size() >= 36);
  CHECK(ports.size() >= 20);
}

TEST_CASE_FIXTURE(Asking, "what is forged or malformed is dropped, and the truth is believed") {
  server.set("api.test", DnsType::A, {"192.0.2.1"});
  for (const DnsLie lie : {DnsLie::WrongId, DnsLie::WrongQuestion, DnsLie::OtherPort}) {
    CAPTURE(static_cast<int>(lie));
    server.lie(lie);
    CHECK(texts(reply("api.test")) == Texts{"192.0.2.1:0"});
  }
}

TEST_CASE_FIXTURE(Asking, "an answer that breaks its format is a failure") {
  server.setRaw("api.test", DnsType::A, [](const std::string& query) {
    std::string packet = query.substr(0, query.size() - 11);  // without its OPT record
    packet[2] = static_cast<char>(0x81);
    packet[3] = static_cast<char>(0x80);
    packet[7] = 1;   // one answer is announced
    packet[11] = 0;  // and no additional record
    return packet + std::string("\xc0\x0c\x00\x01\x00\x01\x00\x00", 8);
  });
  CHECK(reply("api.test").outcome == Outcome::Malformed);
}

TEST_CASE_FIXTURE(Asking, "several names at once") {
  for (int i = 0; i < 20; ++i)
    server.set("n" + std::to_string(i) + ".test", DnsType::A, {"192.0.2." + std::to_string(i)});
  for (int i = 0; i < 20; ++i) ask("n" + std::to_string(i) + ".test");
  REQUIRE(eventually([&] { return replies.size() == 20; }));
  for (const Reply& each : replies) CHECK(each.addresses.size() == 1);
}

TEST_CASE_FIXTURE(Asking, "questions beyond the limit wait, and beyond that are refused") {
  CaresResolver::Options options;
  options.maxInFlight = 2;
  options.maxQueued = 3;
  open(10s, {}, options);
  server.set("a.test", DnsType::A, {"192.0.2.1"});
  for (int i = 0; i < 2; ++i) ask("a.test");
  dispatcher.turn(false);  // these are under way
  for (int i = 0; i < 5; ++i) ask("a.test");
  REQUIRE(eventually([&] { return replies.size() == 7; }));
  int good = 0, refused = 0;
  for (const Reply& each : replies) {
    good += each.outcome == Outcome::Found ? 1 : 0;
    refused += each.outcome == Outcome::Overload ? 1 : 0;
  }
  CHECK(good == 5);
  CHECK(refused == 2);
}

TEST_CASE_FIXTURE(Asking, "waiting for its turn counts towards the timeout") {
  CaresResolver::Options options;
  options.maxInFlight = 1;
  open(60ms, {}, options);
  server.silence();
  for (int i = 0; i < 3; ++i) ask("silent.test");
  REQUIRE(eventually([&] { return replies.size() == 3; }));
  for (const Reply& each : replies) CHECK(each.outcome == Outcome::Timeout);
}

TEST_CASE_FIXTURE(Asking, "a resolver that goes calls nobody") {
  server.set("a.test", DnsType::A, {"192.0.2.1"});
  CaresResolver::Options options;
  options.maxInFlight = 1;
  open(10s, {}, options);
  ask("a.test");
  ask("a.test");
  dispatcher.turn(false);  // one asked, one waiting
  resolver.reset();
  for (int i = 0; i < 3; ++i) dispatcher.turn(false);
  CHECK(replies.empty());
}

TEST_CASE_FIXTURE(Asking, "a callback may destroy the resolver, or ask again") {
  int calls = 0;
  for (int i = 0; i < 3; ++i)
    resolver->ask(std::string(64, 'x'), Type::A, [&](const Reply&) {
      ++calls;
      resolver.reset();
    });
  CHECK(eventually([&] { return calls > 0; }));
  dispatcher.turn(false);
  CHECK(calls == 1);
  open();
  server.set("a.test", DnsType::A, {"192.0.2.1"});
  std::optional<Reply> second;
  resolver->ask("none.test", Type::A, [&](const Reply&) {
    resolver->ask("a.test", Type::A, [&](const Reply& found) { second = found; });
  });
  REQUIRE(eventually([&] { return second.has_value(); }));
  CHECK(second->outcome == Outcome::Found);
}

TEST_CASE_FIXTURE(Asking, "an idle resolver does not wake the loop") {
  server.set("a.test", DnsType::A, {"192.0.2.1"});
  CHECK(reply("a.test").outcome == Outcome::Found);
  Alarm alarm;
  dispatcher.setDeadline(alarm, clock.now() + 50ms);
  int turns = 0;
  for (; !alarm.rang; ++turns) dispatcher.turn(true);
  CHECK(turns <= 3);  // what was left to do, and the alarm's
  dispatcher.remove(alarm);
}

}  // namespace
}  // namespace oxbow::dns
