#pragma once

#include "proxy/demo/origin.h"

namespace oxbow::demo {

// `oxbow origin`: the embedded origin alone, until a signal ends it. Returns the exit status: 0, or
// 1 when it cannot listen. REQUIRES: main thread, once a process.
int originCommand(const OriginOptions& options);

}  // namespace oxbow::demo
