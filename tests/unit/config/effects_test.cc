#include "proxy/config/effects.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "tests/unit/config/markdown.h"

// The table of effects is held against the schema, and docs/reload.md against the table.

namespace oxbow::config {

namespace {

using schema::Block;
using schema::Key;

bool isList(const Key& key) {
  return key.name == "upstreams" || key.name == "servers" || key.name == "listeners" ||
         key.name == "routes";
}

// In which ways a key can change.
std::vector<When> waysOf(const Key& key) {
  if (isList(key) || key.name == "admin") return {When::Added, When::Removed};
  std::vector<When> ways = {When::Changed};
  if (key.type == schema::Type::Count) ways = {When::Lowered, When::Raised};
  if (key.defaultText == "none") ways.insert(ways.end(), {When::Added, When::Removed});
  return ways;
}

std::string wordOf(When when) {
  switch (when) {
    case When::Changed:
      return "changed";
    case When::Added:
      return "added";
    case When::Removed:
      return "removed";
    case When::Lowered:
      return "lowered";
    case When::Raised:
      return "raised";
  }
  return {};
}

Row rowOf(const Effect& effect) {
  const std::string_view name = effect.block->name;
  const bool isWords = name.find(' ') != std::string_view::npos;
  std::string keys;
  for (const std::string_view key : effect.keys) keys += (keys.empty() ? "" : ", ") + code(key);
  return {isWords ? std::string(name) : code(name), keys, wordOf(effect.when),
          std::string(effect.text)};
}

// Of the only table that begins with the column "Where".
std::vector<Row> documented() {
  std::vector<Row> rows;
  bool isInTable = false;
  for (const std::string& line : linesOf(contents("docs/reload.md"))) {
    if (line.rfind("| Where |", 0) == 0) {
      CHECK(cellsOf(line) == Row{"Where", "Keys", "When", "What becomes of it"});
      isInTable = true;
    } else if (line.rfind("|", 0) != 0) {
      isInTable = false;
    } else if (isInTable && line.rfind("| ---", 0) != 0) {
      rows.push_back(cellsOf(line));
    }
  }
  return rows;
}

}  // namespace

TEST_CASE("every key has an effect, in whichever way it changes") {
  for (const Block* block : schema::blocks())
    for (const Key& key : block->keys) {
      CAPTURE(block->name);
      CAPTURE(key.name);
      for (const When when : waysOf(key)) {
        CAPTURE(wordOf(when));
        CHECK(findEffect(*block, key.name, when) != nullptr);
      }
    }
}

TEST_CASE("no row is about a key that is not there, and none says what another says") {
  std::set<std::tuple<const Block*, std::string_view, When>> seen;
  for (const Effect& row : effects()) {
    CHECK_FALSE(row.text.empty());
    CHECK_FALSE(row.keys.empty());
    for (const std::string_view name : row.keys) {
      CAPTURE(name);
      bool isOwn = false;
      for (const Key& key : row.block->keys) isOwn = isOwn || key.name == name;
      CHECK(isOwn);
      CHECK(seen.emplace(row.block, name, row.when).second);
    }
  }
}

TEST_CASE("a row for the direction goes before the one for any change") {
  const Effect* lowered = findEffect(schema::upstream(), "max_conns", When::Lowered);
  const Effect* raised = findEffect(schema::upstream(), "max_conns", When::Raised);
  REQUIRE(lowered != nullptr);
  REQUIRE(raised != nullptr);
  CHECK(lowered->text != raised->text);
  CHECK(findEffect(schema::upstream(), "keepalive", When::Lowered) ==
        findEffect(schema::upstream(), "keepalive", When::Changed));
  CHECK(findEffect(schema::upstream(), "nothing", When::Changed) == nullptr);
}

TEST_CASE("shared keys are found from both blocks, keys of the same name are not mixed up") {
  const Effect* shared = findEffect(schema::socket(), "rcvbuf", When::Changed);
  REQUIRE(shared != nullptr);
  CHECK(findEffect(schema::upstream(), "rcvbuf", When::Changed) == shared);
  CHECK(findEffect(schema::listener(), "rcvbuf", When::Changed) == shared);
  CHECK(findEffect(schema::upstream(), "keepalive_timeout", When::Changed) !=
        findEffect(schema::listener(), "keepalive_timeout", When::Changed));
}

TEST_CASE("only workers need a restart") {
  for (const Effect& row : effects())
    CHECK(row.needsRestart == (row.keys == std::vector<std::string_view>{"workers"}));
}

TEST_CASE("docs/reload.md has a row for every effect, and no other") {
  const std::vector<Row> rows = documented();
  CHECK(rows.size() == effects().size());
  for (size_t i = 0; i < std::min(rows.size(), effects().size()); ++i)
    CHECK(shown(rows[i]) == shown(rowOf(effects()[i])));
}

}  // namespace oxbow::config
