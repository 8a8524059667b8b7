#include <algorithm>
#include <cctype>
#include <map>
#include <sstream>
#include <vector>

#include "proxy/config/schema.h"
#include "proxy/config/warnings.h"
#include "tests/unit/config/markdown.h"
#include "tests/unit/config/support.h"

// docs/configuration.md is held against the table of keys, and the examples against the loader.

namespace oxbow::config {

namespace {

// "## `admin`" is "admin", "## The top level" is "the top level".
std::string nameOf(const std::string& heading) {
  std::string name = heading.substr(3);
  name.erase(std::remove(name.begin(), name.end(), '`'), name.end());
  name[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(name[0])));
  return name;
}

// Of tables that begin with the column "Key": the rows below each heading.
std::map<std::string, std::vector<Row>> tablesOf(const std::string& markdown) {
  std::map<std::string, std::vector<Row>> tables;
  std::string heading;
  bool isInTable = false;
  for (const std::string& line : linesOf(markdown)) {
    if (line.rfind("## ", 0) == 0) heading = nameOf(line);
    if (line.rfind("|", 0) != 0) {
      isInTable = false;
    } else if (line.rfind("| Key |", 0) == 0) {
      CHECK(cellsOf(line) == Row{"Key", "Type", "Default", "Unit", "Meaning", "nginx"});
      isInTable = true;
    } else if (isInTable && line.rfind("| ---", 0) != 0) {
      tables[heading].push_back(cellsOf(line));
    }
  }
  return tables;
}

Row rowOf(const schema::Key& key) {
  const bool isWord = key.defaultText == "none" || key.defaultText == "required";
  return {code(key.name),
          schema::typeText(key),
          isWord ? std::string(key.defaultText) : code(key.defaultText),
          std::string(schema::unitText(key)),
          std::string(key.meaning),
          std::string(key.nginx)};
}

// The fenced blocks of that language.
std::vector<std::string> fencedBlocks(const std::string& markdown, const std::string& language) {
  std::vector<std::string> blocks;
  bool isInside = false;
  for (const std::string& line : linesOf(markdown)) {
    if (line == "```" + language && !isInside) {
      blocks.emplace_back();
      isInside = true;
    } else if (line == "```") {
      isInside = false;
    } else if (isInside) {
      blocks.back() += line + "\n";
    }
  }
  return blocks;
}

}  // namespace

TEST_CASE("docs/configuration.md has a row for every key, and no other") {
  auto tables = tablesOf(contents("docs/configuration.md"));
  for (const schema::Block* block : schema::blocks()) {
    CAPTURE(block->name);
    const std::vector<Row> rows = tables[std::string(block->name)];
    tables.erase(std::string(block->name));
    CHECK(rows.size() == block->keys.size());
    for (size_t i = 0; i < std::min(rows.size(), block->keys.size()); ++i)
      CHECK(shown(rows[i]) == shown(rowOf(block->keys[i])));
  }
  for (const auto& table : tables) {
    CAPTURE(table.first);
    FAIL_CHECK("a table of keys that the loader does not know");
  }
}

TEST_CASE("the example to copy can be copied") {
  const auto blocks = fencedBlocks(contents("docs/configuration.md"), "yaml");
  REQUIRE_FALSE(blocks.empty());
  const Config config = loaded(blocks.front());
  CHECK(config.upstreams.size() == 1);
  CHECK(config.listeners.at(0).routes.size() == 2);
  CHECK(warnings(config).empty());
}

TEST_CASE("examples of whole upstreams and listeners are right") {
  const std::string app = "upstreams: { app: { servers: [ 127.0.0.1:1 ] } }\n";
  size_t found = 0;
  for (const std::string& block : fencedBlocks(contents("docs/configuration.md"), "yaml")) {
    CAPTURE(block);
    const bool hasListeners = block.find("listeners:\n") != std::string::npos;
    const bool hasUpstreams = block.rfind("upstreams:\n", 0) == 0;
    if (!hasListeners && !hasUpstreams) continue;
    ++found;
    const std::string file = (hasUpstreams ? "" : app) + block;
    CHECK(errorsOf(hasListeners ? file : withTop(file)).empty());
  }
  CHECK(found >= 4);
}

TEST_CASE("the errors in the documentation are the ones that oxbow writes") {
  const auto blocks = fencedBlocks(contents("docs/configuration.md"), "text");
  REQUIRE(blocks.size() == 1);
  const std::string errors = errorsOf(
      "upstreams:\n  api: { servers: [ 127.0.0.1:1 ], keepalve: 1, read_timeout: 60 }\n"
      "listeners:\n  - listen: 127.0.0.1:0\n    routes: [ { proxy_pass: ap } ]\n");
  const std::vector<std::string> written = linesOf(errors);
  const std::vector<std::string> documented = linesOf(blocks.front());
  REQUIRE(written.size() == documented.size());
  for (size_t i = 0; i < written.size(); ++i) {
    const size_t message = written[i].find(' ');  // after the place, which differs
    CHECK(written[i].substr(message) == documented[i].substr(documented[i].find(' ')));
  }
}

TEST_CASE("the example files are right and unwise in nothing") {
  for (const std::string name : {"minimal", "several-upstreams", "tls", "all-keys"}) {
    CAPTURE(name);
    const std::string path = OXBOW_SOURCE_ROOT "/conf/examples/" + name + ".yaml";
    const LoadResult result = loadFile(path);
    for (const Problem& problem : result.problems) FAIL_CHECK(format(problem, path));
    REQUIRE(result.config.has_value());
    for (const Problem& problem : warnings(*result.config)) FAIL_CHECK(format(problem, path));
  }
}

TEST_CASE("the all-keys example has every key") {
  const std::string text = contents("conf/examples/all-keys.yaml");
  std::multimap<std::string, std::string> written;
  for (const std::string& line : linesOf(text)) {
    // A key that goes without another one stands there as a comment.
    const size_t start = line.find_first_not_of(" -#");
    const size_t colon = line.find(':', start == std::string::npos ? 0 : start);
    if (start != std::string::npos && colon != std::string::npos)
      written.emplace(line.substr(start, colon - start), line);
  }
  std::map<std::string_view, size_t> needed;
  for (const schema::Block* block : schema::blocks())
    for (const schema::Key& key : block->keys)
      needed[key.name] += block == &schema::socket() ? 2 : 1;  // upstream and listener
  for (const auto& need : needed) {
    CAPTURE(need.first);
    CHECK(written.count(std::string(need.first)) >= need.second);
  }
}

}  // namespace oxbow::config
