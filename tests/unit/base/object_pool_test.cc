#include "proxy/base/object_pool.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

using namespace oxbow;

namespace {

struct Guest {
  Guest(std::string n, int& o) : name(std::move(n)), others(o) { ++others; }
  ~Guest() { --others; }
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;
  std::string name;
  int& others;
};

}  // namespace

TEST_CASE("objects are constructed from the arguments, and destroyed at once") {
  ObjectPool<Guest> pool;
  int present = 0;
  Guest* guest = pool.make("a name too long for the string's own buffer", present);
  CHECK(guest->name == "a name too long for the string's own buffer");
  CHECK(present == 1);
  CHECK(pool.live() == 1);
  pool.destroy(guest);
  CHECK(present == 0);
  CHECK(pool.live() == 0);
}

TEST_CASE("the memory of the last one to go is used first") {
  ObjectPool<Guest> pool;
  int present = 0;
  Guest* a = pool.make("a", present);
  Guest* b = pool.make("b", present);
  pool.destroy(a);
  pool.destroy(b);
  CHECK(pool.make("c", present) == b);
  CHECK(pool.make("d", present) == a);
  CHECK(a->name == "d");
  pool.destroy(a);
  pool.destroy(b);
}

TEST_CASE("living objects never share memory") {
  ObjectPool<Guest> pool(4);
  int present = 0;
  std::vector<Guest*> guests;
  for (int round = 0; round < 50; ++round) {
    for (int i = 0; i < 10; ++i) guests.push_back(pool.make(std::to_string(i), present));
    for (int i = 0; i < 10; ++i) CHECK(guests[static_cast<size_t>(i)]->name == std::to_string(i));
    CHECK(present == 10);
    for (Guest* guest : guests) pool.destroy(guest);  // more than the free list keeps
    guests.clear();
    CHECK(present == 0);
  }
}
