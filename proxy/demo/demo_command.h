#pragma once

#include <cstdint>

namespace oxbow::demo {

struct DemoOptions {
  uint32_t seconds = 3;  // of load, for each of the two runs
  uint32_t clients = 64;
};

// `oxbow demo`: the same load through a proxy without a pool and through one with, and what came of
// it, on standard output. Returns the exit status: 0, or 1 when something could not be started or
// answered nothing.
int demoCommand(const DemoOptions& options);

}  // namespace oxbow::demo
