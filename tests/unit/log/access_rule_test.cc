#include "proxy/log/access_rule.h"

#include <doctest/doctest.h>

using namespace oxbow;
using namespace oxbow::log;
using namespace std::chrono_literals;

namespace {

constexpr ErrorCode kNone = ErrorCode::None;

}  // namespace

TEST_CASE("a log takes everything unless it is told otherwise") {
  const AccessRule rule;
  CHECK(rule.chanceOf(200, kNone, 0ms) == kAlways);
  CHECK(rule.chanceOf(0, ErrorCode::ClientGone, 0ms) == kAlways);
}

TEST_CASE("only errors: from that status on, or with a token") {
  const AccessRule rule{.errorsFrom = 400};
  CHECK(rule.chanceOf(399, kNone, 1h) == 0);
  CHECK(rule.chanceOf(400, kNone, 0ms) == kAlways);
  CHECK(rule.chanceOf(200, ErrorCode::HttpResponseIncomplete, 0ms) == kAlways);
  CHECK(rule.chanceOf(0, ErrorCode::ClientGone, 0ms) == kAlways);
  // An answer from the configuration is none.
  CHECK(rule.chanceOf(204, ErrorCode::ProxyInternalResponse, 0ms) == 0);
  CHECK(AccessRule{.errorsFrom = 500}.chanceOf(404, kNone, 0ms) == 0);
}

TEST_CASE("only slow: from that total on") {
  const AccessRule rule{.slow = 500ms};
  CHECK(rule.chanceOf(200, kNone, 500ms - 1ns) == 0);
  CHECK(rule.chanceOf(200, kNone, 500ms) == kAlways);
  CHECK(rule.chanceOf(502, ErrorCode::ConnectionRefused, 1ms) == 0);
}

TEST_CASE("errors and slow together: either") {
  const AccessRule rule{.errorsFrom = 500, .slow = 1s};
  CHECK(rule.chanceOf(200, kNone, 1s) == kAlways);
  CHECK(rule.chanceOf(503, kNone, 1ms) == kAlways);
  CHECK(rule.chanceOf(404, kNone, 1ms) == 0);
}

TEST_CASE("what failed on the server's side is in every sample") {
  const AccessRule rule{.sample = 1000};
  CHECK(rule.chanceOf(200, kNone, 0ms) == 1000);
  CHECK(rule.chanceOf(404, kNone, 0ms) == 1000);
  CHECK(rule.chanceOf(500, kNone, 0ms) == kAlways);
  CHECK(rule.chanceOf(404, ErrorCode::DestinationNotFound, 0ms) == kAlways);
  CHECK(AccessRule{.slow = 1s, .sample = 1000}.chanceOf(200, kNone, 1s) == 1000);
}

TEST_CASE("as many are drawn as the chance says") {
  Random random(42);
  const auto drawnOf = [&](uint32_t chance) {
    int drawn = 0;
    for (int i = 0; i < 100000; ++i) drawn += AccessRule::isDrawn(chance, random) ? 1 : 0;
    return drawn;
  };
  CHECK(drawnOf(0) == 0);
  CHECK(drawnOf(kAlways) == 100000);
  const int tenth = drawnOf(100'000);  // its standard deviation is 95
  CHECK(tenth > 9500);
  CHECK(tenth < 10500);
}
