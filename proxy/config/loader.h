#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/config/config.h"
#include "proxy/config/problem.h"

namespace oxbow::config {

struct LoadResult {
  std::optional<Config> config;   // present exactly when there are no problems
  std::vector<Problem> problems;  // all that is wrong, by place; of YAML syntax the first only
};

// Reads, parses and checks a file of at most 1 MiB. Blocks on the disk; throws nothing but
// std::bad_alloc. A file that cannot be read is a problem with place 0.
LoadResult loadFile(const std::string& path);

// The same of text that is at hand; `fileName` becomes Config::file.
LoadResult loadText(std::string_view text, const std::string& fileName);

}  // namespace oxbow::config
