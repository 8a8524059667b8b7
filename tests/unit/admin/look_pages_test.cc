#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "proxy/admin/query.h"
#include "tests/unit/admin/fake_exchange.h"

namespace oxbow::admin {

namespace {

using Json = nlohmann::json;

struct LookFixture : PagesFixture {
  LookFixture() {
    view.loaded.upstreams.emplace_back();
    view.loaded.upstreams[0].name = {"api", {}};
  }

  // What the server is asked for; the answer is left open.
  ConnectionQuery asked(const std::string& query) {
    CHECK(get("/api/connections" + query).status == 0);
    REQUIRE(!view.queries.empty());
    return view.queries.back();
  }

  void checkRefused(const std::string& target, const std::string& detail) {
    CAPTURE(target);
    FakeExchange& exchange = get(target);
    CHECK(exchange.status == 400);
    CHECK(exchange.body == "400 Bad Request: " + detail + "\n");
  }
};

ConnectionPage twoConnections() {
  ConnectionPage page;
  page.clients.resize(1);
  page.clients[0].id = 257;
  page.clients[0].listener = "127.0.0.1:8080";
  page.clients[0].address = "127.0.0.1";
  page.clients[0].state = "exchange";
  page.clients[0].upstream = "api";
  page.clients[0].requests = 3;
  page.clients[0].worker = 1;
  page.connections.resize(1);
  page.connections[0].id = 9;
  page.connections[0].upstream = "api";
  page.connections[0].endpoint = "127.0.0.1:9000";
  page.connections[0].state = "idle";
  page.connections[0].idleSeconds = 1.5;
  page.connections[0].exchanges = 4;
  page.connections[0].tlsResumed = true;
  return page;
}

}  // namespace

TEST_CASE_FIXTURE(LookFixture, "connections: what is asked for") {
  ConnectionQuery all = asked("");
  CHECK(all.clientsAfter == 0U);
  CHECK(all.connectionsAfter == 0U);
  CHECK(all.limit == 100);
  CHECK(all.upstream.empty());
  CHECK(asked("?limit=1000&upstream=api").limit == 1000);
  CHECK(view.queries.back().upstream == "api");
  CHECK_FALSE(asked("?kind=client").connectionsAfter);
  CHECK_FALSE(asked("?kind=upstream").clientsAfter);
  ConnectionQuery next = asked("?cursor=c17");
  CHECK(next.clientsAfter == 17U);
  CHECK(next.connectionsAfter == 0U);
  next = asked("?cursor=u17&kind=upstream");
  CHECK_FALSE(next.clientsAfter);
  CHECK(next.connectionsAfter == 17U);
}

TEST_CASE_FIXTURE(LookFixture, "connections: what is wrong is told") {
  for (const char* limit : {"0", "1001", "-1", "x", "", "1e2"})
    checkRefused(std::string("/api/connections?limit=") + limit,
                 "limit is a number from 1 to 1000");
  checkRefused("/api/connections?kind=server", "kind is client or upstream");
  checkRefused("/api/connections?upstream=web", "no upstream is \"web\"");
  for (const char* cursor : {"", "c", "17", "x17", "c-1", "c1.5", "c99999999999999999999999"})
    checkRefused(std::string("/api/connections?cursor=") + cursor,
                 "cursor is not one that a page gave as next");
  checkRefused("/api/connections?cursor=u1&kind=client", "cursor belongs to another kind");
  checkRefused("/api/connections?limits=1",
               "no parameter limits; there are limit, cursor, kind, upstream");
  checkRefused("/api/connections?limit=1&limit=2", "the parameter limit stands there twice");
  checkRefused("/api/connections?limit=%4",
               "a percent sign in the query stands before no two hexadecimal digits");
  CHECK(view.queries.empty());
}

TEST_CASE_FIXTURE(LookFixture, "connections: the answer, and where the next page begins") {
  FakeExchange& exchange = get("/api/connections");
  ConnectionPage page = twoConnections();
  view.paged(page);
  REQUIRE(exchange.status == 200);
  const Json json = Json::parse(exchange.body);
  CHECK(json["next"] == nullptr);
  const Json& client = json["connections"][0];
  CHECK(client["kind"] == "client");
  CHECK(client["id"] == 257);
  CHECK(client["upstream"] == "api");
  CHECK(client["tls"] == nullptr);
  const Json& conn = json["connections"][1];
  CHECK(conn["kind"] == "upstream");
  CHECK(conn["idle_s"] == 1.5);
  CHECK(conn["tls"]["resumed"] == true);

  page.more = true;
  FakeExchange& first = get("/api/connections");
  view.paged(page);
  CHECK(Json::parse(first.body)["next"] == "u9");
  page.connections.clear();
  FakeExchange& second = get("/api/connections");
  view.paged(page);
  CHECK(Json::parse(second.body)["next"] == "c257");
}

TEST_CASE("a page of connections is cut to the lowest ids, clients first") {
  ConnectionPage page, other;
  page.clients.resize(2);
  page.clients[0].id = 512;
  page.clients[1].id = 256;
  page.connections.resize(1);
  page.connections[0].id = 8;
  other.clients.resize(1);
  other.clients[0].id = 257;
  other.connections.resize(1);
  other.connections[0].id = 7;
  page.merge(other);
  ConnectionPage all = page;
  all.cut(5);
  CHECK_FALSE(all.more);
  CHECK(all.connections[0].id == 7);
  page.cut(4);
  CHECK(page.more);
  REQUIRE(page.clients.size() == 3);
  CHECK(page.clients[1].id == 257);
  REQUIRE(page.connections.size() == 1);
  CHECK(page.connections[0].id == 7);
}

TEST_CASE_FIXTURE(LookFixture, "log level: looked at and changed") {
  CHECK(get("/api/log-level").body == "{\"level\":\"info\"}\n");
  FakeExchange& changed = send("POST /api/log-level?level=debug HTTP/1.1\r\nHost: localhost");
  CHECK(changed.status == 200);
  CHECK(changed.body == "{\"before\":\"info\",\"level\":\"debug\"}\n");
  CHECK(view.level == config::LogLevel::Debug);
  CHECK(get("/api/log-level").body == "{\"level\":\"debug\"}\n");
}

TEST_CASE_FIXTURE(LookFixture, "log level: what is wrong is told, and changes nothing") {
  for (const char* query : {"", "?level=", "?level=loud", "?level=DEBUG"}) {
    FakeExchange& exchange =
        send("POST /api/log-level" + std::string(query) + " HTTP/1.1\r\nHost: localhost");
    CHECK(exchange.status == 400);
    CHECK(exchange.body == "400 Bad Request: level is one of debug, info, warn, error\n");
  }
  checkRefused("/api/log-level?level=debug", "there are no parameters");
  CHECK(view.level == config::LogLevel::Info);
}

TEST_CASE("a query is taken apart") {
  std::string error;
  const auto query = Query::parse("/x?a=1&b=%41+%62&c", {"a", "b", "c"}, error);
  REQUIRE(query);
  CHECK(*query->find("a") == "1");
  CHECK(*query->find("b") == "A b");
  CHECK(query->find("c")->empty());
  CHECK(query->find("d") == nullptr);
  CHECK(Query::parse("/x", {}, error));
  CHECK(Query::parse("/x?", {}, error));
  CHECK_FALSE(Query::parse("/x?a", {}, error));
}

}  // namespace oxbow::admin
