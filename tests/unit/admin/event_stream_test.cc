#include "proxy/admin/event_stream.h"

#include <doctest/doctest.h>

#include "tests/unit/admin/fake_exchange.h"

namespace oxbow::admin {

namespace {

using namespace std::chrono_literals;

struct StreamFixture : PagesFixture {
  StreamFixture() {
    for (const char* name : {"api", "web"}) {
      view.loaded.upstreams.emplace_back();
      view.loaded.upstreams.back().name = {name, {}};
    }
  }

  static EventReport event(pool::Lifecycle kind, const std::string& upstream = "api") {
    EventReport report;
    report.time = WallTime(1767323045678ms);
    report.kind = kind;
    report.upstream = upstream;
    report.endpoint = "127.0.0.1:9000";
    report.worker = 1;
    report.connection = 7;
    return report;
  }

  uint64_t tell(std::vector<EventReport> events, uint64_t dropped = 0) {
    uint64_t lost = 0;
    const std::vector<EventSubscriber*> subscribers = view.subscribers;
    for (EventSubscriber* subscriber : subscribers)
      lost += subscriber->onEvents(now, events, dropped);
    return lost;
  }

  // What came since the last time.
  std::string news(const FakeExchange& exchange) {
    const std::string text = exchange.body.substr(seen);
    seen = exchange.body.size();
    return text;
  }

  TimePoint now{1h};
  size_t seen = 0;
};

size_t countOf(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

}  // namespace

TEST_CASE_FIXTURE(StreamFixture, "a stream begins at once and tells of what comes") {
  FakeExchange& exchange = get("/api/events");
  CHECK(exchange.status == 200);
  CHECK(exchange.sent["Content-Type"] == "text/event-stream");
  CHECK(exchange.sent["Cache-Control"] == "no-store");
  CHECK(exchange.sent.count("Content-Length") == 0);
  CHECK(news(exchange) == ": events of oxbow\n\n");
  EventReport retired = event(pool::Lifecycle::Retired);
  retired.reason = "keepalive_timeout";
  tell({event(pool::Lifecycle::Created), retired});
  CHECK(news(exchange) ==
        "event: created\n"
        "data: {\"time\":\"2026-01-02T03:04:05.678Z\",\"kind\":\"created\",\"upstream\":\"api\","
        "\"endpoint\":\"127.0.0.1:9000\",\"worker\":1,\"connection\":7}\n\n"
        "event: retired\n"
        "data: {\"time\":\"2026-01-02T03:04:05.678Z\",\"kind\":\"retired\",\"upstream\":\"api\","
        "\"endpoint\":\"127.0.0.1:9000\",\"worker\":1,\"connection\":7,"
        "\"reason\":\"keepalive_timeout\"}\n\n");
  CHECK_FALSE(exchange.ended);
}

TEST_CASE_FIXTURE(StreamFixture, "what has no endpoint and no connection says null") {
  FakeExchange& exchange = get("/api/events");
  EventReport refused = event(pool::Lifecycle::Refused);
  refused.endpoint.clear();
  refused.connection = 0;
  refused.reason = "full";
  news(exchange);
  tell({refused});
  CHECK(news(exchange).find("\"endpoint\":null,\"worker\":1,\"connection\":null,"
                            "\"reason\":\"full\"}") != std::string::npos);
}

TEST_CASE_FIXTURE(StreamFixture, "filters: an upstream and kinds") {
  FakeExchange& exchange = get("/api/events?upstream=api&kind=retired,refused");
  news(exchange);
  tell({event(pool::Lifecycle::Created), event(pool::Lifecycle::Retired, "web"),
        event(pool::Lifecycle::Acquired), event(pool::Lifecycle::Released)});
  CHECK(news(exchange).empty());
  tell({event(pool::Lifecycle::Retired), event(pool::Lifecycle::Refused)});
  CHECK(countOf(news(exchange), "event: ") == 2);
}

TEST_CASE_FIXTURE(StreamFixture, "filters that mean nothing are 400") {
  CHECK(get("/api/events?kind=closed").status == 400);
  CHECK(get("/api/events?kind=").status == 400);
  CHECK(get("/api/events?kind=retired,").status == 200);
  CHECK(get("/api/events?kind=retired,,moved").status == 400);
  CHECK(get("/api/events?upstream=nobody").status == 400);
  CHECK(get("/api/events?since=1").status == 400);
}

TEST_CASE_FIXTURE(StreamFixture, "so many watch and no more, until one leaves") {
  view.mostSubscribers = 2;
  FakeExchange& first = get("/api/events");
  get("/api/events");
  FakeExchange& refused = get("/api/events");
  CHECK(refused.status == 503);
  CHECK(refused.sent["Retry-After"] == "1");
  first.clientLeaves();
  CHECK(view.subscribers.size() == 1);
  CHECK(get("/api/events").status == 200);
}

TEST_CASE_FIXTURE(StreamFixture, "silence is filled every 15 s") {
  FakeExchange& exchange = get("/api/events");
  news(exchange);
  tell({});
  now += 14s;
  tell({});
  CHECK(news(exchange).empty());
  now += 1s;
  tell({});
  CHECK(news(exchange) == ": still here\n\n");
  now += 14s;
  tell({});
  CHECK(news(exchange).empty());
}

TEST_CASE_FIXTURE(StreamFixture, "who reads slowly loses events and is told how many") {
  FakeExchange& slow = send("GET /api/events HTTP/1.1\r\nHost: localhost", "127.0.0.1", true);
  const std::vector<EventReport> some(100, event(pool::Lifecycle::Acquired));
  uint64_t lost = 0;
  while (lost == 0) lost = tell(some);
  CHECK(slow.body.size() < EventStream::kMost + 1024);
  lost += tell(some);
  const size_t before = slow.body.size();
  tell({}, 5);  // and so many that never came here
  CHECK(slow.body.size() == before);
  slow.takeSoFar();
  tell({event(pool::Lifecycle::Created)});
  const std::string news = slow.body.substr(before);
  CHECK(news.rfind("event: dropped\ndata: {\"dropped\":" + std::to_string(lost + 5) + "}\n\n", 0) ==
        0);
  CHECK(countOf(news, "event: created") == 1);
}

TEST_CASE_FIXTURE(StreamFixture, "HEAD has the head alone and watches nothing") {
  FakeExchange& exchange = send("HEAD /api/events HTTP/1.1\r\nHost: localhost");
  CHECK(exchange.status == 200);
  CHECK(exchange.body.empty());
  CHECK(exchange.ended);
  CHECK(view.subscribers.empty());
}

TEST_CASE_FIXTURE(StreamFixture, "streams end with the address, and with the server") {
  FakeExchange& one = get("/api/events");
  FakeExchange& other = get("/api/events");
  view.subscribers.front()->onEventsOver();
  CHECK(one.ended);
  CHECK_FALSE(other.ended);
  handler->endStreams();
  CHECK(other.ended);
  CHECK(view.subscribers.empty());
}

}  // namespace oxbow::admin
