#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/config/problem.h"

// YAML as a tree that keeps places. The subset that a configuration needs: one document of
// mappings, lists and scalars. Anchors, aliases, tags and merge keys are refused: they make files
// that expand without bound, and settings that stand elsewhere than where one looks.

namespace oxbow::config {

constexpr size_t kMaxDepth = 32;
constexpr size_t kMaxNodes = 100'000;

struct Node {
  enum class Kind : uint8_t { Null, Scalar, List, Mapping };
  Kind kind = Kind::Null;
  bool isQuoted = false;  // of scalars: not plain
  Place place;            // of a null: its key's
  std::string text;       // of scalars
  std::string key;        // in a mapping
  Place keyPlace;
  std::vector<Node> children;  // of lists and mappings, in the order of the file

  bool isNull() const { return kind == Kind::Null; }
  bool isScalar() const { return kind == Kind::Scalar; }
  bool isList() const { return kind == Kind::List; }
  bool isMapping() const { return kind == Kind::Mapping; }
  // The first of that name; REQUIRES: a mapping.
  const Node* find(std::string_view name) const;
};

// "a mapping", "a list", "text", "nothing".
std::string_view kindName(Node::Kind kind);

struct Tree {
  std::optional<Node> root;       // absent when the syntax is wrong, or nothing stands in the file
  std::vector<Problem> problems;  // one about the syntax, or any number of duplicate keys
};

// REQUIRES: checkSource(text) found nothing.
Tree parseYaml(std::string_view text);

}  // namespace oxbow::config
