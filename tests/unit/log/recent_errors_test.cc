#include "proxy/log/recent_errors.h"

#include <doctest/doctest.h>

#include <string>

using namespace oxbow;
using namespace oxbow::log;
using namespace std::chrono_literals;

namespace {

constexpr char kFull[] = "the queue is full";
constexpr char kLate[] = "no connection became free in time";

struct Fixture {
  RecentErrors errors;
  WallTime now{1000h};

  AccessRecord recordOf(const char* detail, std::string_view upstream = "api") const {
    AccessRecord record;
    record.time = now;
    record.error = ErrorCode::ConnectionLimitReached;
    record.detail = detail;
    record.status = 503;
    record.method = "GET";
    record.target = "/";
    record.upstream = upstream;
    return record;
  }
  void add(const char* detail, std::string_view upstream = "api") {
    errors.add(recordOf(detail, upstream), "*:8080");
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "an error is kept with what is known of it") {
  AccessRecord record = recordOf(kFull);
  record.endpoint = "10.0.0.1:80";
  record.target = "/a/b";
  errors.add(record, "*:8080");
  REQUIRE(errors.list().size() == 1);
  const RecentError error = errors.list()[0];
  CHECK(error.first == now);
  CHECK(error.last == now);
  CHECK(error.count == 1);
  CHECK(error.code == ErrorCode::ConnectionLimitReached);
  CHECK(error.status == 503);
  CHECK(error.detail == std::string(kFull));
  CHECK(error.listener.view() == "*:8080");
  CHECK(error.upstream.view() == "api");
  CHECK(error.endpoint.view() == "10.0.0.1:80");
  CHECK(error.method.view() == "GET");
  CHECK(error.path.view() == "/a/b");
}

TEST_CASE_FIXTURE(Fixture, "what repeats is counted, with the last one's time and path") {
  add(kFull);
  now += 59s;
  AccessRecord again = recordOf(kFull);
  again.target = "/other";
  errors.add(again, "*:8080");
  REQUIRE(errors.list().size() == 1);
  CHECK(errors.list()[0].count == 2);
  CHECK(errors.list()[0].first == now - 59s);
  CHECK(errors.list()[0].last == now);
  CHECK(errors.list()[0].path.view() == "/other");
}

TEST_CASE_FIXTURE(Fixture, "what comes a minute later is another one") {
  add(kFull);
  now += 60s;
  add(kFull);
  CHECK(errors.list().size() == 2);
  CHECK(errors.list()[0].last == now);
  CHECK(errors.list()[1].last == now - 60s);
}

TEST_CASE_FIXTURE(Fixture, "errors that alternate are one each, the newest first") {
  for (int i = 0; i < 10; ++i) {
    add(kFull);
    now += 1ms;
    add(kLate);
    now += 1ms;
    add(kFull, "other");
    now += 1ms;
  }
  const auto list = errors.list();
  REQUIRE(list.size() == 3);
  CHECK(list[0].upstream.view() == "other");
  CHECK(list[1].detail == std::string(kLate));
  CHECK(list[2].detail == std::string(kFull));
  for (const RecentError& error : list) CHECK(error.count == 10);
}

TEST_CASE_FIXTURE(Fixture, "listeners and codes tell them apart too") {
  add(kFull);
  errors.add(recordOf(kFull), "*:9090");
  AccessRecord record = recordOf(kFull);
  record.error = ErrorCode::DestinationUnavailable;
  errors.add(record, "*:8080");
  CHECK(errors.list().size() == 3);
}

TEST_CASE_FIXTURE(Fixture, "the last 64 are kept, the one that was quiet for longest goes") {
  for (size_t i = 0; i < RecentErrors::kKept; ++i) add(kFull, std::to_string(i));
  add(kFull, "0");
  add(kFull, "new");
  const auto list = errors.list();
  REQUIRE(list.size() == RecentErrors::kKept);
  CHECK(list[0].upstream.view() == "new");
  CHECK(list[1].upstream.view() == "0");
  CHECK(list[1].count == 2);
  CHECK(list.back().upstream.view() == "2");
  for (int i = 0; i < 1000; ++i) add(kLate, "x" + std::to_string(i));
  CHECK(errors.list().size() == RecentErrors::kKept);
  CHECK(errors.list()[0].upstream.view() == "x999");
  CHECK(errors.list()[0].count == 1);
}

TEST_CASE_FIXTURE(Fixture, "long texts are cut, and are the same when they repeat") {
  const std::string name(200, 'u');
  AccessRecord record = recordOf(kFull, name);
  record.method = "A-METHOD-THAT-IS-LONG";
  const std::string target = "/" + std::string(500, 'p');
  record.target = target;
  errors.add(record, "*:8080");
  errors.add(record, "*:8080");
  REQUIRE(errors.list().size() == 1);
  const RecentError error = errors.list()[0];
  CHECK(error.count == 2);
  CHECK(error.upstream.view() == std::string(61, 'u') + "...");
  CHECK(error.path.view() == "/" + std::string(92, 'p') + "...");
  CHECK(error.method.view() == "A-METHOD-THAT...");
}

TEST_CASE_FIXTURE(Fixture, "the same error of two workers becomes one, at the later one's path") {
  add(kFull);
  now += 30s;
  RecentErrors other;
  AccessRecord record = recordOf(kFull);
  record.target = "/later";
  other.add(record, "*:8080");
  RecentError sum = errors.list()[0];
  REQUIRE(sum.isMoreOf(other.list()[0]));
  sum.merge(other.list()[0]);
  CHECK(sum.count == 2);
  CHECK(sum.first == now - 30s);
  CHECK(sum.last == now);
  CHECK(sum.path.view() == "/later");

  RecentError backwards = other.list()[0];
  REQUIRE(backwards.isMoreOf(errors.list()[0]));
  backwards.merge(errors.list()[0]);
  CHECK(backwards.count == 2);
  CHECK(backwards.first == now - 30s);
  CHECK(backwards.path.view() == "/later");
}

TEST_CASE_FIXTURE(Fixture, "what is another thing, or of another time, stays apart") {
  add(kFull);
  RecentErrors others;
  now += 60s;
  others.add(recordOf(kFull), "*:8080");
  others.add(recordOf(kLate), "*:8080");
  others.add(recordOf(kFull, "other"), "*:8080");
  others.add(recordOf(kFull), "*:9090");
  for (const RecentError& other : others.list()) CHECK_FALSE(other.isMoreOf(errors.list()[0]));
}
