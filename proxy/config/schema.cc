#include "proxy/config/schema.h"

#include <fmt/format.h>

#include <algorithm>

#include "proxy/config/units.h"

namespace oxbow::config::schema {

namespace {

template <typename T>
bool contains(const std::vector<T>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

std::string limitText(const Key& key, uint64_t value) {
  if (key.type == Type::Size) return sizeText(value);
  if (key.type == Type::Duration) return durationText(std::chrono::milliseconds(value));
  return std::to_string(value);
}

std::string withLimits(std::string_view type, const Key& key) {
  return fmt::format("{}, {} to {}", type, limitText(key, key.min), limitText(key, key.max));
}

}  // namespace

const Key* Block::find(std::string_view key) const {
  for (const Key& candidate : keys)
    if (candidate.name == key) return &candidate;
  return shared != nullptr ? shared->find(key) : nullptr;
}

bool Block::isLater(std::string_view key) const { return contains(later, key); }

std::vector<std::string_view> Block::names() const {
  std::vector<std::string_view> names;
  for (const Key& key : keys) names.push_back(key.name);
  if (shared != nullptr)
    for (const Key& key : shared->keys) names.push_back(key.name);
  return names;
}

const std::vector<const Block*>& blocks() {
  static const std::vector<const Block*> all = {
      &top(),         &admin(),       &resolver(),           &upstream(), &server(),
      &resolve(),     &queue(),       &upstreamTls(),        &listener(), &accessLog(),
      &listenerTls(), &certificate(), &clientCertificates(), &hsts(),     &route(),
      &fixedReturn(), &socket(),      &soKeepalive()};
  return all;
}

std::string typeText(const Key& key) {
  switch (key.type) {
    case Type::Boolean:
      return "boolean";
    case Type::Count:
      return withLimits("count", key);
    case Type::Size:
      return withLimits("size", key);
    case Type::Duration:
      if (key.min == kMinDuration && key.max == kMaxDuration) return "duration";
      return withLimits("duration", key);
    case Type::Choice:
      if (key.choices.size() == 1) return fmt::format("only {}", key.choices[0]);
      return fmt::format("one of {}", fmt::join(key.choices, ", "));
    case Type::String:
      return "string";
    case Type::StringList:
      return "string or list";
    case Type::Fields:
      return "mapping of names to values";
    case Type::Other:
      return std::string(key.typeName);
  }
  return {};
}

std::string_view unitText(const Key& key) {
  switch (key.type) {
    case Type::Duration:
      return "time";
    case Type::Size:
      return "bytes";
    case Type::Count:
      return key.unit;
    default:
      return "-";
  }
}

namespace {

// "an address", but "off or mapping".
std::string withArticle(std::string_view type) {
  if (type.substr(0, 4) == "off " || type.substr(0, 5) == "auto ") return std::string(type);
  return fmt::format("{} {}", type.front() == 'a' ? "an" : "a", type);
}

}  // namespace

std::string expectedText(const Key& key) {
  switch (key.type) {
    case Type::Boolean:
      return "on or off";
    case Type::Count:
      return "a whole number";
    case Type::Size:
      return "a size such as 16k";
    case Type::Duration:
      return "a duration such as 60s";
    case Type::Choice:
      return typeText(key);
    case Type::String:
      return "text";
    case Type::StringList:
      return "text or a list";
    case Type::Fields:
      return "a mapping of names to values";
    case Type::Other:
      return withArticle(key.typeName);
  }
  return {};
}

}  // namespace oxbow::config::schema
