#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "proxy/base/clock.h"
#include "proxy/config/located.h"
#include "proxy/config/problem.h"
#include "proxy/config/schema.h"
#include "proxy/config/yaml_tree.h"

namespace oxbow::config {

// Reads one mapping of the file against its block of the schema. Whatever is wrong becomes a
// problem, and reading goes on. Every key of the block must be asked for once, then comes finish().
class BlockReader {
 public:
  // Node, block and problems outlive the reader. REQUIRES: `node` is a mapping.
  BlockReader(const Node& node, const schema::Block& block, std::string path,
              std::vector<Problem>& problems);

  // Puts the value of `name`, if it stands there and is right, into `out`; else leaves `out` alone.
  void read(std::string_view name, Located<bool>& out);
  void read(std::string_view name, Located<uint16_t>& out) { readNumber(name, out); }
  void read(std::string_view name, Located<uint32_t>& out) { readNumber(name, out); }
  void read(std::string_view name, Located<uint64_t>& out) { readNumber(name, out); }
  void read(std::string_view name, Located<Duration>& out);
  void read(std::string_view name, Located<std::string>& out);
  void read(std::string_view name, std::vector<Located<std::string>>& out);  // Type::StringList
  template <typename T>
  void read(std::string_view name, std::optional<Located<T>>& out) {
    Located<T> value;
    read(name, value);
    if (!value.isDefault()) out = std::move(value);
  }
  // The enumerators stand in the order of the schema's choices.
  template <typename E, typename = std::enable_if_t<std::is_enum_v<E>>>
  void read(std::string_view name, Located<E>& out) {
    if (const auto choice = readChoice(name)) out = {static_cast<E>(choice->value), choice->place};
  }

  // The value itself, for what the above cannot read; nullptr when it is absent or null.
  const Node* take(std::string_view name);
  // The same, but nullptr with a problem when it is of another kind.
  const Node* takeMapping(std::string_view name);
  const Node* takeList(std::string_view name);

  // Does the key stand there, right or wrong?
  bool has(std::string_view name) const { return node_.find(name) != nullptr; }
  bool isMapping(std::string_view name) const;
  // Absent, or right: nothing more needs to be said about it.
  bool isGood(std::string_view name) const;
  // A problem unless the key stands there.
  void require(std::string_view name);
  // A problem with the value of `name`, at its place.
  void fail(std::string_view name, std::string message, std::string suggestion = {});
  // A problem with the block as a whole.
  void failBlock(std::string message);
  // Problems for the keys that the block does not have.
  void finish();

  std::string pathOf(std::string_view name) const { return join(path_, name); }
  const std::string& path() const { return path_; }
  Place place() const { return node_.place; }
  std::vector<Problem>& problems() { return problems_; }

 private:
  template <typename T>
  void readNumber(std::string_view name, Located<T>& out) {
    if (const auto number = readUnsigned(name))
      out = {static_cast<T>(number->value), number->place};
  }
  const schema::Key& keyOf(std::string_view name) const;
  const Node* takeScalar(std::string_view name);
  std::optional<Located<uint64_t>> readUnsigned(std::string_view name);
  std::optional<Located<size_t>> readChoice(std::string_view name);
  bool isWithin(const schema::Key& key, uint64_t value);
  void wrongKind(std::string_view name, const Node& value, const std::string& expected);
  void unknown(const Node& entry);

  const Node& node_;
  const schema::Block& block_;
  const std::string path_;
  std::vector<Problem>& problems_;
  std::vector<std::string_view> asked_;
  std::vector<std::string_view> failed_;
};

// The paths of a StringList's items: "server_name", or "server_name[1]" in a list. Skips what
// BlockReader::read() has reported and left out.
class ItemPaths {
 public:
  // `value` outlives this; null when the key does not stand there.
  ItemPaths(const Node* value, std::string path) : value_(value), path_(std::move(path)) {}

  // REQUIRES: one more item was read.
  std::string next();

 private:
  const Node* value_;
  const std::string path_;
  size_t index_ = 0;
};

}  // namespace oxbow::config
