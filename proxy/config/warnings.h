#pragma once

#include <vector>

#include "proxy/config/config.h"
#include "proxy/config/problem.h"

namespace oxbow::config {

// What works, but not as whoever wrote it seems to think; by place. Only values that stand in the
// file are warned about, never defaults.
std::vector<Problem> warnings(const Config& config);

}  // namespace oxbow::config
