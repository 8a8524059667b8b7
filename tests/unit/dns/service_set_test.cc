#include "proxy/dns/service_set.h"

#include <doctest/doctest.h>

namespace oxbow::dns {
namespace {

Service at(const char* target, uint16_t priority = 1, uint16_t weight = 1) {
  return {priority, weight, 80, target};
}

TEST_CASE("services stand by priority, and join at once") {
  ServiceSet set(2);
  CHECK(set.update({at("b", 2), at("a", 2), at("c", 1)}));
  CHECK(set.current() == std::vector<Service>{at("c", 1), at("a", 2), at("b", 2)});
  CHECK_FALSE(set.update({at("c", 1), at("b", 2), at("a", 2)}));
  CHECK(set.update({at("a", 2), at("b", 2), at("c", 1), at("d", 1)}));
  CHECK(set.current().size() == 4);
}

TEST_CASE("one that is missing leaves after so many answers in a row") {
  ServiceSet set(3);
  set.update({at("a"), at("b")});
  CHECK_FALSE(set.update({at("a")}));
  CHECK(set.unsure());
  CHECK_FALSE(set.update({at("a")}));
  CHECK_FALSE(set.update({at("a"), at("b")}));  // back: counted anew
  CHECK_FALSE(set.unsure());
  CHECK_FALSE(set.update({at("a")}));
  CHECK_FALSE(set.update({at("a")}));
  CHECK(set.update({at("a")}));
  CHECK(set.current() == std::vector<Service>{at("a")});
}

TEST_CASE("priority and weight are those of the last answer") {
  ServiceSet set(2);
  set.update({at("a", 1, 5)});
  CHECK(set.update({at("a", 2, 7)}));
  CHECK(set.current() == std::vector<Service>{at("a", 2, 7)});
}

TEST_CASE("two ports of one target are two services, and a repetition is one") {
  ServiceSet set(1);
  set.update({{1, 1, 80, "a"}, {1, 1, 81, "a"}, {1, 9, 80, "a"}});
  CHECK(set.current().size() == 2);
}

TEST_CASE("of too many the first by priority are used") {
  ServiceSet set(1);
  std::vector<Service> many;
  for (int i = 200; i > 0; --i) many.push_back(at("t", static_cast<uint16_t>(i)));
  for (size_t i = 0; i < many.size(); ++i) many[i].port = static_cast<uint16_t>(i + 1);
  set.update(many);
  REQUIRE(set.current().size() == ServiceSet::kMost);
  CHECK(set.current().back().priority == ServiceSet::kMost);
}

}  // namespace
}  // namespace oxbow::dns
