#include <doctest/doctest.h>

#include "tests/unit/admin/fake_exchange.h"

// Who may ask the admin address, and for what.

namespace oxbow::admin {

namespace {

const std::string kToken = "0123456789abcdef";

struct AccessFixture : PagesFixture {
  void setAccess(bool isRemote, const std::string& token = kToken,
                 std::vector<std::string> hosts = {}) {
    handler->setAccess({isRemote, token, std::move(hosts)});
  }

  FakeExchange& ask(const std::string& request, const std::string& authorization = "",
                    const std::string& host = "localhost") {
    const std::string line = authorization.empty() ? "" : "\r\nAuthorization: " + authorization;
    return send(request + " HTTP/1.1\r\nHost: " + host + line);
  }

  bool changed() const { return view.level != config::LogLevel::Info || !view.reloads.empty(); }
};

const char* const kChange = "POST /api/log-level?level=debug";

}  // namespace

TEST_CASE_FIXTURE(AccessFixture, "without a token whoever is on this machine may change") {
  CHECK(ask(kChange).status == 200);
  CHECK(changed());
}

TEST_CASE_FIXTURE(AccessFixture, "with a token a change needs it, from this machine too") {
  setAccess(false);
  CHECK(ask(kChange).status == 403);
  CHECK(ask("POST /api/reload").status == 403);
  CHECK_FALSE(changed());
  CHECK(ask("GET /api/log-level").status == 200);
  CHECK(ask(kChange, "Bearer " + kToken).status == 200);
  CHECK(changed());
}

TEST_CASE_FIXTURE(AccessFixture, "a change with anything but the token is 403 and does nothing") {
  for (const bool isRemote : {false, true}) {
    setAccess(isRemote);
    for (const std::string& authorization : std::vector<std::string>{
             "Bearer", "Bearer ", "Bearer " + kToken + "0", "Bearer " + kToken.substr(1),
             "Bearer " + kToken.substr(0, 15), "Basic " + kToken, kToken, "Bearer " + kToken + " ",
             "Bearer " + kToken + kToken, "Bearer 0123456789abcdeF",
             "Bearer " + kToken + "\r\nAuthorization: Bearer " + kToken}) {
      // A field's value has no space at its end; what is left is the token.
      const bool isRight = authorization == "Bearer " + kToken + " ";
      CAPTURE(authorization);
      CHECK(ask(kChange, authorization).status == (isRight ? 200 : 403));
      CHECK(changed() == isRight);
      view.level = config::LogLevel::Info;
    }
  }
}

TEST_CASE_FIXTURE(AccessFixture, "a page of another origin changes nothing, whatever its Host is") {
  for (const char* origin :
       {"http://example.org", "http://localhost:3000", "https://127.0.0.1:9901", "null",
        "http://localhost:9901.example.org", "", "localhost:9901"}) {
    CAPTURE(origin);
    const std::string line = std::string("\r\nOrigin: ") + origin;
    CHECK(send(std::string(kChange) + " HTTP/1.1\r\nHost: localhost:9901" + line).status == 403);
    CHECK_FALSE(changed());
  }
  const std::string both = "\r\nOrigin: http://localhost:9901\r\nOrigin: http://example.org";
  CHECK(send(std::string(kChange) + " HTTP/1.1\r\nHost: localhost:9901" + both).status == 403);
  CHECK_FALSE(changed());
  CHECK(send(std::string(kChange) +
             " HTTP/1.1\r\nHost: localhost:9901\r\nOrigin: http://localhost:9901")
            .status == 200);
  CHECK(changed());
}

TEST_CASE_FIXTURE(AccessFixture, "the scheme may be of any case, with spaces behind it") {
  setAccess(true);
  CHECK(ask(kChange, "bearer   " + kToken).status == 200);
  CHECK(ask("GET /api/config", "BEARER " + kToken).status == 200);
}

TEST_CASE_FIXTURE(AccessFixture, "from afar everything needs the token but health and readiness") {
  setAccess(true);
  for (const char* path : {"/metrics", "/api/upstreams", "/api/dns", "/api/connections",
                           "/api/config", "/api/log-level", "/api/events"}) {
    CAPTURE(path);
    FakeExchange& refused = ask(std::string("GET ") + path);
    CHECK(refused.status == 401);
    CHECK(refused.sent["WWW-Authenticate"] == "Bearer realm=\"oxbow\"");
    CHECK(ask(std::string("HEAD ") + path, "Bearer wrong-wrong-wrong").status == 401);
  }
  CHECK(view.asked.empty());
  CHECK(view.pages.empty());
  CHECK(view.subscribers.empty());
  CHECK(ask("GET /healthz").status == 200);
  CHECK(ask("GET /readyz").status == 200);
  CHECK(ask("GET /api/config", "Bearer " + kToken).status == 200);
}

TEST_CASE_FIXTURE(AccessFixture, "an empty token lets nobody in from afar") {
  setAccess(true, "");
  CHECK(ask("GET /api/config").status == 401);
  CHECK(ask("GET /api/config", "Bearer ").status == 401);
  CHECK(ask(kChange, "Bearer x").status == 403);
}

TEST_CASE_FIXTURE(AccessFixture, "from afar Host names an address or one that is allowed") {
  setAccess(true, kToken, {"oxbow.internal"});
  for (const char* host : {"localhost", "127.0.0.1:9901", "10.0.0.5:9901", "[2001:db8::1]:9901",
                           "oxbow.internal", "Oxbow.Internal:9901"})
    CHECK(ask("GET /healthz", "", host).status == 200);
  for (const char* host : {"evil.example", "x.oxbow.internal", "oxbow.internal.evil.example"}) {
    CAPTURE(host);
    FakeExchange& refused = ask("GET /healthz", "", host);
    CHECK(refused.status == 403);
    CHECK(refused.body == "403 Forbidden: Host is neither this address nor one of allowed_hosts\n");
    CHECK(ask(kChange, "Bearer " + kToken, host).status == 403);
  }
  CHECK_FALSE(changed());
}

TEST_CASE_FIXTURE(AccessFixture, "on this machine no other host is allowed") {
  setAccess(false, kToken, {"oxbow.internal"});
  CHECK(ask("GET /healthz", "", "oxbow.internal").status == 403);
  CHECK(ask("GET /healthz", "", "10.0.0.5").status == 403);
}

TEST_CASE_FIXTURE(AccessFixture, "what a path has none of is 404 or 405 ahead of any token") {
  setAccess(true);
  CHECK(ask("GET /nothing").status == 404);
  CHECK(ask("PUT /api/log-level?level=debug", "Bearer " + kToken).status == 405);
  CHECK(ask("GET /api/reload", "Bearer " + kToken).status == 405);
  CHECK_FALSE(changed());
}

}  // namespace oxbow::admin
