#pragma once

#include <string>

#include "proxy/demo/run_server.h"

namespace oxbow::demo {

// `oxbow run`: serves what a file says until a signal ends it. Returns the exit status: 0, or 1
// when the file is wrong or something in it cannot be had.
int runCommand(const std::string& file, const RunOptions& options);

}  // namespace oxbow::demo
