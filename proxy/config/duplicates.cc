#include "proxy/config/duplicates.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "proxy/config/blocks.h"

namespace oxbow::config {

namespace {

bool isBefore(const Place& a, const Place& b) {
  return std::tie(a.line, a.column) < std::tie(b.line, b.column);
}

// Where an entry of a mapping begins, and where the last value in it does.
struct Range {
  Place from;
  Place to;
  bool has(const Place& place) const { return !isBefore(place, from) && !isBefore(to, place); }
};

Place lastPlace(const Node& node) {
  Place last = node.place;
  if (isBefore(last, node.keyPlace)) last = node.keyPlace;
  // In the order of the file: the last child has it.
  if (!node.children.empty()) return std::max(last, lastPlace(node.children.back()), isBefore);
  return last;
}

// Readers take the first entry of a name: lets that be the last one, everywhere.
void putLastFirst(Node& node, std::vector<Range>& moved) {
  std::unordered_map<std::string, std::pair<size_t, size_t>> occurrences;  // the first and the last
  for (size_t i = 0; node.isMapping() && i < node.children.size(); ++i)
    occurrences.try_emplace(node.children[i].key, i, i).first->second.second = i;
  for (const auto& [key, at] : occurrences) {
    if (at.first == at.second) continue;
    moved.push_back({node.children[at.second].keyPlace, lastPlace(node.children[at.second])});
    std::swap(node.children[at.first], node.children[at.second]);
  }
  for (Node& child : node.children) putLastFirst(child, moved);
}

// Ranges lie one in the other or apart; of the former the outer one is enough.
std::vector<Range> outermost(std::vector<Range> ranges) {
  std::sort(ranges.begin(), ranges.end(),
            [](const Range& a, const Range& b) { return isBefore(a.from, b.from); });
  std::vector<Range> out;
  for (const Range& range : ranges)
    if (out.empty() || isBefore(out.back().to, range.from)) out.push_back(range);
  return out;
}

// REQUIRES: outermost() made `ranges`.
bool isInOneOf(const std::vector<Range>& ranges, const Place& place) {
  const auto behind = std::upper_bound(
      ranges.begin(), ranges.end(), place,
      [](const Place& at, const Range& range) { return isBefore(at, range.from); });
  return behind != ranges.begin() && std::prev(behind)->has(place);
}

}  // namespace

void readDuplicates(Node root, std::vector<Problem>& problems) {
  std::vector<Range> moved;
  putLastFirst(root, moved);
  if (moved.empty()) return;
  const std::vector<Range> ranges = outermost(std::move(moved));
  std::vector<Problem> found;
  readTop(root, found);
  // Names of upstreams are read all of them, the first time too.
  std::unordered_set<std::string> known;
  for (const Problem& problem : problems) known.insert(format(problem, {}));
  for (Problem& problem : found)
    if (isInOneOf(ranges, problem.place) && known.insert(format(problem, {})).second)
      problems.push_back(std::move(problem));
}

}  // namespace oxbow::config
