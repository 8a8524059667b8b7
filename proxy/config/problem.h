#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/config/located.h"

namespace oxbow::config {

// Something wrong (or unwise) in a configuration file.
struct Problem {
  Place place;       // of the value or key concerned; line 0: the file as a whole
  std::string path;  // "listeners[0].routes[1].proxy_pass"; empty: the file or its syntax
  std::string message;
  std::string suggestion;  // what was probably meant, ready to paste; may be empty
  bool operator==(const Problem&) const = default;
};

// conf/oxbow.yaml:12:5: upstreams.api.keepalve: unknown key; did you mean "keepalive"?
std::string format(const Problem& problem, std::string_view file);

// A stable sort by place: problems at one place stay in the order in which they were found.
void sortByPlace(std::vector<Problem>& problems);

// What stood in the file, safe to print on one line: control characters are escaped and long text
// is cut.
constexpr size_t kMaxPrinted = 80;
std::string printable(std::string_view text, size_t most = kMaxPrinted);
std::string quoted(std::string_view text);

// "upstreams" + "api" is "upstreams.api"; a key at the top stands alone.
std::string join(std::string_view path, std::string_view key);
std::string join(std::string_view path, size_t index);

}  // namespace oxbow::config
