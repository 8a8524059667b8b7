#include "proxy/server/lowest_ids.h"

#include <doctest/doctest.h>

#include <set>

namespace oxbow::server {

namespace {

std::set<uint64_t> idsOf(const LowestIds<int>& lowest) {
  std::set<uint64_t> ids;
  for (const auto& [id, object] : lowest.found()) {
    CHECK(object == static_cast<int>(id) * 2);
    ids.insert(id);
  }
  return ids;
}

}  // namespace

TEST_CASE("the lowest ids behind one are kept, in whatever order they come") {
  LowestIds<int> lowest(10, 3);
  for (const uint64_t id : {30, 12, 5, 99, 11, 10, 20, 14})
    (void)lowest.offer(id, static_cast<int>(id) * 2);
  CHECK(idsOf(lowest) == std::set<uint64_t>{11, 12, 14});
}

TEST_CASE("when no greater id is of use any more, it says so") {
  LowestIds<int> lowest(0, 2);
  CHECK(lowest.offer(1, 2));
  CHECK(lowest.offer(2, 4));
  CHECK_FALSE(lowest.offer(3, 6));
  CHECK(idsOf(lowest) == std::set<uint64_t>{1, 2});
}

}  // namespace oxbow::server
