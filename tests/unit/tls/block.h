#pragma once

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "proxy/tls/complaints.h"

namespace oxbow::tls {

constexpr const char* kBlock = "listeners[0].tls";

// What is told while something of a block is read.
struct Told {
  Told() = default;
  Told(const Told&) = delete;
  Told& operator=(const Told&) = delete;

  std::vector<config::Problem> errors;
  std::vector<config::Problem> warnings;
  Complaints complaints{kBlock, {}, errors, warnings};

  bool nothing() const { return errors.empty() && warnings.empty(); }
};

// There is exactly one, with that path below the block and that part in its message.
inline void checkOne(const std::vector<config::Problem>& problems, const std::string& key,
                     std::string_view part) {
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].path == std::string(kBlock) + "." + key);
  CHECK_MESSAGE(problems[0].message.find(part) != std::string::npos, problems[0].message);
}

inline Located<std::string> at(const std::string& text, uint32_t line = 7) {
  return {text, {line, 3}};
}

}  // namespace oxbow::tls
