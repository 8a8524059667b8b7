#include "proxy/dns/candidates.h"

#include <doctest/doctest.h>

namespace oxbow::dns {
namespace {
using Names = std::vector<std::string>;
}  // namespace

TEST_CASE("a name with enough dots is asked for as it is before the search domains") {
  const Names search = {"a.example", "b.example"};
  CHECK(candidatesOf("api.internal", search, 1) ==
        Names{"api.internal", "api.internal.a.example", "api.internal.b.example"});
  CHECK(candidatesOf("api", search, 1) == Names{"api.a.example", "api.b.example", "api"});
  CHECK(candidatesOf("api", search, 0) == Names{"api", "api.a.example", "api.b.example"});
  CHECK(candidatesOf("api", {}, 1) == Names{"api"});
}

TEST_CASE("a last dot makes a name absolute") {
  CHECK(candidatesOf("api.", {"a.example"}, 1) == Names{"api"});
  CHECK(candidatesOf("api.internal.", {"a.example"}, 5) == Names{"api.internal"});
  CHECK(candidatesOf("a.b.", {}, 2) == Names{"a.b"});
}

TEST_CASE("a pod finds a service of its namespace, of another, and a name outside") {
  const Names search = {"shop.svc.cluster.local", "svc.cluster.local", "cluster.local"};
  CHECK(candidatesOf("api", search, 5) ==
        Names{"api.shop.svc.cluster.local", "api.svc.cluster.local", "api.cluster.local", "api"});
  CHECK(candidatesOf("api.bank", search, 5) == Names{"api.bank.shop.svc.cluster.local",
                                                     "api.bank.svc.cluster.local",
                                                     "api.bank.cluster.local", "api.bank"});
  CHECK(candidatesOf("www.example.com", search, 5).back() == "www.example.com");
  CHECK(candidatesOf("_http._tcp.api.shop.svc", search, 5).back() == "_http._tcp.api.shop.svc");
  CHECK(candidatesOf("_http._tcp.api.shop.svc.cluster.local", search, 5).front() ==
        "_http._tcp.api.shop.svc.cluster.local");
}

TEST_CASE("no name is asked for twice, of either case") {
  CHECK(candidatesOf("API", {"A.example.", "a.Example", "."}, 1) == Names{"api.a.example", "api"});
  CHECK(candidatesOf("api", {"."}, 1) == Names{"api"});
}

TEST_CASE("no name is longer than a name may be") {
  const std::string half(126, 'a');
  CHECK(candidatesOf(half, {half, half + "b"}, 1) == Names{half + "." + half, half});
  CHECK(candidatesOf(std::string(253, 'a'), {"b"}, 1) == Names{std::string(253, 'a')});
  CHECK(candidatesOf(std::string(254, 'a'), {"b"}, 1).empty());
}

TEST_CASE("the root is no name of a server") {
  CHECK(candidatesOf("", {"a.example"}, 1).empty());
  CHECK(candidatesOf(".", {"a.example"}, 1).empty());
}

}  // namespace oxbow::dns
