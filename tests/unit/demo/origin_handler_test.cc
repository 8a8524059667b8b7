#include "proxy/demo/origin_handler.h"

#include "tests/unit/demo/fake_exchange.h"

namespace oxbow::demo {

namespace {

struct Fixture : TurnedByHand {
  OriginHandler handler{dispatcher};

  // The exchange of a GET, answered as far as its client has taken nothing.
  std::unique_ptr<FakeExchange> get(const std::string& path) { return ask("GET", path); }

  std::unique_ptr<FakeExchange> ask(const std::string& method, const std::string& path,
                                    const std::string& more = "") {
    auto exchange =
        std::make_unique<FakeExchange>(method + " " + path + " HTTP/1.1\r\nHost: origin" + more);
    handler.onRequest(*exchange);
    return exchange;
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "the front page is a short text") {
  const auto exchange = get("/");
  CHECK(exchange->status == 200);
  CHECK(exchange->field("Content-Type") == "text/plain");
  CHECK(exchange->field("Content-Length") == std::to_string(exchange->body.size()));
  CHECK(exchange->body.size() > 0);
  CHECK(exchange->ended);
  CHECK_FALSE(exchange->closes);
}

TEST_CASE_FIXTURE(Fixture, "a query does not hide a page") {
  CHECK(get("/?a=b")->status == 200);
  CHECK(get("/bytes/3?x")->body.size() == 3);
}

TEST_CASE_FIXTURE(Fixture, "an unknown path is 404, with the paths that there are") {
  const auto exchange = get("/byte/3");
  CHECK(exchange->status == 404);
  CHECK(exchange->body.find("/bytes/N") != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "/bytes/N is a body of that length") {
  const auto exchange = get("/bytes/12345");
  CHECK(exchange->status == 200);
  CHECK(exchange->kind == http::BodyKind::Length);
  CHECK(exchange->field("Content-Length") == "12345");
  CHECK(exchange->body.size() == 12345);
  exchange->takeAll();
  CHECK(exchange->over());
}

TEST_CASE_FIXTURE(Fixture, "/bytes/0 is an empty body") {
  const auto exchange = get("/bytes/0");
  CHECK(exchange->field("Content-Length") == "0");
  CHECK(exchange->body.empty());
  CHECK(exchange->over());
}

TEST_CASE_FIXTURE(Fixture, "/chunked/N is pushed in pieces of 1000 bytes") {
  const auto exchange = get("/chunked/2500");
  CHECK(exchange->kind == http::BodyKind::Chunked);
  CHECK(exchange->field("Content-Length").empty());
  CHECK(exchange->pieces == std::vector<size_t>{1000, 1000, 500});
  CHECK(exchange->ended);
}

TEST_CASE_FIXTURE(Fixture, "both kinds of bodies have the same bytes") {
  CHECK(get("/bytes/5000")->body == get("/chunked/5000")->body);
}

TEST_CASE_FIXTURE(Fixture, "HEAD has the head that GET has, and no body") {
  const auto exchange = ask("HEAD", "/bytes/10000000000");
  CHECK(exchange->field("Content-Length") == "10000000000");
  CHECK(exchange->body.empty());
  CHECK(exchange->ended);
  CHECK(ask("HEAD", "/chunked/5")->kind == http::BodyKind::Chunked);
}

TEST_CASE_FIXTURE(Fixture, "numbers out of their range are 400") {
  for (const char* path : {"/bytes/", "/bytes/x", "/bytes/-1", "/bytes/1/", "/bytes/10000000001",
                           "/chunked/10000000001", "/delay/600001", "/status/199", "/status/600",
                           "/status/99999999999999999999"}) {
    CAPTURE(path);
    CHECK(get(path)->status == 400);
  }
}

TEST_CASE_FIXTURE(Fixture, "/delay/MS answers after that time, not before") {
  const auto exchange = get("/delay/250");
  pass(std::chrono::milliseconds(249));
  CHECK(exchange->status == 0);
  pass(std::chrono::milliseconds(1));
  CHECK(exchange->status == 200);
  CHECK(exchange->ended);
}

TEST_CASE_FIXTURE(Fixture, "a client that leaves is not answered late") {
  auto exchange = get("/delay/250");
  exchange->leave();
  pass(std::chrono::milliseconds(300));
  CHECK(exchange->status == 0);
}

TEST_CASE_FIXTURE(Fixture, "/status/CODE has that status") {
  CHECK(get("/status/503")->body == "503 Service Unavailable\n");
  CHECK(get("/status/299")->status == 299);
  for (const int status : {204, 205, 304}) {
    CAPTURE(status);
    const auto exchange = get("/status/" + std::to_string(status));
    CHECK(exchange->status == status);
    CHECK(exchange->body.empty());
  }
  CHECK(get("/status/302")->field("Location") == "/");
  CHECK(get("/status/200")->field("Location").empty());
}

TEST_CASE_FIXTURE(Fixture, "/close ends the connection behind the response") {
  const auto exchange = get("/close");
  CHECK(exchange->status == 200);
  CHECK(exchange->closes);
}

TEST_CASE_FIXTURE(Fixture, "/headers tells what came, without what belongs to one hop") {
  FakeExchange exchange("POST /headers HTTP/1.0\r\nHost: origin\r\nX-A:  1\r\nX-B: 2");
  exchange.request().fields.drop("x-b");
  handler.onRequest(exchange);
  CHECK(exchange.body == "POST /headers HTTP/1.0\nHost: origin\nX-A: 1\n\n");
}

TEST_CASE_FIXTURE(Fixture, "/echo without a body is like /headers") {
  CHECK(get("/echo?q")->body == "GET /echo?q HTTP/1.1\nHost: origin\n\n");
  CHECK(get("/echo/below")->status == 200);
  CHECK(get("/echoes")->status == 404);
  const auto empty = ask("PUT", "/echo", "\r\nContent-Length: 0");
  CHECK(empty->ended);
}

TEST_CASE_FIXTURE(Fixture, "/echo sends the body back as it comes") {
  const auto exchange = ask("POST", "/echo", "\r\nContent-Length: 8");
  const std::string head = "POST /echo HTTP/1.1\nHost: origin\nContent-Length: 8\n\n";
  CHECK(exchange->body == head);
  CHECK(exchange->informational.empty());
  exchange->peer().onData("1234");
  CHECK(exchange->body == head + "1234");
  exchange->peer().onData("5678");
  exchange->peer().onEnd();
  CHECK(exchange->body == head + "12345678");
  CHECK(exchange->ended);
}

TEST_CASE_FIXTURE(Fixture, "/echo reads no faster than its client does") {
  const auto exchange = ask("POST", "/echo", "\r\nContent-Length: 8");
  const size_t head = exchange->body.size();
  exchange->peer().onData("1234");
  CHECK(exchange->requestCredit == 0);
  exchange->take(head + 1);
  CHECK(exchange->requestCredit == 1);
  exchange->take(3);
  CHECK(exchange->requestCredit == 4);
}

TEST_CASE_FIXTURE(Fixture, "/echo asks a client that waits for its body") {
  const auto exchange = ask("POST", "/echo", "\r\nContent-Length: 8\r\nExpect: 100-continue");
  CHECK(exchange->informational == std::vector<uint16_t>{100});
  CHECK(exchange->status == 200);
}

TEST_CASE_FIXTURE(Fixture, "/echo of HEAD reads the body and sends none") {
  const auto exchange = ask("HEAD", "/echo", "\r\nContent-Length: 4");
  const size_t before = exchange->body.size();
  exchange->peer().onData("1234");
  exchange->peer().onEnd();
  CHECK(exchange->requestCredit == 4);
  CHECK(exchange->body.size() == before);
  CHECK(exchange->ended);
}

TEST_CASE_FIXTURE(Fixture, "a body that no page wants is read all the same") {
  const auto exchange = ask("POST", "/delay/10", "\r\nContent-Length: 4");
  exchange->peer().onData("1234");
  CHECK(exchange->requestCredit == 4);
}

TEST_CASE_FIXTURE(TurnedByHand, "the hint is on every page") {
  OriginHandler handler(dispatcher, 5);
  for (const char* path : {"/", "/bytes/1", "/chunked/1", "/status/204", "/nowhere", "/close"}) {
    CAPTURE(path);
    FakeExchange exchange(std::string("GET ") + path + " HTTP/1.1\r\nHost: a");
    handler.onRequest(exchange);
    CHECK(exchange.field("Keep-Alive") == "timeout=5");
    exchange.takeAll();
  }
}

}  // namespace oxbow::demo
