#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// Every key of the configuration, once: the loader takes types, limits and known names from here,
// and docs/configuration.md is held against it. The defaults stand in config.h; a test holds the
// texts here against them. Built on first use, immutable; thread-safe.

namespace oxbow::config::schema {

enum class Type : uint8_t {
  Boolean,
  Count,  // a whole number
  Duration,
  Size,    // bytes
  Choice,  // one of a few words
  String,
  StringList,  // a list of strings, or one string
  Fields,      // a mapping of field names to values
  Other,       // as `typeName` says
};

// The usual limits of durations: 1ms to 30d.
constexpr uint64_t kMinDuration = 1;
constexpr uint64_t kMaxDuration = 30ULL * 24 * 3600 * 1000;

struct Key {
  std::string_view name;
  Type type = Type::Other;
  std::string_view typeName;     // of Type::Other
  std::string_view defaultText;  // as it would be written; "none", or "required"
  std::string_view unit;         // what a count counts
  uint64_t min = 0;              // counts; bytes; milliseconds
  uint64_t max = 0;
  std::vector<std::string_view> choices;  // in the order of the enum in config.h
  std::vector<std::string_view> later;    // choices that this version does not have yet
  std::string_view meaning;
  std::string_view example;  // not the default; in YAML's flow style, so that it fits a line
  std::string_view nginx;    // nginx's directive, or "-"
};

// One kind of mapping.
struct Block {
  std::string_view name;  // "the top level", "upstreams.<name>"; the heading in the documentation
  std::vector<Key> keys;
  const Block* shared = nullptr;        // more keys, which several blocks have
  std::vector<std::string_view> later;  // keys that this version does not have yet

  // nullptr when there is no such key, also not in `shared`.
  const Key* find(std::string_view key) const;
  bool isLater(std::string_view key) const;
  std::vector<std::string_view> names() const;
};

const Block& top();
const Block& admin();
const Block& resolver();
const Block& upstream();
const Block& server();
const Block& resolve();
const Block& queue();
const Block& upstreamTls();
const Block& socket();  // shared by upstream() and listener()
const Block& soKeepalive();
const Block& listener();
const Block& accessLog();
const Block& listenerTls();
const Block& certificate();
const Block& clientCertificates();  // of listenerTls() and of certificate()
const Block& hsts();
const Block& route();
const Block& fixedReturn();

// All of the above, in the order of the documentation.
const std::vector<const Block*>& blocks();

// "count, 1 to 1000", "one of lifo, fifo": the type with its limits, for people.
std::string typeText(const Key& key);
// The column "Unit" of the documentation.
std::string_view unitText(const Key& key);
// "a duration such as 60s": what an error says that it expected.
std::string expectedText(const Key& key);

}  // namespace oxbow::config::schema
