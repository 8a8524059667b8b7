#include "proxy/admin/admin_handler.h"

#include <doctest/doctest.h>

#include "proxy/admin/dashboard.h"
#include "tests/unit/admin/fake_exchange.h"
#include "tests/unit/admin/support.h"

using namespace oxbow;
using namespace oxbow::admin;

namespace {

using Fixture = PagesFixture;

}  // namespace

TEST_CASE_FIXTURE(Fixture, "health is ok whatever the server does") {
  for (const bool ready : {true, false}) {
    view.isReady = ready;
    FakeExchange& exchange = get("/healthz");
    CHECK(exchange.status == 200);
    CHECK(exchange.body == "ok\n");
    CHECK(exchange.sent["Content-Type"] == "text/plain");
    CHECK(exchange.sent["Content-Length"] == "3");
    CHECK(exchange.ended);
  }
}

TEST_CASE_FIXTURE(Fixture, "readiness is the server's") {
  FakeExchange& ready = get("/readyz");
  CHECK(ready.status == 200);
  CHECK(ready.body == "ready\n");
  view.isReady = false;
  FakeExchange& draining = get("/readyz");
  CHECK(draining.status == 503);
  CHECK(draining.body == "draining or not started\n");
}

TEST_CASE_FIXTURE(Fixture, "metrics come when the workers have reported") {
  FakeExchange& exchange = get("/metrics");
  CHECK(exchange.status == 0);
  REQUIRE(exchange.peer != nullptr);
  view.report(busyServer());
  CHECK(exchange.status == 200);
  CHECK(exchange.sent["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8");
  CHECK(exchange.body == metricsText(busyServer()));
  CHECK(exchange.sent["Content-Length"] == std::to_string(exchange.body.size()));
  CHECK(exchange.ended);
}

TEST_CASE_FIXTURE(Fixture, "upstreams come when the workers have reported") {
  FakeExchange& exchange = get("/api/upstreams");
  CHECK(exchange.status == 0);
  view.report(busyServer());
  CHECK(exchange.status == 200);
  CHECK(exchange.sent["Content-Type"] == "application/json");
  CHECK(exchange.body == upstreamsJson(busyServer()));
  CHECK(exchange.ended);
}

TEST_CASE_FIXTURE(Fixture, "names and errors come when the workers have reported") {
  for (const auto& [target, text] :
       {std::pair("/api/dns", &dnsJson), std::pair("/api/errors", &errorsJson)}) {
    FakeExchange& exchange = get(target);
    CHECK(exchange.status == 0);
    view.report(busyServer());
    CHECK(exchange.status == 200);
    CHECK(exchange.sent["Content-Type"] == "application/json");
    CHECK(exchange.body == text(busyServer()));
  }
}

TEST_CASE_FIXTURE(Fixture, "the dashboard is at /, asks nobody, and may do little") {
  FakeExchange& exchange = get("/");
  CHECK(exchange.status == 200);
  CHECK(exchange.body == dashboardPage());
  CHECK(exchange.ended);
  CHECK(view.asked.empty());
  CHECK(exchange.sent["Content-Type"] == "text/html; charset=utf-8");
  CHECK(exchange.sent["Content-Length"] == std::to_string(dashboardPage().size()));
  CHECK(exchange.sent["Content-Security-Policy"] == dashboardPolicy());
  CHECK(exchange.sent["X-Content-Type-Options"] == "nosniff");
  CHECK(exchange.sent["X-Frame-Options"] == "DENY");
  CHECK(exchange.sent["Referrer-Policy"] == "no-referrer");
  CHECK(exchange.sent["Cache-Control"] == "no-store");
  CHECK(send("POST / HTTP/1.1\r\nHost: localhost").status == 405);
  CHECK(get("/", "evil.example").status == 403);
}

TEST_CASE_FIXTURE(Fixture, "every exchange gets its own report") {
  FakeExchange& first = get("/metrics");
  FakeExchange& second = get("/api/upstreams");
  view.report({});
  CHECK(first.ended);
  CHECK(second.status == 0);
  view.report(busyServer());
  CHECK(second.body == upstreamsJson(busyServer()));
}

TEST_CASE_FIXTURE(Fixture, "HEAD is answered like GET") {
  CHECK(send("HEAD /healthz HTTP/1.1\r\nHost: localhost").status == 200);
  FakeExchange& exchange = send("HEAD /metrics HTTP/1.1\r\nHost: localhost");
  view.report({});
  CHECK(exchange.status == 200);
  CHECK(exchange.sent["Content-Length"] == std::to_string(metricsText({}).size()));
}

TEST_CASE_FIXTURE(Fixture, "queries are ignored") {
  CHECK(get("/healthz?").status == 200);
  CHECK(get("/readyz?verbose=1&x=/metrics").status == 200);
  FakeExchange& exchange = get("/metrics?name[]=x");
  view.report({});
  CHECK(exchange.status == 200);
}

TEST_CASE_FIXTURE(Fixture, "other paths are 404") {
  for (const char* target : {"/index.html", "/healthz/", "/health", "/Metrics", "/metric%73",
                             "/api", "/api/upstreams/api", "//metrics", "/x?/metrics"}) {
    INFO(target);
    FakeExchange& exchange = get(target);
    CHECK(exchange.status == 404);
    CHECK(exchange.body.find('\n') == exchange.body.size() - 1);
  }
  CHECK(send("POST /nothing HTTP/1.1\r\nHost: localhost").status == 404);
  CHECK(send("OPTIONS * HTTP/1.1\r\nHost: localhost").status == 404);
}

TEST_CASE_FIXTURE(Fixture, "a reload is asked for by POST and answered when it is over") {
  FakeExchange& exchange = send("POST /api/reload HTTP/1.1\r\nHost: localhost");
  CHECK(exchange.status == 0);
  ReloadReport report;
  report.applied = true;
  report.file = "a.yaml";
  report.generation = 2;
  view.reloaded(report);
  CHECK(exchange.status == 200);
  CHECK(exchange.sent["Content-Type"] == "application/json");
  CHECK(exchange.body == reloadJson(report));
  CHECK(exchange.ended);
}

TEST_CASE_FIXTURE(Fixture, "a reload that changed nothing is 422") {
  FakeExchange& exchange = send("POST /api/reload HTTP/1.1\r\nHost: localhost");
  ReloadReport report;
  report.error = "the file is wrong";
  report.problems = {{{3, 7}, "upstreams.api.keepalve", "unknown key", "keepalive"}};
  view.reloaded(report);
  CHECK(exchange.status == 422);
  CHECK(exchange.body == reloadJson(report));
}

TEST_CASE_FIXTURE(Fixture, "nothing but a POST from here reloads") {
  for (const char* method : {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"}) {
    INFO(method);
    FakeExchange& exchange = send(std::string(method) + " /api/reload HTTP/1.1\r\nHost: localhost");
    CHECK(exchange.status == 405);
    CHECK(exchange.sent["Allow"] == "POST");
  }
  CHECK(send("POST /api/reload HTTP/1.1\r\nHost: example.org").status == 403);
  CHECK(view.reloads.empty());
}

TEST_CASE_FIXTURE(Fixture, "other methods are 405 and told which there are") {
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "get", "PURGE"}) {
    for (const char* path : {"/healthz", "/readyz", "/metrics", "/api/upstreams"}) {
      INFO(method << " " << path);
      FakeExchange& exchange = send(std::string(method) + " " + path + " HTTP/1.1\r\nHost: [::1]");
      CHECK(exchange.status == 405);
      CHECK(exchange.sent["Allow"] == "GET, HEAD");
      CHECK(exchange.body == "405 Method Not Allowed: GET and HEAD only\n");
    }
  }
  CHECK(view.asked.empty());
}

TEST_CASE_FIXTURE(Fixture, "a Host that DNS could have rebound is 403 on every page") {
  for (const char* target : {"/healthz", "/readyz", "/metrics", "/api/upstreams", "/nothing"}) {
    INFO(target);
    FakeExchange& exchange = get(target, "evil.example:9901");
    CHECK(exchange.status == 403);
    CHECK(exchange.body == "403 Forbidden: Host is neither localhost nor a loopback address\n");
    CHECK(exchange.ended);
  }
  CHECK(view.asked.empty());
  CHECK(get("/healthz", "127.0.0.1").status == 200);
  CHECK(get("/healthz", "[::1]:9901").status == 200);
  CHECK(get("/healthz", "10.0.0.1:9901").status == 403);
}

TEST_CASE_FIXTURE(Fixture, "the authority of an absolute target is what counts") {
  CHECK(get("http://localhost:9901/healthz", "evil.example").status == 200);
  CHECK(get("http://evil.example/healthz", "localhost").status == 403);
}

TEST_CASE_FIXTURE(Fixture, "only HTTP/1.0 may do without a Host") {
  CHECK(send("GET /healthz HTTP/1.0").status == 200);
  CHECK(send("GET /healthz HTTP/1.0\r\nHost: evil.example").status == 403);
  CHECK(send("GET /healthz HTTP/1.1\r\nHost: localhost", "unix:").status == 200);
  CHECK(send("GET /healthz HTTP/1.1\r\nHost: evil.example", "unix:").status == 403);

  FakeExchange noHost("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", "127.0.0.1");
  noHost.request().authority = {};
  handler->onRequest(noHost);
  CHECK(noHost.status == 403);
}

TEST_CASE_FIXTURE(Fixture, "a client may leave before the report comes") {
  FakeExchange& exchange = get("/metrics");
  exchange.clientLeaves();
  exchanges.clear();
  view.report(busyServer());
  CHECK(view.asked.empty());
}

TEST_CASE_FIXTURE(Fixture, "a client may take its time, and the callback is gone by then") {
  FakeExchange& exchange = send("GET /metrics HTTP/1.1\r\nHost: localhost", "127.0.0.1", true);
  view.report(busyServer());
  CHECK(exchange.status == 200);
  REQUIRE(exchange.peer != nullptr);
  exchange.peer->onResponseCredit(100);
  exchange.takeAll();
  CHECK(exchange.ended);
}

TEST_CASE_FIXTURE(Fixture, "a client may leave in the middle of its answer") {
  FakeExchange& exchange = send("GET /metrics HTTP/1.1\r\nHost: localhost", "127.0.0.1", true);
  view.report(busyServer());
  exchange.clientLeaves();
  CHECK(exchange.ended);
}

TEST_CASE_FIXTURE(Fixture, "a report that never comes leaves nothing behind") {
  get("/metrics");
  get("/metrics").clientLeaves();
  view.asked.clear();
  exchanges.front()->clientLeaves();
}

TEST_CASE_FIXTURE(Fixture, "a report may come after the handler") {
  get("/metrics").clientLeaves();
  handler.reset();
  view.report(busyServer());
  CHECK(view.asked.empty());
}

TEST_CASE_FIXTURE(Fixture, "a body is drained while the report is awaited") {
  FakeExchange& exchange = send("GET /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 300");
  REQUIRE(exchange.peer != nullptr);
  exchange.peer->onData(std::string(100, 'x'));
  exchange.peer->onData(std::string(200, 'x'));
  CHECK(exchange.credit == 300);
  exchange.peer->onEnd();
  exchange.peer->onBatchEnd();
  CHECK(exchange.status == 0);
  view.report({});
  CHECK(exchange.status == 200);
}

TEST_CASE_FIXTURE(Fixture, "so many reports are awaited at once and no more") {
  for (size_t i = 0; i < AdminHandler::kMaxAsked; ++i) get("/metrics");
  CHECK(view.asked.size() == AdminHandler::kMaxAsked);
  for (const char* target : {"/metrics", "/api/upstreams"}) {
    FakeExchange& refused = get(target);
    CHECK(refused.status == 503);
    CHECK(refused.sent["Retry-After"] == "1");
    CHECK(refused.ended);
  }
  CHECK(view.asked.size() == AdminHandler::kMaxAsked);
  CHECK(get("/healthz").status == 200);

  // What a client that left had asked for is still under way.
  exchanges.front()->clientLeaves();
  CHECK(get("/metrics").status == 503);
  view.report({});
  CHECK(get("/metrics").status == 0);
  CHECK(get("/metrics").status == 503);
}

TEST_CASE_FIXTURE(Fixture, "after reports have come there is room again for as many") {
  for (int round = 0; round < 3; ++round) {
    for (size_t i = 0; i < AdminHandler::kMaxAsked; ++i) CHECK(get("/metrics").status == 0);
    while (!view.asked.empty()) view.report({});
  }
}
