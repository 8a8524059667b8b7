#include "proxy/config/block_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "proxy/base/assert.h"
#include "proxy/config/suggest.h"
#include "proxy/config/units.h"

namespace oxbow::config {

namespace {

using schema::Key;
using schema::Type;

bool contains(const std::vector<std::string_view>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

// Is `word` one of the nginx directives in "so_keepalive, proxy_socket_keepalive"?
bool namesDirective(std::string_view directives, std::string_view word) {
  while (!directives.empty() && directives != "-") {
    const size_t comma = directives.find(", ");
    if (directives.substr(0, comma) == word) return true;
    directives.remove_prefix(comma == std::string_view::npos ? directives.size() : comma + 2);
  }
  return false;
}

const Key* byDirective(const schema::Block& block, std::string_view word) {
  for (const Key& key : block.keys)
    if (namesDirective(key.nginx, word)) return &key;
  return block.shared != nullptr ? byDirective(*block.shared, word) : nullptr;
}

// The blocks that have the key: "admin, listeners[]".
std::string homesOf(std::string_view word) {
  std::vector<std::string_view> names;
  for (const schema::Block* block : schema::blocks())
    if (block->find(word) != nullptr && block != &schema::socket()) names.push_back(block->name);
  return fmt::format("{}", fmt::join(names, ", "));
}

// Where a directive of nginx went: "listeners[].tls.certificates".
std::string placeOf(std::string_view directive) {
  for (const schema::Block* block : schema::blocks())
    for (const Key& key : block->keys)
      if (namesDirective(key.nginx, directive))
        return block == &schema::top() ? std::string(key.name) : join(block->name, key.name);
  return {};
}

bool isLaterAnywhere(std::string_view word) {
  const auto& all = schema::blocks();
  return std::any_of(all.begin(), all.end(),
                     [word](const schema::Block* block) { return block->isLater(word); });
}

std::string rangeText(const Key& key) {
  const auto text = [&](uint64_t value) {
    if (key.type == Type::Duration) return durationText(std::chrono::milliseconds(value));
    return key.type == Type::Size ? sizeText(value) : std::to_string(value);
  };
  return fmt::format("must be between {} and {}", text(key.min), text(key.max));
}

}  // namespace

BlockReader::BlockReader(const Node& node, const schema::Block& block, std::string path,
                         std::vector<Problem>& problems)
    : node_(node), block_(block), path_(std::move(path)), problems_(problems) {
  ASSERT(node.isMapping());
}

const Key& BlockReader::keyOf(std::string_view name) const {
  const Key* key = block_.find(name);
  ASSERT(key != nullptr);
  return *key;
}

void BlockReader::fail(std::string_view name, std::string message, std::string suggestion) {
  const Node* value = node_.find(name);
  ASSERT(value != nullptr);
  failed_.push_back(keyOf(name).name);
  problems_.push_back({value->place, pathOf(name), std::move(message), std::move(suggestion)});
}

void BlockReader::failBlock(std::string message) {
  problems_.push_back({node_.place, path_, std::move(message), {}});
}

bool BlockReader::isGood(std::string_view name) const { return !contains(failed_, name); }

bool BlockReader::isMapping(std::string_view name) const {
  const Node* value = node_.find(name);
  return value != nullptr && value->isMapping();
}

void BlockReader::require(std::string_view name) {
  if (!has(name)) problems_.push_back({node_.place, pathOf(name), "is missing", {}});
}

void BlockReader::wrongKind(std::string_view name, const Node& value, const std::string& expected) {
  const std::string got = value.isScalar() ? quoted(value.text) : std::string(kindName(value.kind));
  fail(name, fmt::format("expected {}, got {}", expected, got));
}

const Node* BlockReader::take(std::string_view name) {
  const Key& key = keyOf(name);
  asked_.push_back(key.name);
  const Node* value = node_.find(name);
  if (value == nullptr) return nullptr;
  if (!value->isNull()) return value;
  fail(name, fmt::format("has no value; expected {}", schema::expectedText(key)));
  return nullptr;
}

const Node* BlockReader::takeScalar(std::string_view name) {
  const Node* value = take(name);
  if (value == nullptr || value->isScalar()) return value;
  wrongKind(name, *value, schema::expectedText(keyOf(name)));
  return nullptr;
}

const Node* BlockReader::takeMapping(std::string_view name) {
  const Node* value = take(name);
  if (value == nullptr || value->isMapping()) return value;
  wrongKind(name, *value, "a mapping");
  return nullptr;
}

const Node* BlockReader::takeList(std::string_view name) {
  const Node* value = take(name);
  if (value == nullptr || value->isList()) return value;
  wrongKind(name, *value, "a list");
  return nullptr;
}

bool BlockReader::isWithin(const Key& key, uint64_t value) {
  if (value >= key.min && value <= key.max) return true;
  fail(key.name, rangeText(key));
  return false;
}

void BlockReader::read(std::string_view name, Located<bool>& out) {
  const Node* value = takeScalar(name);
  if (value == nullptr) return;
  const auto parsed = parseBoolean(value->text);
  if (!parsed) return fail(name, parsed.error().message, parsed.error().suggestion);
  out = {parsed.value(), value->place};
}

std::optional<Located<uint64_t>> BlockReader::readUnsigned(std::string_view name) {
  const Key& key = keyOf(name);
  const Node* value = takeScalar(name);
  if (value == nullptr) return std::nullopt;
  const auto parsed = key.type == Type::Size ? parseSize(value->text) : parseCount(value->text);
  if (!parsed) {
    fail(name, parsed.error().message, parsed.error().suggestion);
    return std::nullopt;
  }
  if (!isWithin(key, parsed.value())) return std::nullopt;
  return Located<uint64_t>(parsed.value(), value->place);
}

void BlockReader::read(std::string_view name, Located<Duration>& out) {
  const Node* value = takeScalar(name);
  if (value == nullptr) return;
  const auto parsed = parseDuration(value->text);
  if (!parsed) return fail(name, parsed.error().message, parsed.error().suggestion);
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(parsed.value());
  if (isWithin(keyOf(name), static_cast<uint64_t>(ms.count())))
    out = {parsed.value(), value->place};
}

void BlockReader::read(std::string_view name, Located<std::string>& out) {
  if (const Node* value = takeScalar(name)) out = {value->text, value->place};
}

void BlockReader::read(std::string_view name, std::vector<Located<std::string>>& out) {
  const Node* value = take(name);
  if (value == nullptr) return;
  if (value->isScalar()) return out.push_back({value->text, value->place});
  if (!value->isList()) return wrongKind(name, *value, schema::expectedText(keyOf(name)));
  for (size_t i = 0; i < value->children.size(); ++i) {
    const Node& item = value->children[i];
    if (item.isScalar()) {
      out.push_back({item.text, item.place});
      continue;
    }
    failed_.push_back(keyOf(name).name);
    problems_.push_back({item.place,
                         join(pathOf(name), i),
                         fmt::format("expected text, got {}", kindName(item.kind)),
                         {}});
  }
}

std::optional<Located<size_t>> BlockReader::readChoice(std::string_view name) {
  const Key& key = keyOf(name);
  const Node* value = takeScalar(name);
  if (value == nullptr) return std::nullopt;
  const auto found = std::find(key.choices.begin(), key.choices.end(), value->text);
  if (found != key.choices.end())
    return Located<size_t>(static_cast<size_t>(found - key.choices.begin()), value->place);
  if (contains(key.later, value->text))
    fail(name, fmt::format("{} is not supported in this version", quoted(value->text)));
  else
    fail(name, fmt::format("{} is not {}", quoted(value->text), schema::expectedText(key)),
         suggest(value->text, key.choices));
  return std::nullopt;
}

void BlockReader::unknown(const Node& entry) {
  const auto add = [&](std::string message, std::string suggestion) {
    problems_.push_back(
        {entry.keyPlace, pathOf(entry.key), std::move(message), std::move(suggestion)});
  };
  if (block_.isLater(entry.key)) return add("is not supported in this version", {});
  // nginx's name of the same thing is the best guess: proxy_read_timeout is read_timeout.
  if (const Key* key = byDirective(block_, entry.key))
    return add("unknown key", std::string(key->name));
  // One letter more or less is nearer than another block: certificate, server.
  const std::string nearest = suggest(entry.key, block_.names());
  if (!nearest.empty() && editDistance(entry.key, nearest) <= 1) return add("unknown key", nearest);
  // Wrong indentation puts a key into the wrong block.
  if (const std::string homes = homesOf(entry.key); !homes.empty())
    return add(fmt::format("unknown key here; it belongs to {}", homes), {});
  if (isLaterAnywhere(entry.key)) return add("is not supported in this version", {});
  if (const std::string place = placeOf(entry.key); !place.empty())
    return add(fmt::format("unknown key; oxbow calls it {}", place), {});
  add("unknown key", nearest);
}

void BlockReader::finish() {
  for (const std::string_view name : block_.names()) ASSERT(contains(asked_, name));
  for (const Node& entry : node_.children)
    if (block_.find(entry.key) == nullptr) unknown(entry);
}

std::string ItemPaths::next() {
  if (!value_->isList()) return path_;
  while (!value_->children[index_].isScalar()) ++index_;
  return join(path_, index_++);
}

}  // namespace oxbow::config
