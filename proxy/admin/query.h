#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oxbow::admin {

// The parameters of a request: "limit=10&kind=client" (WHATWG URL, section 5.1).
class Query {
 public:
  // Of a target such as "/api/connections?limit=10". Nothing: `error` says why.
  static std::optional<Query> parse(std::string_view target,
                                    std::initializer_list<std::string_view> known,
                                    std::string& error);

  // Null: there is none.
  const std::string* find(std::string_view name) const;

 private:
  std::vector<std::pair<std::string, std::string>> parameters_;
};

}  // namespace oxbow::admin
