#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/base/assert.h"
#include "proxy/config/loader.h"
#include "proxy/config/warnings.h"

// The configuration's loader: any bytes give either a configuration or problems in their order,
// each fit for one line.

namespace {

void checkLine(const oxbow::config::Problem& problem) {
  ASSERT(!problem.message.empty());
  ASSERT(oxbow::config::format(problem, "f").find_first_of("\r\n") == std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const oxbow::config::LoadResult result = oxbow::config::loadText(text, "f");
  ASSERT(result.config.has_value() == result.problems.empty());
  uint32_t line = 0;
  for (const oxbow::config::Problem& problem : result.problems) {
    checkLine(problem);
    ASSERT(problem.place.line >= line);
    line = problem.place.line;
  }
  if (result.config)
    for (const oxbow::config::Problem& problem : oxbow::config::warnings(*result.config))
      checkLine(problem);
  return 0;
}
