#include "proxy/server/client_access.h"

#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <vector>

namespace oxbow::server {

namespace {

config::AccessRules rules(const std::vector<const char*>& allow,
                          const std::vector<const char*>& deny) {
  config::AccessRules rules;
  for (const char* text : allow) rules.allow.push_back({Cidr::parse(text).value(), {}});
  for (const char* text : deny) rules.deny.push_back({Cidr::parse(text).value(), {}});
  return rules;
}

bool allows(const config::AccessRules& rules, const char* ip) {
  return isAllowed(rules, SocketAddress::parseIp(ip, 80).value());
}

}  // namespace

TEST_CASE("without rules everybody is allowed") { CHECK(allows({}, "192.0.2.1")); }

TEST_CASE("deny alone refuses whom it names") {
  const auto some = rules({}, {"192.0.2.0/24", "2001:db8::/32"});
  CHECK_FALSE(allows(some, "192.0.2.9"));
  CHECK_FALSE(allows(some, "2001:db8::1"));
  CHECK_FALSE(allows(some, "::ffff:192.0.2.9"));  // the same address
  CHECK(allows(some, "192.0.3.9"));
  CHECK(allows(some, "2001:db9::1"));
}

TEST_CASE("with allow nobody else is allowed, of either family") {
  const auto some = rules({"10.0.0.0/8"}, {});
  CHECK(allows(some, "10.255.0.1"));
  CHECK_FALSE(allows(some, "11.0.0.1"));
  CHECK_FALSE(allows(some, "::1"));
}

TEST_CASE("the longest prefix decides, of two alike deny") {
  const auto some = rules({"10.0.0.0/8", "10.1.2.3", "172.16.0.0/12"},
                          {"10.1.0.0/16", "0.0.0.0/0", "172.16.0.0/12"});
  CHECK(allows(some, "10.2.0.1"));
  CHECK_FALSE(allows(some, "10.1.0.1"));
  CHECK(allows(some, "10.1.2.3"));
  CHECK_FALSE(allows(some, "192.0.2.1"));
  CHECK_FALSE(allows(some, "172.16.0.1"));
}

TEST_CASE("clients of a Unix socket have no address to be judged by") {
  CHECK(isAllowed(rules({"10.0.0.0/8"}, {"0.0.0.0/0"}),
                  SocketAddress::parse("unix:/run/a.sock").value()));
}

TEST_CASE("an address is counted up to the limit, and forgotten when its last one leaves") {
  AddressCounts counts;
  CHECK(counts.tryEnter("a", "192.0.2.1", 2));
  CHECK(counts.tryEnter("a", "192.0.2.1", 2));
  CHECK_FALSE(counts.tryEnter("a", "192.0.2.1", 2));
  CHECK(counts.tryEnter("a", "192.0.2.2", 2));
  CHECK(counts.tryEnter("b", "192.0.2.1", 2));  // of another listener
  CHECK(counts.size() == 3);
  counts.leave("a", "192.0.2.1");
  CHECK(counts.tryEnter("a", "192.0.2.1", 2));
  CHECK_FALSE(counts.tryEnter("a", "192.0.2.1", 2));
  counts.leave("a", "192.0.2.1");
  counts.leave("a", "192.0.2.1");
  counts.leave("a", "192.0.2.2");
  counts.leave("b", "192.0.2.1");
  CHECK(counts.size() == 0);
}

TEST_CASE("an IPv6 network of 64 bits counts as one") {
  AddressCounts counts;
  CHECK(counts.tryEnter("a", "2001:db8:1:2::1", 1));
  CHECK_FALSE(counts.tryEnter("a", "2001:db8:1:2:ffff::9", 1));
  CHECK(counts.tryEnter("a", "2001:db8:1:3::1", 1));
  counts.leave("a", "2001:db8:1:2:5::5");
  CHECK(counts.tryEnter("a", "2001:db8:1:2::1", 1));
}

TEST_CASE("a limit that was lowered refuses those that come, and leaves nothing behind") {
  AddressCounts counts;
  CHECK_FALSE(counts.tryEnter("a", "192.0.2.1", 0));
  CHECK(counts.size() == 0);
}

TEST_CASE("many threads never pass the limit") {
  AddressCounts counts;
  std::atomic<int> inside{0}, most{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int turn = 0; turn < 2000; ++turn) {
        if (!counts.tryEnter("a", "192.0.2.1", 3)) continue;
        const int now = ++inside;
        for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
        }
        --inside;
        counts.leave("a", "192.0.2.1");
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(most <= 3);
  CHECK(most > 0);
  CHECK(counts.size() == 0);
}

}  // namespace oxbow::server
