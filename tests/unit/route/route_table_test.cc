#include "proxy/route/route_table.h"

#include <doctest/doctest.h>

#include <string>

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

TEST_CASE("values are taken apart into text and variables") {
  const Variables variables{"id-1", "10.0.0.1", "example.com", "http"};
  const auto written = [&](const char* text) {
    const ValueTemplate value(text);
    std::string out(value.size(variables) + 1, '?');
    CHECK(value.write(out.data(), variables) == out.data() + out.size() - 1);
    CHECK(out.back() == '?');
    out.pop_back();
    return out;
  };
  CHECK(written("plain") == "plain");
  CHECK(written("$request_id") == "id-1");
  CHECK(written("a-$host/$scheme") == "a-example.com/http");
  CHECK(written("$remote_addr$remote_addr") == "10.0.0.110.0.0.1");
  CHECK(written("cost: $5") == "cost: $5");
  CHECK(written("") == "");
}

}  // namespace
}  // namespace oxbow::route
