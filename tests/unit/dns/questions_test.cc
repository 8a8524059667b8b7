#include "proxy/dns/questions.h"

#include <doctest/doctest.h>

#include "tests/unit/dns/world.h"

using namespace std::chrono_literals;

namespace oxbow::dns {
namespace {

struct Asking : World {
  std::vector<Reply> got;
  void ask(const std::string& name, Type type = Type::A) {
    questions.ask(name, type, [this](const Reply& reply) { got.push_back(reply); });
  }
};

TEST_CASE_FIXTURE(Asking, "one question is under way for each name and type, whoever asks") {
  ask("api.test");
  ask("API.test");
  ask("api.test", Type::Aaaa);
  CHECK(open.size() == 2);
  CHECK(stats.lookups == 2);
  CHECK(stats.hits == 1);
  CHECK(answer("api.test", Type::A, addresses({"192.0.2.1"}, 60s)));
  REQUIRE(got.size() == 2);
  CHECK(got[1].addresses.size() == 1);
  ask("api.test");  // answers that have addresses are not kept here
  CHECK(open.size() == 2);
  CHECK(stats.outcomes[static_cast<size_t>(Outcome::Found)] == 1);
  CHECK(stats.lookupTime.snapshot().count() == 1);
}

TEST_CASE_FIXTURE(Asking, "that a name is not there is believed for a short and bounded time") {
  for (const auto& [ttl, held] : {std::pair{0s, 1s}, {3s, 3s}, {3600s, 5s}}) {
    CAPTURE(ttl.count());
    got.clear();
    ask("none.test");
    CHECK(answer("none.test", Type::A, failure(Outcome::NoName, ttl)));
    pass(held - 20ms);
    ask("none.test");
    CHECK(got.size() == 1);  // never inside ask()
    turn();
    REQUIRE(got.size() == 2);
    CHECK(got[1].outcome == Outcome::NoName);
    CHECK(open.empty());
    pass(40ms);
    ask("none.test");
    CHECK(answer("none.test", Type::A, failure(Outcome::ServFail)));
    pass(1s);
  }
}

TEST_CASE_FIXTURE(Asking, "failures are not remembered") {
  for (const Outcome outcome : {Outcome::ServFail, Outcome::Timeout, Outcome::Malformed}) {
    ask("api.test");
    CHECK(answer("api.test", Type::A, failure(outcome)));
    ask("api.test");
    CHECK(answer("api.test", Type::A, failure(outcome)));
  }
  CHECK(stats.hits == 0);
}

TEST_CASE_FIXTURE(Asking, "what is under way is asked of another resolver, once it is there") {
  ask("api.test");
  ask("none.test");
  CHECK(answer("none.test", Type::A, failure(Outcome::NoName, 5s)));
  std::deque<FakeResolver::Question> other;
  questions.setResolver(std::make_unique<FakeResolver>(other));
  REQUIRE(other.size() == 1);
  CHECK(other[0].name == "api.test");
  const Resolver::Done done = other[0].done;
  other.clear();
  done(addresses({"192.0.2.1"}, 60s));
  CHECK(got.size() == 2);
  ask("none.test");  // the other may know better
  CHECK(other.size() == 1);
  questions.setResolver(std::make_unique<FakeResolver>(open));
}

TEST_CASE_FIXTURE(Asking, "the memory of names that are not there is bounded") {
  for (size_t i = 0; i < Questions::kMaxNegatives + 10; ++i) {
    const std::string name = "n" + std::to_string(i) + ".test";
    ask(name);
    CHECK(answer(name, Type::A, failure(Outcome::NoName, 5s)));
  }
  const uint64_t before = stats.hits;
  for (size_t i = 0; i < Questions::kMaxNegatives + 10; ++i) ask("n" + std::to_string(i) + ".test");
  CHECK(stats.hits - before == Questions::kMaxNegatives);
}

}  // namespace
}  // namespace oxbow::dns
