#pragma once

#include <optional>

#include "proxy/config/config.h"
#include "proxy/demo/origin.h"

namespace oxbow::demo {

// Serves `config`, with an embedded origin beside it if one is wanted, until a signal ends it.
// Returns the exit status: 0, or 1 when it could not start. REQUIRES: main thread, once a process.
int runServer(config::Config config, const std::optional<OriginOptions>& origin = std::nullopt);

}  // namespace oxbow::demo
