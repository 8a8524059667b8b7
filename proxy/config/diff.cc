#include "proxy/config/diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "proxy/base/assert.h"
#include "proxy/config/effects.h"
#include "proxy/config/problem.h"
#include "proxy/config/secrets.h"
#include "proxy/config/units.h"

namespace oxbow::config {

namespace {

using Kind = Change::Kind;
using What = Change::What;

constexpr size_t kMaxItemName = 120;  // the longest Unix socket fits

// One key or item in both trees; null where it does not stand.
struct Pair {
  const Value* before = nullptr;
  const Value* after = nullptr;

  const Value& either() const { return after != nullptr ? *after : *before; }
};

// By name; of the same name (listeners on port 0) the first with the first.
std::vector<Pair> pairsOf(const Value& before, const Value& after) {
  std::multimap<std::string_view, const Value*> old;
  for (const Value& value : before.inner) old.emplace(value.name, &value);
  std::vector<Pair> inBothOrAdded;
  for (const Value& value : after.inner) {
    const auto same = old.lower_bound(value.name);
    const bool isFound = same != old.end() && same->first == value.name;
    inBothOrAdded.push_back({isFound ? same->second : nullptr, &value});
    if (isFound) old.erase(same);
  }
  std::set<const Value*> gone;
  for (const auto& entry : old) gone.insert(entry.second);
  std::vector<Pair> pairs;
  for (const Value& value : before.inner)
    if (gone.count(&value) > 0) pairs.push_back({&value, nullptr});
  pairs.insert(pairs.end(), inBothOrAdded.begin(), inBothOrAdded.end());
  return pairs;
}

// Of keys where the direction matters, 0 is no cap.
std::optional<uint64_t> capOf(const std::string& text) {
  const auto count = parseCount(text);
  if (!count) return std::nullopt;
  return count.value() == 0 ? std::numeric_limits<uint64_t>::max() : count.value();
}

When whenOf(const std::string& before, const std::string& after) {
  if (before == "none") return When::Added;
  if (after == "none") return When::Removed;
  const auto from = capOf(before);
  const auto to = capOf(after);
  if (!from || !to) return When::Changed;
  return *to < *from ? When::Lowered : When::Raised;
}

// Items that have no name in the file stand apart from the keys around them.
bool isListed(const Value& value) {
  return value.isEntry || (value.isItem() && value.what != What::Upstream);
}

bool holdsEntries(const Value& value) { return value.isList() && value.inner.front().isEntry; }

// Those of `list` that `other` has too, as they follow each other.
std::vector<std::string_view> sharedNames(const Value& list, const Value& other) {
  std::set<std::string_view> known;
  for (const Value& value : other.inner) known.insert(value.name);
  std::vector<std::string_view> shared;
  for (const Value& value : list.inner)
    if (known.count(value.name) > 0) shared.push_back(value.name);
  return shared;
}

class Differ {
 public:
  // Where the walk is, and of which key the effects tell. The fields of proxy_set_header, and the
  // items of a list, are told of by the key that they stand below.
  struct At {
    std::string path;
    const schema::Block* block;
    std::string_view key;
  };

  void compare(const Value& before, const Value& after, const At& at) {
    const bool haveBothInner = !before.isLeaf() && !after.isLeaf();
    if (haveBothInner || before.isList() || after.isList()) return compareInner(before, after, at);
    const std::string from = textOf(before);
    const std::string to = textOf(after);
    if (from != to) addKey(at, shownOf(&before), shownOf(&after), after.place);
  }

  std::vector<Change> take() && { return std::move(changes_); }

 private:
  void compareInner(const Value& before, const Value& after, const At& at) {
    for (const Pair& pair : pairsOf(before, after)) {
      const At inner = below(at, after, pair.either());
      if (pair.before != nullptr && pair.after != nullptr)
        compare(*pair.before, *pair.after, inner);
      else if (pair.either().isItem())
        addItem(inner, pair);
      else
        addKey(inner, shownOf(pair.before), shownOf(pair.after),
               pair.after != nullptr ? pair.after->place : Place{});
    }
    if (holdsEntries(after) && sharedNames(before, after) != sharedNames(after, before))
      addKey(at, textOf(before), textOf(after), after.inner.front().place);
  }

  static At below(const At& at, const Value& parent, const Value& child) {
    const bool isApart = isListed(parent) || isListed(child);
    const std::string name = printable(child.name, kMaxItemName);
    At inner{at.path.empty() ? name : fmt::format("{}{}{}", at.path, isApart ? ' ' : '.', name),
             at.block, at.key};
    if (parent.block != nullptr) {
      inner.block = parent.block;
      inner.key = child.name;
    }
    return inner;
  }

  static std::string shownOf(const Value* value) {
    return value == nullptr ? "none" : textOf(withoutSecrets(*value));
  }

  void addItem(const At& at, const Pair& pair) {
    const bool isAdded = pair.after != nullptr;
    Change change = changeAt(at, isAdded ? When::Added : When::Removed);
    change.kind = isAdded ? Kind::Added : Kind::Removed;
    change.what = pair.either().what;
    if (isAdded) change.place = pair.after->place;
    changes_.push_back(std::move(change));
  }

  void addKey(const At& at, std::string before, std::string after, Place place) {
    Change change = changeAt(at, whenOf(before, after));
    change.before = std::move(before);
    change.after = std::move(after);
    change.place = place;
    changes_.push_back(std::move(change));
  }

  static Change changeAt(const At& at, When when) {
    const Effect* effect = findEffect(*at.block, at.key, when);
    ASSERT(effect != nullptr);
    Change change;
    change.path = at.path;
    change.effect = effect->text;
    change.needsRestart = effect->needsRestart;
    return change;
  }

  std::vector<Change> changes_;
};

int rankOf(What what) {
  switch (what) {
    case What::Listener:
      return 0;
    case What::Upstream:
    case What::Server:
      return 1;
    case What::Route:
      return 2;
    case What::Key:
      return 3;
  }
  return 3;
}

char signOf(Kind kind) {
  switch (kind) {
    case Kind::Added:
      return '+';
    case Kind::Removed:
      return '-';
    case Kind::Changed:
      return '~';
  }
  return '~';
}

}  // namespace

std::vector<Change> diff(const Config& before, const Config& after) {
  Differ differ;
  differ.compare(valuesOf(before), valuesOf(after), {{}, &schema::top(), {}});
  std::vector<Change> changes = std::move(differ).take();
  std::stable_sort(changes.begin(), changes.end(), [](const Change& a, const Change& b) {
    return rankOf(a.what) < rankOf(b.what);
  });
  return changes;
}

std::string format(const Change& change) {
  std::string line = fmt::format("{} {}", signOf(change.kind), change.path);
  if (change.what == What::Key)
    line += fmt::format(": {} -> {}", printable(change.before), printable(change.after));
  return fmt::format("{} ({})", line, change.effect);
}

std::string summaryOf(const std::vector<Change>& changes) {
  if (changes.empty()) return "no changes";
  const auto of = [&](Kind kind) {
    return std::count_if(changes.begin(), changes.end(),
                         [&](const Change& change) { return change.kind == kind; });
  };
  const auto late = std::count_if(changes.begin(), changes.end(),
                                  [](const Change& change) { return change.needsRestart; });
  std::string text = fmt::format("{} change{}: {} added, {} removed, {} changed", changes.size(),
                                 changes.size() == 1 ? "" : "s", of(Kind::Added), of(Kind::Removed),
                                 of(Kind::Changed));
  if (late > 0) text += fmt::format("; {} need{} a restart", late, late == 1 ? "s" : "");
  return text;
}

}  // namespace oxbow::config
