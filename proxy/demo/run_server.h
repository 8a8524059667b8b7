#pragma once

#include <optional>

#include "proxy/config/config.h"
#include "proxy/demo/origin.h"

namespace oxbow::demo {

struct RunOptions {
  std::optional<OriginOptions> origin;  // an embedded one, beside the proxy
  bool logTlsKeys = false;              // to the file that SSLKEYLOGFILE names
  bool coreDumps = false;               // also where TLS keeps secrets in memory
};

// Serves `config` until a signal ends it. Returns the exit status: 0, or 1 when it could not start.
// REQUIRES: main thread, once a process.
int runServer(config::Config config, const RunOptions& options = {});

}  // namespace oxbow::demo
