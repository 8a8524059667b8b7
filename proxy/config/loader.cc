#include "proxy/config/loader.h"

#include <fmt/format.h>

#include <utility>

#include "proxy/config/blocks.h"
#include "proxy/config/duplicates.h"
#include "proxy/config/source.h"
#include "proxy/config/yaml_tree.h"

namespace oxbow::config {

namespace {

LoadResult failed(std::vector<Problem> problems) {
  sortByPlace(problems);
  return {std::nullopt, std::move(problems)};
}

LoadResult failed(Place place, std::string message) {
  return failed({Problem{place, {}, std::move(message), {}}});
}

}  // namespace

LoadResult loadFile(const std::string& path) {
  const auto text = readSource(path);
  if (!text) return failed({text.error()});
  return loadText(text.value(), path);
}

LoadResult loadText(std::string_view text, const std::string& fileName) {
  if (auto problem = checkSource(text)) return failed({*problem});
  Tree tree = parseYaml(text);
  if (!tree.root && !tree.problems.empty()) return failed(std::move(tree.problems));
  if (!tree.root || tree.root->isNull())
    return failed({1, 1}, "the file is empty; a configuration needs listeners");
  if (!tree.root->isMapping())
    return failed(tree.root->place, fmt::format("expected a mapping of keys to values, got {}",
                                                kindName(tree.root->kind)));
  Config config = readTop(*tree.root, tree.problems);
  if (!tree.problems.empty()) {
    readDuplicates(*std::move(tree.root), tree.problems);
    return failed(std::move(tree.problems));
  }
  config.file = fileName;
  return {std::move(config), {}};
}

}  // namespace oxbow::config
