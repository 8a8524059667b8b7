#include "proxy/upstream/balancers.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/pool/fakes.h"

using namespace oxbow;
using namespace oxbow::pool;
using namespace oxbow::upstream;

namespace {

// Usable are those whose index is in the set.
class Only final : public Balancer::Usable {
 public:
  explicit Only(std::set<uint32_t> indices) : indices_(std::move(indices)) {}
  bool operator()(const ConnPool& pool) const override { return indices_.count(pool.index()) > 0; }

 private:
  std::set<uint32_t> indices_;
};

// Pools that can be loaded by hand.
struct PoolsFixture {
  Scene scene{{.endpoints = 3}};
  std::vector<ConnPool*> pools{&scene.pool(0), &scene.pool(1), &scene.pool(2)};
  const Only all{{0, 1, 2}};

  // The indices of `count` picks in a row, as letters.
  std::string picks(Balancer& balancer, int count, const Balancer::Usable& usable) {
    std::string result;
    for (int i = 0; i < count; ++i) {
      const ConnPool* pool = balancer.pick(pools, usable);
      result += pool == nullptr ? '-' : static_cast<char>('a' + pool->index());
    }
    return result;
  }
  void lend(size_t endpoint, int count) {
    for (int i = 0; i < count; ++i) {
      scene.balancer.turnTo(endpoint);
      scene.ask();
      scene.opening(endpoint).connects();
    }
  }
};

long count(const std::string& picks, char pool) {
  return std::count(picks.begin(), picks.end(), pool);
}

}  // namespace

TEST_CASE_FIXTURE(PoolsFixture, "round robin takes turns") {
  RoundRobin balancer({1, 1, 1});
  CHECK(picks(balancer, 7, all) == "abcabca");
}

TEST_CASE_FIXTURE(PoolsFixture, "round robin gives each its weight, spread evenly") {
  RoundRobin balancer({5, 1, 1});
  // Of each seven the heavy one gets five, but never all in a row: a pause behind two and three.
  const std::string found = picks(balancer, 70, all);
  CHECK(count(found, 'a') == 50);
  CHECK(count(found, 'b') == 10);
  CHECK(count(found, 'c') == 10);
  CHECK(found.find("aaaaa") == std::string::npos);
  for (size_t i = 0; i + 7 <= found.size(); i += 7) {
    CHECK(count(found.substr(i, 7), 'b') == 1);
    CHECK(count(found.substr(i, 7), 'c') == 1);
  }
}

TEST_CASE_FIXTURE(PoolsFixture,
                  "round robin passes over what is not usable, and comes back to it") {
  RoundRobin balancer({1, 1, 1});
  const std::string without = picks(balancer, 10, Only({0, 2}));
  CHECK(count(without, 'a') == 5);
  CHECK(count(without, 'c') == 5);
  // Nobody gets to make up for lost turns in a rush.
  const std::string with = picks(balancer, 9, all);
  CHECK(count(with, 'b') <= 4);
  CHECK(count(with, 'b') >= 2);
}

TEST_CASE_FIXTURE(PoolsFixture, "nothing usable gives nothing") {
  RoundRobin roundRobin({1, 1, 1});
  LeastConn leastConn({1, 1, 1});
  CHECK(picks(roundRobin, 2, Only({})) == "--");
  CHECK(picks(leastConn, 2, Only({})) == "--");
  CHECK(roundRobin.pick({}, all) == nullptr);
  CHECK(leastConn.pick({}, all) == nullptr);
  CHECK(roundRobin.pick({pools[1]}, Only({0})) == nullptr);
  CHECK(roundRobin.pick({pools[1]}, all) == pools[1]);
}

TEST_CASE_FIXTURE(PoolsFixture, "least_conn takes the one with the fewest active connections") {
  LeastConn balancer({1, 1, 1});
  lend(0, 2);
  lend(1, 3);
  lend(2, 1);
  CHECK(picks(balancer, 3, all) == "ccc");
  CHECK(picks(balancer, 3, Only({0, 1})) == "aaa");
  lend(2, 3);
  CHECK(picks(balancer, 3, all) == "aaa");
}

TEST_CASE_FIXTURE(PoolsFixture, "least_conn counts those that are being opened") {
  LeastConn balancer({1, 1, 1});
  lend(0, 1);
  lend(2, 3);
  scene.balancer.turnTo(1);
  scene.ask();
  scene.balancer.turnTo(1);
  scene.ask();
  CHECK(scene.pool(1).connecting() == 2);
  CHECK(picks(balancer, 3, all) == "aaa");
}

TEST_CASE_FIXTURE(PoolsFixture, "least_conn holds the load against the weight") {
  LeastConn balancer({1, 4, 1});
  lend(0, 1);
  lend(1, 3);
  lend(2, 1);
  CHECK(picks(balancer, 3, all) == "bbb");  // 3/4 is less than 1
  lend(1, 2);
  const std::string found = picks(balancer, 10, all);
  CHECK(count(found, 'b') == 0);  // 5/4 is more
}

TEST_CASE_FIXTURE(PoolsFixture, "equals take turns under least_conn") {
  LeastConn balancer({1, 1, 1});
  const std::string found = picks(balancer, 30, all);
  for (const char pool : {'a', 'b', 'c'}) CHECK(count(found, pool) == 10);
}

// Weights as SRV records may have them ----------------------------------------------------------

TEST_CASE_FIXTURE(PoolsFixture, "weights may be as large as they come") {
  constexpr uint32_t kMost = 65535U * 1000;
  lend(0, 40);
  lend(1, 20);
  LeastConn leastConn({kMost, kMost, 1});
  CHECK(picks(leastConn, 1, Only({0, 1})) == "b");
  LeastConn uneven({kMost, kMost / 4, 1});
  CHECK(picks(uneven, 1, Only({0, 1})) == "a");
  RoundRobin roundRobin({kMost, kMost, kMost / 2});
  const std::string found = picks(roundRobin, 50'000, all);
  CHECK(count(found, 'a') == 20'000);
  CHECK(count(found, 'c') == 10'000);
}

TEST_CASE_FIXTURE(PoolsFixture, "turns go on when the weights are set anew") {
  RoundRobin balancer({1, 1, 1});
  std::string found;
  for (int i = 0; i < 30; ++i) {
    found += picks(balancer, 1, all);
    balancer.setWeights({1, 1, 1}, {0, 1, 2});
  }
  for (const char pool : {'a', 'b', 'c'}) CHECK(count(found, pool) == 10);
}

TEST_CASE_FIXTURE(PoolsFixture, "small weights do not pay for large ones that they follow") {
  RoundRobin balancer({65535U * 1000, 65535U * 1000, 1});
  picks(balancer, 1, all);
  balancer.setWeights({1, 1, 1}, {0, 1, ConnPool::kNoIndex});
  const std::string found = picks(balancer, 30, all);
  for (const char pool : {'a', 'b', 'c'}) CHECK(count(found, pool) >= 7);
}
