#include "proxy/dns/cares_resolver.h"

#include <doctest/doctest.h>

#include <optional>

#include "tests/unit/dns/fake_dns_server.h"

using namespace std::chrono_literals;

// Inside the namespace: outside, `event` may also be libevent's struct.
namespace oxbow::dns {
namespace {

// Ends a wait that would never end otherwise.
struct Alarm final : event::Timer {
  bool rang = false;
  void onTimer() override { rang = true; }
};

struct DnsFixture {
  SystemClock clock;
  event::Dispatcher dispatcher{clock};
  FakeDnsServer server{dispatcher};
  std::unique_ptr<CaresResolver> resolver;
  std::vector<Answer> answers;

  DnsFixture() { open({}); }

  // With short timeouts only where the test is about them.
  void open(CaresResolver::Options options, Duration timeout = 10s) {
    options.servers = {server.address()};
    options.timeout = timeout;
    resolver = std::move(CaresResolver::create(dispatcher, options).value());
  }

  void ask(const std::string& host, uint16_t port = 80) {
    resolver->resolve(host, port, [this](Answer answer) { answers.push_back(std::move(answer)); });
  }

  template <typename Condition>
  bool eventually(Condition condition) {
    Alarm alarm;
    dispatcher.setDeadline(alarm, clock.now() + 20s);
    while (!condition() && !alarm.rang) dispatcher.turn(true);
    dispatcher.remove(alarm);
    return !alarm.rang;
  }

  Answer answer(const std::string& host, uint16_t port = 80) {
    const size_t before = answers.size();
    ask(host, port);
    CHECK(answers.size() == before);  // never inside resolve()
    REQUIRE(eventually([&] { return answers.size() > before; }));
    return answers.back();
  }

  static std::vector<std::string> texts(const Answer& answer) {
    std::vector<std::string> result;
    for (const SocketAddress& address : answer.addresses) result.push_back(address.text());
    return result;
  }
};

using Texts = std::vector<std::string>;

TEST_CASE_FIXTURE(DnsFixture, "A and AAAA, IPv4 first, in the order of the answer") {
  server.answer("api.test", FakeDnsServer::kAaaa, {"2001:db8::2", "2001:db8::1"});
  server.answer("api.test", FakeDnsServer::kA, {"192.0.2.9", "192.0.2.1"});
  const Answer found = answer("api.test", 8080);
  CHECK(found.ok);
  CHECK(texts(found) ==
        Texts{"192.0.2.9:8080", "192.0.2.1:8080", "[2001:db8::2]:8080", "[2001:db8::1]:8080"});
}

TEST_CASE_FIXTURE(DnsFixture, "one family is enough") {
  server.answer("four.test", FakeDnsServer::kA, {"192.0.2.1"});
  server.answer("six.test", FakeDnsServer::kAaaa, {"2001:db8::1"});
  CHECK(texts(answer("four.test")) == Texts{"192.0.2.1:80"});
  CHECK(texts(answer("six.test")) == Texts{"[2001:db8::1]:80"});
}

TEST_CASE_FIXTURE(DnsFixture, "duplicates are removed") {
  server.answer("twice.test", FakeDnsServer::kA, {"192.0.2.1", "192.0.2.2", "192.0.2.1"});
  CHECK(texts(answer("twice.test")) == Texts{"192.0.2.1:80", "192.0.2.2:80"});
}

TEST_CASE_FIXTURE(DnsFixture, "IP addresses are answered without a question, and later") {
  CHECK(texts(answer("192.0.2.7", 443)) == Texts{"192.0.2.7:443"});
  CHECK(texts(answer("2001:db8::7", 443)) == Texts{"[2001:db8::7]:443"});
  CHECK(server.questions() == 0);
}

TEST_CASE_FIXTURE(DnsFixture, "the hosts file is known") {
  const Answer found = answer("localhost", 80);
  REQUIRE(found.ok);
  for (const SocketAddress& address : found.addresses) CHECK(address.isLoopback());
  CHECK(server.questions() == 0);
}

TEST_CASE_FIXTURE(DnsFixture, "errors have a name") {
  server.answer("empty.test", FakeDnsServer::kA, {});
  server.fail("broken.test", FakeDnsServer::kServFail);
  server.fail("closed.test", FakeDnsServer::kRefused);
  const Answer unknown = answer("unknown.test");
  CHECK_FALSE(unknown.ok);
  CHECK(unknown.error == "NXDOMAIN");
  CHECK(unknown.addresses.empty());
  CHECK(answer("empty.test").error == "the name has no addresses");
  // The next server is asked then, and there is none.
  CHECK(answer("broken.test").error == "no DNS server gave an answer");
  CHECK(answer("closed.test").error == "no DNS server gave an answer");
}

TEST_CASE_FIXTURE(DnsFixture, "silence is a timeout, after the time that was given") {
  open({}, 60ms);
  server.ignoreAll();
  const TimePoint begin = clock.now();
  const Answer none = answer("silent.test");
  CHECK_FALSE(none.ok);
  CHECK(none.error == "timeout");
  CHECK(clock.now() - begin >= 50ms);
  CHECK(server.questions() >= 2);
}

TEST_CASE_FIXTURE(DnsFixture, "a lost packet is asked for again") {
  open({}, 600ms);  // the second try comes after a third of it
  server.answer("lossy.test", FakeDnsServer::kA, {"192.0.2.1"});
  server.ignore(2);  // A and AAAA
  CHECK(texts(answer("lossy.test")) == Texts{"192.0.2.1:80"});
  CHECK(server.questions() == 4);
}

TEST_CASE_FIXTURE(DnsFixture, "an answer that comes after the timeout is not given twice") {
  open({}, 30ms);
  server.answer("late.test", FakeDnsServer::kA, {"192.0.2.1"});
  server.ignoreAll();
  CHECK(answer("late.test").error == "timeout");
  server.ignore(0);
  CHECK(answer("192.0.2.7").ok);
  CHECK(answers.size() == 2);
}

TEST_CASE_FIXTURE(DnsFixture, "what does not fit into a datagram comes by TCP, up to a limit") {
  Texts many;
  for (int i = 0; i < 1000; ++i)
    many.push_back("10.0." + std::to_string(i / 250) + '.' + std::to_string(i % 250));
  server.answer("large.test", FakeDnsServer::kA, many);
  server.truncate();
  const Answer found = answer("large.test");
  REQUIRE(found.ok);
  CHECK(found.addresses.size() == CaresResolver::kMaxAddresses);
  CHECK(found.addresses[255].text() == "10.0.1.5:80");
  CHECK(server.tcpConnections() >= 1);
}

TEST_CASE_FIXTURE(DnsFixture, "several names at once") {
  for (int i = 0; i < 20; ++i)
    server.answer("n" + std::to_string(i) + ".test", FakeDnsServer::kA,
                  {"192.0.2." + std::to_string(i)});
  for (int i = 0; i < 20; ++i) ask("n" + std::to_string(i) + ".test");
  REQUIRE(eventually([&] { return answers.size() == 20; }));
  for (const Answer& each : answers) CHECK(each.addresses.size() == 1);
}

TEST_CASE_FIXTURE(DnsFixture,
                  "names beyond the limit wait their turn, and beyond that are refused") {
  open({.maxInFlight = 2, .maxQueued = 3});
  server.answer("a.test", FakeDnsServer::kA, {"192.0.2.1"});
  for (int i = 0; i < 7; ++i) ask("a.test");
  REQUIRE(eventually([&] { return answers.size() == 7; }));
  int good = 0, refused = 0;
  for (const Answer& each : answers) {
    good += each.ok ? 1 : 0;
    refused += each.error == "too many names are being resolved" ? 1 : 0;
  }
  CHECK(good == 5);
  CHECK(refused == 2);
}

TEST_CASE_FIXTURE(DnsFixture, "waiting for its turn counts towards the timeout") {
  open({.maxInFlight = 1, .maxQueued = 10}, 40ms);
  server.ignoreAll();
  for (int i = 0; i < 3; ++i) ask("silent.test");
  REQUIRE(eventually([&] { return answers.size() == 3; }));
  for (const Answer& each : answers) CHECK(each.error == "timeout");
}

TEST_CASE_FIXTURE(DnsFixture, "many names that fail at once do not pile up on the stack") {
  open({.maxInFlight = 1, .maxQueued = 4000});
  server.answer("a.test", FakeDnsServer::kA, {"192.0.2.1"});
  ask("a.test");
  // These wait for it. c-ares refuses labels beyond 63 bytes without a question, on the spot.
  for (int i = 0; i < 4000; ++i) ask(std::string(64, 'x') + ".test");
  REQUIRE(eventually([&] { return answers.size() == 4001; }));
  CHECK(answers[0].ok);
  CHECK_FALSE(answers[4000].ok);
  CHECK(server.questions() == 2);
}

TEST_CASE_FIXTURE(DnsFixture, "a resolver that goes calls nobody") {
  server.answer("a.test", FakeDnsServer::kA, {"192.0.2.1"});
  open({.maxInFlight = 1});
  ask("a.test");     // asked
  ask("a.test");     // waiting
  ask("192.0.2.1");  // answered, not delivered
  resolver.reset();
  for (int i = 0; i < 3; ++i) dispatcher.turn(false);
  CHECK(answers.empty());
}

TEST_CASE_FIXTURE(DnsFixture, "a callback may destroy the resolver") {
  int calls = 0;
  for (int i = 0; i < 3; ++i)
    resolver->resolve("192.0.2.1", 80, [&](Answer) {
      ++calls;
      resolver.reset();
    });
  CHECK(eventually([&] { return calls > 0; }));
  dispatcher.turn(false);
  CHECK(calls == 1);
}

TEST_CASE_FIXTURE(DnsFixture, "a callback may ask again") {
  server.answer("a.test", FakeDnsServer::kA, {"192.0.2.1"});
  std::optional<Answer> second;
  resolver->resolve("192.0.2.7", 80, [&](Answer) {
    resolver->resolve("a.test", 80, [&](Answer answer) { second = std::move(answer); });
  });
  REQUIRE(eventually([&] { return second.has_value(); }));
  CHECK(second->ok);
}

TEST_CASE_FIXTURE(DnsFixture, "an idle resolver does not wake the loop") {
  server.answer("a.test", FakeDnsServer::kA, {"192.0.2.1"});
  CHECK(answer("a.test").ok);
  Alarm alarm;
  dispatcher.setDeadline(alarm, clock.now() + 50ms);
  int turns = 0;
  for (; !alarm.rang; ++turns) dispatcher.turn(true);
  CHECK(turns <= 3);  // what was left to do, and the alarm's
  dispatcher.remove(alarm);
}

TEST_CASE_FIXTURE(DnsFixture, "servers that are none are refused") {
  for (const char* text : {"", "localhost:53", "127.0.0.1", "127.0.0.1:0", "unix:/x"})
    CHECK_MESSAGE(!CaresResolver::create(dispatcher, {.servers = {text}}).ok(), text);
  CHECK(CaresResolver::create(dispatcher, {.servers = {"127.0.0.1:53", "[::1]:5353"}}).ok());
  CHECK(CaresResolver::create(dispatcher, {}).ok());  // the system's
}

}  // namespace
}  // namespace oxbow::dns
