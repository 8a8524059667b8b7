#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "proxy/config/config.h"
#include "proxy/config/schema.h"

// What holds for every key of a configuration, defaults included, as a tree. Each value has one
// text, however it was written: "60s" and "1m" are both "1m".

namespace oxbow::config {

// A key, or an item of a list. A leaf has a text; a mapping or a list has `inner`.
struct Value {
  enum class What : uint8_t { Listener, Upstream, Server, Route, Key };

  What what = What::Key;
  // Of a key as in the schema. Of an item what tells it from the others of its list: an upstream's
  // name, a server's or listener's address, a route's hosts and location.
  std::string name;
  std::string text;                      // of a leaf; "none": nothing is set
  Place place;                           // line 0: it is not written, it is a default
  const schema::Block* block = nullptr;  // of a mapping with a schema: `inner` has all its keys
  std::vector<Value> inner;
  // Of a certificate, named by its file: it stands in a list whose order counts, and what becomes
  // of it is a change of the list's key.
  bool isEntry = false;
  std::vector<std::string> words{};  // of a leaf that is a list of them

  bool isLeaf() const { return inner.empty(); }
  // Is it one of a list, and not a key?
  bool isItem() const { return what != What::Key; }
  // Is it a list with something in it?
  bool isList() const { return !isLeaf() && (inner.front().isItem() || inner.front().isEntry); }
};

// The top level, with everything that stands in it; nameless. The keys of a mapping are in the
// order of the schema, items in that of the file.
Value valuesOf(const Config& config);

// The text of a leaf, "{ size: 1024, timeout: 5s }" of a mapping, and of a list its items' names.
// Free text (bodies, values of fields) is in quotes; nothing is escaped or cut.
std::string textOf(const Value& value);

}  // namespace oxbow::config
