// What the admin address tells of errors, once they have happened.

#include <doctest/doctest.h>

#include <string>

#include "tests/integration/support/fake_upstream.h"
#include "tests/integration/support/oxbow.h"
#include "tests/integration/support/raw_client.h"

namespace oxbow::integration {

namespace {

// The page when it has `text`: an error is noted behind the last byte that its client got.
std::string errorsWith(const Oxbow& oxbow, const std::string& text) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  std::string page;
  do {
    RawClient client(oxbow.admin());
    page = client.ask("GET /api/errors HTTP/1.1\r\nHost: localhost\r\n\r\n").body;
  } while (page.find(text) == std::string::npos && std::chrono::steady_clock::now() < deadline);
  return page;
}

bool has(const std::string& page, const std::string& text) {
  return page.find(text) != std::string::npos;
}

// An address that nobody listens on any more.
std::string deadAddress() { return FakeUpstream(answering(ok())).address(); }

}  // namespace

TEST_CASE("an error is told with its place, its repeats and what to do, without the query") {
  const std::string dead = deadAddress();
  Oxbow oxbow(Setup{.servers = {dead}, .top = kAdmin});
  RawClient client(oxbow.address());
  for (int i = 0; i < 3; ++i) CHECK(client.ask(get("/cart?card=4111")).status() == 502);
  const std::string page = errorsWith(oxbow, "\"count\": 3");
  INFO(page);
  CHECK(has(page, "\"count\": 3"));
  CHECK(has(page, "\"upstream\": \"up\""));
  CHECK(has(page, "\"endpoint\": \"" + dead + "\""));
  CHECK(has(page, "\"status\": 502"));
  CHECK(has(page, "\"error\": \"connection_refused\""));
  CHECK(has(page, "\"advice\": \"Nobody listens there"));
  CHECK(has(page, "\"method\": \"GET\""));
  CHECK(has(page, "\"path\": \"/cart\""));
  CHECK_FALSE(has(page, "4111"));
}

TEST_CASE("what never became a request is told by its line") {
  FakeUpstream upstream(answering(ok()));
  Oxbow oxbow(Setup{.servers = {upstream.address()}, .top = kAdmin});
  RawClient client(oxbow.address());
  CHECK(client.ask("GET /x?token=s3cret HTTP/1.1\r\nBad Field: 1\r\n\r\n").status() == 400);
  const std::string page = errorsWith(oxbow, "http_request_error");
  INFO(page);
  CHECK(has(page, "\"error\": \"http_request_error\""));
  CHECK(has(page, "\"upstream\": null"));
  CHECK(has(page, "\"path\": \"/x\""));
  CHECK_FALSE(has(page, "s3cret"));
}

TEST_CASE("the errors of several workers are summed") {
  Oxbow oxbow(Setup{.servers = {deadAddress()}, .top = "workers: 2\n" + kAdmin});
  for (int i = 0; i < 8; ++i) {
    RawClient client(oxbow.address());
    CHECK(client.ask(get()).status() == 502);
  }
  const std::string page = errorsWith(oxbow, "\"count\": 8");
  INFO(page);
  CHECK(has(page, "\"count\": 8"));
}

TEST_CASE("without an error there is none") {
  FakeUpstream upstream(answering(ok()));
  Oxbow oxbow(Setup{.servers = {upstream.address()}, .top = kAdmin});
  RawClient client(oxbow.address());
  CHECK(client.ask(get()).status() == 200);
  CHECK(errorsWith(oxbow, "[]") == "{\n  \"errors\": []\n}\n");
}

}  // namespace oxbow::integration
