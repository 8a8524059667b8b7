#include <doctest/doctest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "proxy/config/loader.h"
#include "proxy/config/warnings.h"
#include "proxy/demo/origin.h"

// What README.md and conf/oxbow.yaml give to copy must work as it stands there.

namespace oxbow::demo {

namespace {

std::string contents(const std::string& path) {
  std::ifstream in(std::string(OXBOW_SOURCE_ROOT "/") + path);
  REQUIRE(in.good());
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<std::string> yamlBlocks(const std::string& markdown) {
  std::vector<std::string> blocks;
  bool isInside = false;
  std::istringstream in(markdown);
  for (std::string line; std::getline(in, line);) {
    if (line == "```yaml") {
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

// REQUIRES a configuration in which nothing is wrong or unwise; says what is.
config::Config faultless(const std::string& text, const std::string& name) {
  const auto loaded = config::loadText(text, name);
  for (const config::Problem& problem : loaded.problems) FAIL_CHECK(config::format(problem, name));
  REQUIRE(loaded.config.has_value());
  for (const config::Problem& warning : config::warnings(*loaded.config))
    FAIL_CHECK(config::format(warning, name));
  return *loaded.config;
}

}  // namespace

TEST_CASE("the configurations in README.md and docs/cli.md can be copied") {
  for (const char* name : {"README.md", "docs/cli.md"}) {
    for (const std::string& block : yamlBlocks(contents(name))) faultless(block, name);
  }
  CHECK_FALSE(yamlBlocks(contents("README.md")).empty());
}

TEST_CASE("conf/oxbow.yaml is right, and its application is where the embedded origin is") {
  const config::Config config = faultless(contents("conf/oxbow.yaml"), "conf/oxbow.yaml");
  CHECK(config.admin.enabled);
  REQUIRE(config.upstreams.size() == 1);
  REQUIRE(config.upstreams[0].servers.size() == 1);
  CHECK(*config.upstreams[0].servers[0].address == kOriginAddress);
}

}  // namespace oxbow::demo
