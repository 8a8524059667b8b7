#include "proxy/base/result.h"

#include <doctest/doctest.h>

#include <memory>

#include "proxy/base/error.h"

using namespace oxbow;

TEST_CASE("a value") {
  Result<int> result(7);
  CHECK(result.ok());
  CHECK(static_cast<bool>(result));
  CHECK(result.value() == 7);
  result.value() = 8;
  CHECK(result.value() == 8);
}

TEST_CASE("an error") {
  const Result<int> result(std::string("no such thing"));
  CHECK_FALSE(result.ok());
  CHECK_FALSE(static_cast<bool>(result));
  CHECK(result.error() == "no such thing");
}

TEST_CASE("an error of another type") {
  const Result<int, Error> result(Error{.code = ErrorCode::DnsError});
  CHECK(result.error().code == ErrorCode::DnsError);
}

TEST_CASE("a value that only moves") {
  Result<std::unique_ptr<int>> result(std::make_unique<int>(7));
  const std::unique_ptr<int> taken = std::move(result.value());
  CHECK(*taken == 7);
}
