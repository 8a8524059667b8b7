#include "proxy/dns/address_set.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

namespace oxbow::dns {
namespace {

using Addresses = std::vector<SocketAddress>;

Addresses of(const std::vector<std::string>& ips) {
  Addresses addresses;
  for (const std::string& ip : ips) addresses.push_back(SocketAddress::parseIp(ip, 0).value());
  return addresses;
}

const Addresses a = of({"10.0.0.1"});
const Addresses b = of({"10.0.0.2"});
const Addresses ab = of({"10.0.0.1", "10.0.0.2"});

// In order: 10.0.0.0, 10.0.0.1, and so on.
Addresses many(int from, int count) {
  std::vector<std::string> ips;
  for (int i = from; i < from + count; ++i)
    ips.push_back("10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256));
  return of(ips);
}

Addresses rotated(Addresses addresses, int by) {
  std::rotate(addresses.begin(), addresses.begin() + by, addresses.end());
  return addresses;
}

Addresses firstOf(const Addresses& addresses, size_t count) {
  return {addresses.begin(), addresses.begin() + static_cast<std::ptrdiff_t>(count)};
}

}  // namespace

TEST_CASE("what is new joins at once, in any order and once") {
  AddressSet set(2);
  CHECK(set.current().empty());
  CHECK(set.update(b));
  CHECK(set.update(of({"10.0.0.2", "10.0.0.1", "10.0.0.2"})));
  CHECK(set.current() == ab);
  CHECK_FALSE(set.update(ab));
  CHECK_FALSE(set.unsure());
}

TEST_CASE("addresses are sorted by their bytes") {
  AddressSet v4(1);
  v4.update(of({"10.0.0.10", "9.0.0.1", "200.0.0.1", "10.0.0.9"}));
  CHECK(v4.current() == of({"9.0.0.1", "10.0.0.9", "10.0.0.10", "200.0.0.1"}));
  AddressSet v6(1);
  v6.update(of({"2001:db8::10", "fd00::1", "2001:db8::9", "::1"}));
  CHECK(v6.current() == of({"::1", "2001:db8::9", "2001:db8::10", "fd00::1"}));
}

TEST_CASE("what is missing stays until it was missing often enough in a row") {
  AddressSet set(3);
  set.update(ab);
  CHECK_FALSE(set.update(a));
  CHECK(set.unsure());
  CHECK_FALSE(set.update(a));
  CHECK(set.current() == ab);
  CHECK(set.update(a));
  CHECK(set.current() == a);
  CHECK_FALSE(set.unsure());
}

TEST_CASE("with 1 it leaves at once") {
  AddressSet set(1);
  set.update(a);
  CHECK(set.update(b));
  CHECK(set.current() == b);
  CHECK_FALSE(set.unsure());
}

TEST_CASE("answers that take turns drop nothing") {
  AddressSet set(2);
  set.update(a);
  CHECK(set.update(b));
  for (int i = 0; i < 20; ++i) {
    CHECK_FALSE(set.update(i % 2 == 0 ? a : b));
    CHECK(set.current() == ab);
    CHECK(set.unsure());
  }
}

TEST_CASE("a name that moves is followed: both for a while, then the new one") {
  const Addresses before = many(0, 256);
  const Addresses after = many(1000, 3);
  AddressSet set(2);
  set.update(of({"10.0.0.1", "10.0.0.2", "10.0.0.3"}));
  CHECK(set.update(after));
  CHECK(set.current().size() == 6);
  CHECK(set.update(after));
  CHECK(set.current() == after);
  CHECK_FALSE(set.unsure());

  AddressSet full(2);
  full.update(before);
  CHECK_FALSE(full.update(after));  // there is no room yet
  CHECK(full.update(after));
  CHECK(full.current() == after);
}

TEST_CASE("a long answer that rotates does not flap") {
  const Addresses all = many(0, 1000);
  AddressSet set(2);
  CHECK(set.update(rotated(all, 700)));
  CHECK(set.current() == firstOf(all, AddressSet::kMaxAddresses));
  for (int by = 0; by < 1000; by += 37) CHECK_FALSE(set.update(rotated(all, by)));
  CHECK_FALSE(set.unsure());
}

TEST_CASE("what is in use goes before what is new, and room is given to the first in order") {
  AddressSet set(1);
  set.update(many(500, 300));
  CHECK(set.current() == many(500, 256));
  CHECK_FALSE(set.update(many(0, 1000)));
  CHECK(set.update(many(501, 300)));  // one leaves, one joins
  CHECK(set.current() == many(501, 256));
}

TEST_CASE("another limit holds from the next answer on") {
  AddressSet set(5);
  set.update(ab);
  set.update(a);
  set.update(a);
  set.setDrainAfter(2);
  CHECK(set.current() == ab);
  CHECK(set.update(a));
  CHECK(set.current() == a);
}

TEST_CASE("a set that was cleared begins anew") {
  AddressSet set(2);
  set.update(ab);
  set.update(a);
  set.clear();
  CHECK(set.current().empty());
  CHECK_FALSE(set.unsure());
  CHECK(set.update(a));
  CHECK(set.current() == a);
}

}  // namespace oxbow::dns
