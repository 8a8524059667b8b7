#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/base/result.h"
#include "proxy/config/problem.h"

// The bytes of a configuration file, before anybody reads YAML into them.

namespace oxbow::config {

constexpr size_t kMaxFileSize = 1 << 20;  // bytes

// The whole of a regular file of at most kMaxFileSize. Blocks on the disk, never on a pipe or a
// device: those are refused. The problem has place 0.
Result<std::string, Problem> readSource(const std::string& path);

// What makes `text` no text: too large, invalid UTF-8, NUL and other control characters. The YAML
// library would take the end of the file to be at U+0004, and drop what it cannot decode.
std::optional<Problem> checkSource(std::string_view text);

}  // namespace oxbow::config
