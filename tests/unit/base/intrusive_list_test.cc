#include "proxy/base/intrusive_list.h"

#include <doctest/doctest.h>

#include <memory>
#include <vector>

using namespace oxbow;

namespace {

struct Other;

struct Item : ListHook<>, ListHook<Other> {
  explicit Item(int n) : number(n) {}
  int number;
};

using List = IntrusiveList<Item>;

template <typename L>
std::vector<int> numbers(L& list) {
  std::vector<int> result;
  for (Item* item = list.front(); item != nullptr; item = list.next(*item))
    result.push_back(item->number);
  return result;
}

}  // namespace

TEST_CASE("an empty list") {
  List list;
  CHECK(list.empty());
  CHECK(list.size() == 0);
  CHECK(list.front() == nullptr);
  CHECK(list.back() == nullptr);
  CHECK(list.popFront() == nullptr);
}

TEST_CASE("both ends") {
  Item a(1), b(2), c(3);
  List list;
  list.pushBack(b);
  list.pushBack(c);
  list.pushFront(a);
  CHECK(numbers(list) == std::vector<int>{1, 2, 3});
  CHECK(list.size() == 3);
  CHECK(list.back() == &c);
  CHECK(list.prev(c) == &b);
  CHECK(list.prev(a) == nullptr);
  CHECK(list.next(c) == nullptr);
}

TEST_CASE("removing in the middle and taking from the front") {
  Item a(1), b(2), c(3);
  List list;
  for (Item* item : {&a, &b, &c}) list.pushBack(*item);
  list.remove(b);
  CHECK(numbers(list) == std::vector<int>{1, 3});
  CHECK_FALSE(static_cast<ListHook<>&>(b).linked());
  CHECK(list.popFront() == &a);
  CHECK(list.size() == 1);
  list.pushBack(a);  // it may come back
  CHECK(numbers(list) == std::vector<int>{3, 1});
}

TEST_CASE("an element that dies leaves its list, and the list knows its size") {
  Item a(1);
  List list;
  list.pushBack(a);
  {
    Item b(2);
    list.pushBack(b);
    CHECK(list.size() == 2);
  }
  CHECK(numbers(list) == std::vector<int>{1});
  CHECK(list.size() == 1);
}

TEST_CASE("a list that dies leaves its elements free") {
  Item a(1);
  {
    List list;
    list.pushBack(a);
  }
  CHECK_FALSE(static_cast<ListHook<>&>(a).linked());
  List another;
  another.pushBack(a);
  CHECK(another.size() == 1);
}

TEST_CASE("one object is in two lists by two tags") {
  Item a(1), b(2);
  List list;
  IntrusiveList<Item, Other> other;
  list.pushBack(a);
  list.pushBack(b);
  other.pushBack(b);
  other.pushBack(a);
  CHECK(numbers(list) == std::vector<int>{1, 2});
  CHECK(numbers(other) == std::vector<int>{2, 1});
  list.remove(a);
  CHECK(other.size() == 2);
}
