#include "proxy/admin/query.h"

#include <fmt/format.h>

#include <algorithm>

#include "proxy/base/bytes.h"
#include "proxy/config/problem.h"

namespace oxbow::admin {

namespace {

constexpr size_t kMostShown = 100;

std::optional<std::string> decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    const auto byte = text.size() - i > 2 ? parseHex(text.substr(i + 1, 2)) : std::nullopt;
    if (!byte) return std::nullopt;
    out += static_cast<char>(*byte);
    i += 2;
  }
  return out;
}

}  // namespace

std::optional<Query> Query::parse(std::string_view target,
                                  std::initializer_list<std::string_view> known,
                                  std::string& error) {
  Query query;
  const size_t begin = target.find('?');
  std::string_view rest = begin == std::string_view::npos ? "" : target.substr(begin + 1);
  while (!rest.empty()) {
    const std::string_view one = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    if (one.empty()) continue;
    const size_t equals = std::min(one.find('='), one.size());
    const auto name = decoded(one.substr(0, equals));
    const auto value = decoded(one.substr(std::min(equals + 1, one.size())));
    const bool isKnown = name && std::find(known.begin(), known.end(), *name) != known.end();
    if (!name || !value)
      error = "a percent sign in the query stands before no two hexadecimal digits";
    else if (!isKnown)
      error = known.size() == 0
                  ? "there are no parameters"
                  : fmt::format("no parameter {}; there are {}",
                                config::printable(*name, kMostShown), fmt::join(known, ", "));
    else if (query.find(*name) != nullptr)
      error = fmt::format("the parameter {} stands there twice", *name);
    if (!error.empty()) return std::nullopt;
    query.parameters_.emplace_back(*name, *value);
  }
  return query;
}

const std::string* Query::find(std::string_view name) const {
  for (const auto& [known, value] : parameters_)
    if (known == name) return &value;
  return nullptr;
}

}  // namespace oxbow::admin
