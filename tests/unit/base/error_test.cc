#include "proxy/base/error.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

using namespace oxbow;

TEST_CASE("codes have the tokens of RFC 9209 and fitting statuses") {
  CHECK(tokenOf(ErrorCode::None) == "-");
  CHECK(tokenOf(ErrorCode::ConnectionRefused) == "connection_refused");
  CHECK(statusOf(ErrorCode::ConnectionRefused) == 502);
  CHECK(tokenOf(ErrorCode::ConnectionReadTimeout) == "connection_read_timeout");
  CHECK(statusOf(ErrorCode::ConnectionReadTimeout) == 504);
  CHECK(tokenOf(ErrorCode::ConnectionLimitReached) == "connection_limit_reached");
  CHECK(statusOf(ErrorCode::ConnectionLimitReached) == 503);
  CHECK(statusOf(ErrorCode::DestinationNotFound) == 404);
  CHECK(statusOf(ErrorCode::HttpRequestError) == 400);
}

TEST_CASE("every code has a token of its own, in a token's characters, and a valid status") {
  std::set<std::string_view> seen;
  for (int i = 1; i < static_cast<int>(ErrorCode::Count); ++i) {
    const auto code = static_cast<ErrorCode>(i);
    CHECK(seen.insert(tokenOf(code)).second);
    CHECK(tokenOf(code).find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string::npos);
    CHECK(statusOf(code) >= 200);
    CHECK(statusOf(code) <= 599);
  }
}

TEST_CASE("an error's own status comes before its code's") {
  Error error{.code = ErrorCode::HttpRequestError};
  CHECK(error.statusCode() == 400);
  error.status = 431;
  CHECK(error.statusCode() == 431);
}
