#include "proxy/top/frame.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "proxy/top/text.h"

using namespace oxbow;
using namespace oxbow::top;
using namespace std::chrono_literals;

namespace {

Sample busy() {
  UpstreamSample u;
  u.name = "api";
  u.warnings = {"tls verify is off"};
  u.queueSize = 10;
  u.waiting = 5;
  u.refusedFull = 7;
  u.requests = 1000;
  u.reuse = 0.996;
  u.waitP50 = 0.001;
  u.waitP99 = 12.345;
  EndpointSample e;
  e.address = "10.0.0.1:80";
  e.active = 4;
  e.idle = 3;
  e.connecting = 1;
  e.maxConns = 16;
  e.reuse = 0.5;
  e.closes = {{"demand", 2}, {"server_closed", 3}};
  e.learnedIdle = 5;
  u.endpoints = {e, e};
  u.endpoints[1].address = "10.0.0.2:80";
  Sample sample;
  sample.at = TimePoint(10s);
  sample.upstreams = {u};
  sample.names = {{"api.test", "stale", "servfail", {"10.0.0.1", "10.0.0.2"}, 12.5, 30.0}};
  sample.errors = {{1.5, 12, 503, "api", "10.0.0.1:80", "connection_limit_reached",
                    "the queue is full", "Raise it."}};
  return sample;
}

std::string textOf(const Sample& sample, const Sample* before, const Style& style) {
  std::string text;
  for (const Line& line : frameOf(sample, before, style)) text += render(line, style) + '\n';
  return text;
}

bool has(const std::string& text, const std::string& part) {
  INFO(text);
  CHECK_MESSAGE(text.find(part) != std::string::npos, part);
  return true;
}

}  // namespace

TEST_CASE("a frame tells of upstreams, endpoints, names and errors") {
  Sample before = busy();
  before.at = TimePoint(8s);
  before.upstreams[0].requests = 900;
  const std::string text = textOf(busy(), &before, {0, false, false});
  for (const char* part :
       {"api  req/s 50.0  5xx/s 0  reuse now -  reuse 99.6 %  wait p50 0.001 p99 12.3 ms",
        "queue [########        ] 5 of 10  refused full 7  late 0  no endpoint 0",
        "! tls verify is off\n", "ENDPOINT     STATE       POOL",
        "10.0.0.1:80  in use      [####===+        ]       4       3      1      16   50.0 %",
        "closed:  server_closed 6  demand 4\n",
        "api.test  stale  age 12.5 s of 30.0 s  10.0.0.1, 10.0.0.2  last lookup: servfail\n",
        "1.50 s ago  12 times  the queue is full  503 connection_limit_reached  api  10.0.0.1:80\n"
        "    Raise it.\n"})
    has(text, part);
}

TEST_CASE("states are words") {
  const auto stateOf = [](const auto& change, uint64_t failedBefore = 0) {
    Sample sample = busy();
    EndpointSample& e = sample.upstreams[0].endpoints[0];
    e.active = e.idle = e.connecting = 0;
    change(e);
    Sample before = sample;
    before.upstreams[0].endpoints[0].connectFailed = failedBefore;
    const std::string text = textOf(sample, &before, {0, false, false});
    const size_t at = text.find("10.0.0.1:80  ") + 13;
    return text.substr(at, text.find("  ", at) - at);
  };
  CHECK(stateOf([](auto&) {}) == "none");
  CHECK(stateOf([](auto& e) { e.connecting = 1; }) == "connecting");
  CHECK(stateOf([](auto& e) { e.idle = 1; }) == "idle");
  CHECK(stateOf([](auto& e) { e.active = 1; }) == "in use");
  CHECK(stateOf([](auto& e) { e.active = 16; }) == "full");
  CHECK(stateOf([](auto& e) { e.standby = true; }) == "standby");
  CHECK(stateOf([](auto& e) { e.connectFailed = 3; }, 2) == "failing");
  CHECK(stateOf([](auto& e) { e.connectFailed = 3; }, 3) == "none");
  CHECK(stateOf([](auto& e) { e.state = "down\x1b"; }) == "down\\x1b");
}

TEST_CASE("names of others are escaped, all of them") {
  Sample sample = busy();
  const std::string evil = "\x1b]0;x\x07";
  UpstreamSample& u = sample.upstreams[0];
  u.name = u.warnings[0] = u.endpoints[0].address = u.endpoints[0].state = evil;
  u.endpoints[0].closes = {{evil, 1}};
  sample.names = {{evil, evil, evil, {evil}, 1.0, 1.0}};
  sample.errors = {{1, 1, 1, evil, evil, evil, evil, evil}};
  const std::string text = textOf(sample, nullptr, {0, true, false});
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(text.find('\x07') == std::string::npos);
  size_t count = 0;
  for (size_t at = 0; (at = text.find("\\x1b]0;x\\x07", at)) != std::string::npos; ++at) ++count;
  CHECK(count == 13);  // the state is cut
}

TEST_CASE("no line is wider than the terminal, in ASCII none has anything else") {
  for (size_t width = 1; width < 150; ++width) {
    INFO(width);
    const Style style{width, false, false};
    for (const Line& line : frameOf(busy(), nullptr, style)) {
      const std::string text = render(line, style);
      CHECK(columnsOf(text) <= width);
      CHECK(std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < 0x7f; }));
    }
  }
}

TEST_CASE("what does not fit can be moved to") {
  std::vector<Line> frame;
  for (int i = 0; i < 10; ++i) frame.push_back({{std::to_string(i)}});
  CHECK(windowOf(frame, 0, 10).size() == 10);
  CHECK(windowOf(frame, 5, 10).front()[0].text == "0");
  const auto top = windowOf(frame, 0, 4);
  REQUIRE(top.size() == 4);
  CHECK(top[0][0].text == "0");
  CHECK(top[2][0].text == "2");
  CHECK(top[3][0].text == "lines 1 to 3 of 10; j and k move");
  const auto end = windowOf(frame, 99, 4);
  CHECK(end[0][0].text == "7");
  CHECK(end[3][0].text == "lines 8 to 10 of 10; j and k move");
  CHECK(windowOf(frame, 0, 0).empty());
  CHECK(windowOf(frame, 0, 1).size() == 1);
}
