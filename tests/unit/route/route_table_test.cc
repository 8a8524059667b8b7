#include "proxy/route/route_table.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/unit/route/tls_facts.h"

namespace oxbow::route {
namespace {

class Routes {
 public:
  Routes() {
    config_.upstreams.resize(1);
    config_.upstreams[0].name = std::string("api");
  }

  // A route told by its location's answer: the body names it.
  Routes& add(const std::string& name, const std::string& location,
              std::vector<std::string> hosts = {}) {
    config::Route& route = listener_.routes.emplace_back();
    route.location = location;
    for (const std::string& host : hosts) route.hosts.emplace_back(host);
    route.fixed.emplace();
    route.fixed->body = name;
    return *this;
  }

  // What the route that was added last sets.
  Routes& set(const std::string& name, const std::string& value) {
    config::HeaderEdit& edit = listener_.routes.back().setHeaders.emplace_back();
    edit.name = name;
    edit.value = value;
    return *this;
  }

  RouteTable table() const { return RouteTable(listener_, config_); }

  std::string match(const std::string& authority, const std::string& path) const {
    const RouteTable table(listener_, config_);
    const Route* route = table.match(authority, path);
    return route == nullptr ? "none" : *route->config->fixed->body;
  }

 private:
  config::Config config_;
  config::Listener listener_;
};

TEST_CASE("the longest prefix wins, in whatever order the routes stand") {
  Routes routes;
  routes.add("root", "/").add("deep", "/a/b/").add("shallow", "/a/");
  CHECK(routes.match("h", "/a/b/c") == "deep");
  CHECK(routes.match("h", "/a/c") == "shallow");
  CHECK(routes.match("h", "/a/b") == "shallow");
  CHECK(routes.match("h", "/x") == "root");
}

TEST_CASE("paths are compared byte for byte") {
  Routes routes;
  routes.add("admin", "/admin/");
  CHECK(routes.match("h", "/admin/x") == "admin");
  CHECK(routes.match("h", "/Admin/x") == "none");
  CHECK(routes.match("h", "//admin/x") == "none");
  CHECK(routes.match("h", "/%61dmin/x") == "none");
  CHECK(routes.match("h", "/admin") == "none");
}

TEST_CASE("an exact host goes before a wildcard, the longer wildcard first, any host last") {
  Routes routes;
  routes.add("any", "/")
      .add("short", "/", {"*.example.com"})
      .add("long", "/", {"*.eu.example.com"})
      .add("exact", "/", {"www.eu.example.com"});
  CHECK(routes.match("www.eu.example.com", "/") == "exact");
  CHECK(routes.match("api.eu.example.com", "/") == "long");
  CHECK(routes.match("api.example.com", "/") == "short");
  CHECK(routes.match("example.com", "/") == "any");
  CHECK(routes.match("badexample.com", "/") == "any");
  CHECK(routes.match("", "/") == "any");
}

TEST_CASE("hosts are compared without case, port and final dot") {
  Routes routes;
  routes.add("site", "/", {"example.com"}).add("six", "/", {"[::1]"});
  CHECK(routes.match("EXAMPLE.com", "/") == "site");
  CHECK(routes.match("example.com:8080", "/") == "site");
  CHECK(routes.match("example.com.", "/") == "site");
  CHECK(routes.match("example.com.:80", "/") == "site");
  CHECK(routes.match("[::1]:8080", "/") == "six");
  CHECK(routes.match("example.org", "/") == "none");
}

TEST_CASE("a host without a fitting location falls back to routes for any host") {
  Routes routes;
  routes.add("api", "/api/", {"example.com"}).add("rest", "/");
  CHECK(routes.match("example.com", "/api/x") == "api");
  CHECK(routes.match("example.com", "/other") == "rest");
}

TEST_CASE("room for values of TLS is that of the route which has the most of them") {
  Facts tls;
  tls.subject = std::string(300, 's');
  Routes routes;
  routes.add("none", "/");
  CHECK(routes.table().tlsBytes(tls) == 0);
  const size_t plain = routes.table().editBytes();
  routes.add("one", "/1").set("X-Name", "$ssl_server_name");
  CHECK(routes.table().tlsBytes(tls) == tls.name.size());
  routes.add("two", "/2").set("X-Subject", "$ssl_client_s_dn").set("X-Again", "<$ssl_client_s_dn>");
  CHECK(routes.table().tlsBytes(tls) == 600);
  routes.add("three", "/3").set("X-Reused", "$ssl_session_reused");
  CHECK(routes.table().tlsBytes(tls) == 600);
  // Names, brackets, colons and line ends alone.
  CHECK(routes.table().editBytes() == plain + 9 + 7 + 2 + 2 * 4);
}

}  // namespace
}  // namespace oxbow::route
