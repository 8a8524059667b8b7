#include "proxy/log/log.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string_view>

#include "tests/unit/log/temp_dir.h"

using namespace oxbow::log;

namespace {

struct LogFixture {
  TempDir dir;

  explicit LogFixture(Level level = Level::Info) { REQUIRE(init(level, dir.file("log"))); }
  ~LogFixture() {
    shutdown();
    setLevel(Level::Warn);
  }

  // Ends the writer: what was logged is in the file then.
  std::string text() {
    shutdown();
    return dir.read("log");
  }
};

size_t count(const std::string& text, std::string_view part) {
  size_t result = 0;
  for (size_t at = 0; (at = text.find(part, at)) != text.npos; at += part.size()) ++result;
  return result;
}

// Whether `text` is `form`, where a '9' of `form` stands for any digit.
bool hasForm(std::string_view text, std::string_view form) {
  const auto fits = [](char c, char wanted) {
    return wanted == '9' ? c >= '0' && c <= '9' : c == wanted;
  };
  return text.size() == form.size() && std::equal(text.begin(), text.end(), form.begin(), fits);
}

}  // namespace

TEST_CASE_FIXTURE(LogFixture, "a line has an ISO time in UTC, a level and its text") {
  LOG_WARN("cannot resolve {}: {}", "api.internal", 7);
  const std::string line = text();
  CAPTURE(line);
  CHECK(hasForm(line, "9999-99-99T99:99:99.999Z [warning] cannot resolve api.internal: 7\n"));
}

TEST_CASE_FIXTURE(LogFixture, "arguments of disabled lines are not evaluated") {
  int evaluated = 0;
  LOG_DEBUG("{}", ++evaluated);
  CHECK(evaluated == 0);
  setLevel(Level::Debug);
  LOG_DEBUG("{}", ++evaluated);
  CHECK(evaluated == 1);
  setLevel(Level::Off);
  LOG_ERROR("{}", ++evaluated);
  CHECK(evaluated == 1);
}

TEST_CASE_FIXTURE(LogFixture, "levels filter") {
  setLevel(Level::Error);
  LOG_WARN("soft");
  LOG_ERROR("hard");
  const std::string all = text();
  CHECK(count(all, "soft") == 0);
  CHECK(count(all, "[error] hard") == 1);
}

TEST_CASE_FIXTURE(LogFixture, "peers cannot forge lines") {
  LOG_INFO("{}", std::string("a\nb\x1b[31m\x7f\xff\xc2\x9b \xc3\xa9"));
  const std::string all = text();
  CHECK(count(all, "\n") == 1);
  CHECK(count(all, "a\\x0ab\\x1b[31m\\x7f\\xff\\xc2\\x9b \xc3\xa9") == 1);
}

TEST_CASE_FIXTURE(LogFixture, "a flood from one place is limited, counted and told at the end") {
  const uint64_t before = suppressedLines();
  for (int i = 0; i < 1000; ++i) LOG_INFO("flood {}", i);
  LOG_INFO("another place");
  const std::string all = text();
  // Should the loop cross from one second into the next, up to twenty more pass.
  const size_t passed = count(all, "[info] flood");
  CHECK(passed >= 20);
  CHECK(passed <= 40);
  CHECK(suppressedLines() - before == 1000 - passed);
  CHECK(count(all, "more lines were suppressed like: flood ...") >= 1);
  CHECK(count(all, "another place") == 1);
}

TEST_CASE_FIXTURE(LogFixture, "lines keep their order") {
  for (int i = 0; i < 10; ++i) LOG_INFO("line {}.", i);
  const std::string all = text();
  CHECK(all.find("line 0.") < all.find("line 9."));
  CHECK(all.find("line 9.") != all.npos);
  CHECK(droppedLines() == 0);
}

TEST_CASE("a file that cannot be opened is refused") {
  setLevel(Level::Off);
  CHECK_FALSE(init(Level::Off, "/nonexistent/log"));
  setLevel(Level::Warn);
}

TEST_CASE("what cannot be written is counted") {
  REQUIRE(init(Level::Info, "/dev/full"));
  LOG_INFO("lost");
  while (droppedLines() == 0) {
  }
  CHECK(droppedLines() == 1);
  shutdown();
  setLevel(Level::Warn);
}
