#include "proxy/config/schema.h"

#include <set>
#include <vector>

#include "tests/unit/config/key_files.h"

// The table of keys is held against the structs, the loader and the all-keys example.

namespace oxbow::config {

namespace {

bool isSame(const Config& a, const Config& b) {
  return a.workers == b.workers && a.workerConnections == b.workerConnections &&
         a.shutdownTimeout == b.shutdownTimeout && a.drainDelay == b.drainDelay &&
         a.drainSpread == b.drainSpread && a.memoryLimit == b.memoryLimit &&
         a.logLevel == b.logLevel && a.watch == b.watch &&
         a.responseBufferBudget == b.responseBufferBudget && a.admin == b.admin &&
         a.resolver == b.resolver && a.upstreams == b.upstreams && a.listeners == b.listeners;
}

bool hasDefault(const Key& key) {
  return key.defaultText != "none" && key.defaultText != "required";
}

}  // namespace

TEST_CASE("every key has its texts, and no block has a key twice") {
  for (const Block* block : schema::blocks()) {
    CAPTURE(block->name);
    std::set<std::string_view> seen;
    for (const Key& key : block->keys) {
      CAPTURE(key.name);
      CHECK(seen.insert(key.name).second);
      CHECK_FALSE(key.defaultText.empty());
      CHECK_FALSE(key.example.empty());
      CHECK_FALSE(key.nginx.empty());
      CHECK_FALSE(schema::typeText(key).empty());
      CHECK_FALSE(schema::unitText(key).empty());
      REQUIRE_FALSE(key.meaning.empty());
      CHECK(key.meaning.back() == '.');
      CHECK((key.example != key.defaultText || hasOneValue(key)));
      CHECK_FALSE(block->isLater(key.name));
    }
  }
}

TEST_CASE("every example is right, and changes what is loaded") {
  for (const Block* block : schema::blocks())
    for (const Key& key : block->keys) {
      CAPTURE(block->name);
      CAPTURE(key.name);
      const Config with = loaded(fileWith(*block, lineOf(key, key.example)));
      const bool isInTheFixture = key.name == "proxy_pass";
      if (hasOneValue(key) || key.defaultText == "required" || isInTheFixture) continue;
      CHECK_FALSE(isSame(with, loaded(fileWith(*block, ""))));
    }
}

TEST_CASE("the default's text is the default of the struct") {
  for (const Block* block : schema::blocks())
    for (const Key& key : block->keys) {
      if (!hasDefault(key)) continue;
      CAPTURE(block->name);
      CAPTURE(key.name);
      const Config written = loaded(fileWith(*block, lineOf(key, key.defaultText)));
      const Config absent = loaded(fileWith(*block, ""));
      CHECK(isSame(written, absent));
    }
}

TEST_CASE("the limits of numbers are the ones in the table") {
  const auto errorOf = [](const Block& block, const Key& key, const std::string& value) {
    return errorsOf(fileWith(block, lineOf(key, value)));
  };
  for (const Block* block : schema::blocks())
    for (const Key& key : block->keys) {
      const bool isNumber = key.type == schema::Type::Count || key.type == schema::Type::Size;
      const bool isDuration = key.type == schema::Type::Duration;
      if (!isNumber && !isDuration) continue;
      CAPTURE(block->name);
      CAPTURE(key.name);
      const std::string unit = isDuration ? "ms" : "";
      const std::string range = "must be between";
      CHECK(errorOf(*block, key, std::to_string(key.max) + unit).find(range) == std::string::npos);
      CHECK(errorOf(*block, key, std::to_string(key.max + 1) + unit).find(range) !=
            std::string::npos);
      CHECK(errorOf(*block, key, std::to_string(key.min) + unit).find(range) == std::string::npos);
      if (key.min > 0)
        CHECK(errorOf(*block, key, std::to_string(key.min - 1) + unit).find(range) !=
              std::string::npos);
    }
}

TEST_CASE("every wrong kind of value is an error, not a crash") {
  for (const Block* block : schema::blocks())
    for (const Key& key : block->keys) {
      CAPTURE(block->name);
      CAPTURE(key.name);
      for (const std::string value :
           {"", "~", "[ [ [ ] ] ]", "{ x: { y: z } }", "\"\\x01\"", "[ ~ ]"}) {
        CAPTURE(value);
        if (key.name == "body" && value == "\"\\x01\"") continue;  // bodies may hold anything
        CHECK_FALSE(errorsOf(fileWith(*block, lineOf(key, value))).empty());
      }
    }
}

TEST_CASE("keys that are not there yet say so") {
  for (const Block* block : schema::blocks())
    for (const std::string_view later : block->later) {
      CAPTURE(block->name);
      CAPTURE(later);
      const std::string errors = errorsOf(fileWith(*block, std::string(later) + ": x"));
      CHECK(errors.find(std::string(later) + ": is not supported in this version\n") !=
            std::string::npos);
    }
}

TEST_CASE("types read like words") {
  CHECK(schema::typeText(*schema::upstream().find("keepalive")) == "count, 0 to 100000");
  CHECK(schema::typeText(*schema::upstream().find("proxy_buffers")) == "size, 4k to 64m");
  CHECK(schema::typeText(*schema::upstream().find("read_timeout")) == "duration");
  CHECK(schema::typeText(*schema::socket().find("tcp_user_timeout")) == "duration, 0s to 1d");
  CHECK(schema::typeText(*schema::upstream().find("balance")) == "one of round_robin, least_conn");
  CHECK(schema::typeText(*schema::upstream().find("protocol")) == "only http1");
  CHECK(schema::expectedText(*schema::listener().find("listen")) == "an address");
  CHECK(schema::expectedText(*schema::listener().find("access_log")) == "off or mapping");
}

TEST_CASE("shared keys are found in both blocks") {
  CHECK(schema::upstream().find("rcvbuf") == schema::listener().find("rcvbuf"));
  CHECK(schema::upstream().find("rcvbuf") != nullptr);
  CHECK(schema::route().find("rcvbuf") == nullptr);
}

}  // namespace oxbow::config
