#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "proxy/config/schema.h"

// What a change of each key does to connections and requests while oxbow runs, in words.
// docs/reload.md has the same table, and a test holds one against the other. Built on first use,
// immutable; thread-safe.

namespace oxbow::config {

// In which way something changed. What stands in a list, and what can be "none", is added and
// removed; a count is lowered or raised.
enum class When : uint8_t { Changed, Added, Removed, Lowered, Raised };

struct Effect {
  const schema::Block* block = nullptr;
  std::vector<std::string_view> keys;  // of the block, all alike
  When when = When::Changed;           // Changed also stands for what has no row of its own
  std::string_view text;               // a clause, without a full stop
  bool needsRestart = false;           // a reload leaves this key as it was
};

const std::vector<Effect>& effects();

// nullptr when nothing is said of that. `key` may be one that `block` shares.
const Effect* findEffect(const schema::Block& block, std::string_view key, When when);

}  // namespace oxbow::config
