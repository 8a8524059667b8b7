#include "proxy/config/yaml_tree.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <exception>
#include <sstream>
#include <unordered_map>
#include <utility>

#include "proxy/base/assert.h"

namespace oxbow::config {

namespace {

// Leaves the library's parser; nothing but parseYaml() sees it.
struct Stop : std::exception {
  explicit Stop(Problem p) : problem(std::move(p)) {}
  Problem problem;
};

Place placeOf(const YAML::Mark& mark) {
  return {static_cast<uint32_t>(mark.line + 1), static_cast<uint32_t>(mark.column + 1)};
}

// "[::1]" at the start of `text`, else empty. Two colons are in every IPv6 address.
std::string_view bracketedAddress(std::string_view text) {
  const size_t end = text.find_first_not_of("0123456789abcdefABCDEF:.", 1);
  if (end == std::string_view::npos || text[end] != ']') return {};
  const std::string_view address = text.substr(0, end + 1);
  return std::count(address.begin(), address.end(), ':') >= 2 ? address : std::string_view();
}

// From a '[' on, up to where the value that was meant ends.
std::string_view meantAddress(std::string_view text) {
  return text.substr(0, text.find_first_of(" ,\t\r\n}#", bracketedAddress(text).size()));
}

// Is the quoted text that begins `text` closed on its own line? The library takes the end of the
// file for a closing quote, and the next opening quote for the missing closing one.
bool isClosedOnItsLine(std::string_view text) {
  const char quote = text[0];
  for (size_t i = 1; i < text.size() && text[i] != '\n'; ++i) {
    if (quote == '"' && text[i] == '\\') {
      if (++i < text.size() && text[i] == '\n') return false;
    } else if (text[i] == quote) {
      const bool doubled = quote == '\'' && i + 1 < text.size() && text[i + 1] == quote;
      if (!doubled) return true;
      ++i;
    }
  }
  return false;
}

class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(std::string_view source) : source_(source) {}

  std::optional<Node> takeRoot() { return std::move(root_); }
  // Where the parser is, in the words of the configuration.
  std::string path() const;

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (root_ || !open_.empty())
      stop(mark, "text after the end of the document; a file holds one YAML document");
  }
  void OnDocumentEnd() override {}

  void OnAnchor(const YAML::Mark& mark, const std::string& name) override {
    stop(mark, fmt::format("anchors ({}) and aliases are not allowed", quoted("&" + name)));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    stop(mark, "aliases are not allowed");
  }

  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override {
    if (expectsKey()) stop(mark, "a key is missing");
    Node node;
    node.place = inMapping() ? keyPlace_ : placeOf(mark);
    add(std::move(node));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                const std::string& value) override {
    checkTag(mark, tag);
    checkQuotes(mark);
    if (expectsKey()) return startEntry(mark, value);
    Node node;
    node.kind = Node::Kind::Scalar;
    node.place = placeOf(mark);
    node.isQuoted = tag == "!";
    node.text = value;
    add(std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    checkAddress(mark);
    open(mark, tag, Node::Kind::List);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, Node::Kind::Mapping);
  }
  void OnMapEnd() override { close(); }

 private:
  // A list or mapping that has begun and not ended.
  struct Open {
    Node node;
    bool hasKey = false;  // of mappings: the next node is the value of node.children.back()
  };

  [[noreturn]] void stop(const YAML::Mark& mark, std::string message,
                         std::string suggestion = {}) const {
    throw Stop(Problem{placeOf(mark), path(), std::move(message), std::move(suggestion)});
  }

  bool inMapping() const { return !open_.empty() && open_.back().node.isMapping(); }
  bool expectsKey() const { return inMapping() && !open_.back().hasKey; }
  std::string_view sourceAt(const YAML::Mark& mark) const {
    const auto start = static_cast<size_t>(std::max(mark.pos, 0));
    return start < source_.size() ? source_.substr(start) : std::string_view();
  }

  void checkTag(const YAML::Mark& mark, const std::string& tag) const {
    // "?": none, plain; "!": none, quoted.
    if (!tag.empty() && tag != "?" && tag != "!")
      stop(mark, fmt::format("tags ({}) are not allowed", quoted(tag)));
  }

  void checkQuotes(const YAML::Mark& mark) const {
    const std::string_view here = sourceAt(mark);
    if (here.empty() || (here[0] != '"' && here[0] != '\'')) return;
    if (!isClosedOnItsLine(here)) stop(mark, "the quote that opens here is not closed on its line");
  }

  void checkAddress(const YAML::Mark& mark) const {
    const std::string_view here = sourceAt(mark);
    if (here.empty() || here[0] != '[' || bracketedAddress(here).empty()) return;
    const std::string meant = quoted(meantAddress(here));
    stop(mark,
         fmt::format("an IPv6 address must be quoted, as {}; without quotes YAML reads a list",
                     meant));
  }

  void countNode(const YAML::Mark& mark) {
    if (++nodes_ > kMaxNodes) stop(mark, fmt::format("more than {} values in a file", kMaxNodes));
  }

  void startEntry(const YAML::Mark& mark, const std::string& key);
  void open(const YAML::Mark& mark, const std::string& tag, Node::Kind kind);
  void close();
  void add(Node node);

  std::string_view source_;
  std::vector<Open> open_;  // from the root inwards
  Place keyPlace_;
  std::optional<Node> root_;
  size_t nodes_ = 0;
};

std::string TreeBuilder::path() const {
  std::string path;
  for (const Open& level : open_) {
    if (level.node.isList())
      path = join(path, level.node.children.size());
    else if (level.hasKey)
      path = join(path, level.node.children.back().key);
  }
  return path;
}

void TreeBuilder::startEntry(const YAML::Mark& mark, const std::string& key) {
  countNode(mark);
  if (key == "<<") stop(mark, "merge keys (<<) are not allowed");
  Node entry;
  entry.key = key;
  entry.keyPlace = keyPlace_ = placeOf(mark);
  open_.back().node.children.push_back(std::move(entry));
  open_.back().hasKey = true;
}

void TreeBuilder::open(const YAML::Mark& mark, const std::string& tag, Node::Kind kind) {
  checkTag(mark, tag);
  countNode(mark);
  const std::string_view here = sourceAt(mark);
  // The library reads brackets that are not closed as keys.
  const size_t brackets = std::min(here.find_first_not_of("[{ "), here.size());
  if (open_.size() >= kMaxDepth || (expectsKey() && brackets >= kMaxDepth))
    stop(mark, fmt::format("nested deeper than {}", kMaxDepth));
  if (expectsKey()) stop(mark, "a list or mapping cannot be a key; is a bracket not closed?");
  Open level;
  level.node.kind = kind;
  level.node.place = placeOf(mark);
  open_.push_back(std::move(level));
}

void TreeBuilder::close() {
  ASSERT(!open_.empty());
  Node node = std::move(open_.back().node);
  open_.pop_back();
  add(std::move(node));
}

void TreeBuilder::add(Node node) {
  if (open_.empty()) {
    root_ = std::move(node);
    return;
  }
  Open& parent = open_.back();
  if (node.isNull() || node.isScalar()) ++nodes_;
  if (nodes_ > kMaxNodes)
    throw Stop(
        Problem{node.place, path(), fmt::format("more than {} values in a file", kMaxNodes), {}});
  if (parent.node.isList()) {
    parent.node.children.push_back(std::move(node));
    return;
  }
  ASSERT(parent.hasKey);
  Node& entry = parent.node.children.back();
  node.key = std::move(entry.key);
  node.keyPlace = entry.keyPlace;
  entry = std::move(node);
  parent.hasKey = false;
}

std::string_view messageOf(const YAML::Exception& error) {
  if (error.msg == YAML::ErrorMsg::BAD_FILE) return "nested too deeply";
  if (error.msg == YAML::ErrorMsg::UNKNOWN_ANCHOR)
    return "aliases are not allowed; a value that begins with * must be quoted, as \"*:8080\"";
  return error.msg;
}

// The line with that number, counted from 0.
std::string_view lineOf(std::string_view text, size_t number) {
  for (; number > 0 && !text.empty(); --number)
    text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  return text.substr(0, text.find('\n'));
}

// The library's complaints about tabs depend on what stands around them.
std::optional<Problem> tabProblem(std::string_view text, const YAML::Exception& error,
                                  const std::string& path) {
  const std::string_view line = lineOf(text, static_cast<size_t>(std::max(error.mark.line, 0)));
  const size_t tab = line.substr(0, line.find_first_not_of(" \t-")).find('\t');
  if (tab == std::string_view::npos) return std::nullopt;
  Place place = placeOf(error.mark);
  place.column = static_cast<uint32_t>(tab + 1);
  return Problem{place, path, "a tab cannot indent YAML; use spaces", {}};
}

// The library skips directives that it does not know, even behind the document.
std::optional<Problem> directiveProblem(std::string_view text) {
  Place place{1, 1};
  for (size_t at = 0; at < text.size(); ++place.line) {
    if (text[at] == '%') return Problem{place, {}, "directives (%) are not allowed", {}};
    at = std::min(text.find('\n', at), text.size() - 1) + 1;
  }
  return std::nullopt;
}

// REQUIRES: no deeper than kMaxDepth, which the builder saw to.
void findDuplicates(const Node& node, const std::string& path, std::vector<Problem>& problems) {
  std::unordered_map<std::string_view, Place> seen;
  for (size_t i = 0; i < node.children.size(); ++i) {
    const Node& child = node.children[i];
    const std::string childPath = node.isMapping() ? join(path, child.key) : join(path, i);
    if (node.isMapping()) {
      const auto [first, isNew] = seen.emplace(child.key, child.keyPlace);
      if (!isNew)
        problems.push_back(
            {child.keyPlace,
             childPath,
             fmt::format("duplicate key; the first is in line {}", first->second.line),
             {}});
    }
    findDuplicates(child, childPath, problems);
  }
}

Tree failed(Problem problem) {
  Tree tree;
  tree.problems.push_back(std::move(problem));
  return tree;
}

}  // namespace

const Node* Node::find(std::string_view name) const {
  ASSERT(isMapping());
  for (const Node& child : children)
    if (child.key == name) return &child;
  return nullptr;
}

std::string_view kindName(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::Null:
      return "nothing";
    case Node::Kind::Scalar:
      return "text";
    case Node::Kind::List:
      return "a list";
    case Node::Kind::Mapping:
      return "a mapping";
  }
  return "nothing";
}

Tree parseYaml(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.substr(0, kByteOrderMark.size()) == kByteOrderMark)
    text.remove_prefix(kByteOrderMark.size());  // so that positions are offsets into `text`
  if (auto problem = directiveProblem(text)) return failed(*std::move(problem));
  std::istringstream stream{std::string(text)};
  TreeBuilder builder(text);
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Stop& stop) {
    return failed(stop.problem);
  } catch (const YAML::Exception& error) {
    if (auto problem = tabProblem(text, error, builder.path())) return failed(*std::move(problem));
    return failed({placeOf(error.mark),
                   builder.path(),
                   fmt::format("YAML syntax: {}", messageOf(error)),
                   {}});
  }
  Tree tree;
  tree.root = builder.takeRoot();
  if (tree.root) findDuplicates(*tree.root, {}, tree.problems);
  return tree;
}

}  // namespace oxbow::config
