#include "proxy/demo/run_server.h"

#include <sys/prctl.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <sstream>
#include <string>
#include <utility>

#include "proxy/base/version.h"
#include "proxy/config/warnings.h"
#include "proxy/demo/descriptors.h"
#include "proxy/demo/origin_thread.h"
#include "proxy/log/log.h"
#include "proxy/server/descriptors.h"
#include "proxy/server/log_level.h"
#include "proxy/server/server.h"
#include "proxy/tls/key_log.h"

namespace oxbow::demo {

namespace {

void logWarnings(const config::Config& config) {
  for (const config::Problem& warning : config::warnings(config))
    LOG_WARN("{}", config::format(warning, config.file));
}

void raiseLimits(const config::Config& config) {
  const uint64_t limit = raiseDescriptorLimit();
  const uint64_t needed = descriptorsNeeded(config);
  if (needed > limit)
    LOG_WARN(
        "worker_connections and the upstreams' connections take up to {} descriptors, this process "
        "may open {}: at most {} clients are served at once; raise its limit (ulimit -n, "
        "LimitNOFILE=) or lower worker_connections",
        needed, limit, server::clientsWithin(config, limit));
}

bool speaksTls(const config::Config& config) {
  return std::any_of(config.listeners.begin(), config.listeners.end(),
                     [](const auto& listener) { return listener.tls.enabled(); }) ||
         std::any_of(config.upstreams.begin(), config.upstreams.end(),
                     [](const auto& upstream) { return *upstream.tls.enabled; });
}

// A core would hold private keys, the keys of sessions and what they protect. This also keeps other
// processes of the same user from attaching to this one.
void keepSecrets(const config::Config& config, const RunOptions& options) {
  if (options.coreDumps || !speaksTls(config)) return;
  if (prctl(PR_SET_DUMPABLE, 0) != 0) LOG_WARN("cores cannot be turned off");
}

std::optional<std::string> logTlsKeys() {
  const char* file = std::getenv("SSLKEYLOGFILE");
  if (file == nullptr || *file == '\0') return "--tls-keylog: SSLKEYLOGFILE names no file";
  auto error = tls::logKeysTo(file);
  if (!error) LOG_WARN("the secrets of TLS connections are written to {}", file);
  return error;
}

// The server's part, with the log at work.
int serve(config::Config config, const RunOptions& options) {
  logWarnings(config);
  raiseLimits(config);
  keepSecrets(config, options);
  if (options.logTlsKeys) {
    if (const auto error = logTlsKeys()) {
      LOG_ERROR("{}", *error);
      return 1;
    }
  }
  std::unique_ptr<OriginThread> origin;
  if (options.origin) {
    auto started = OriginThread::start(*options.origin);
    if (!started.ok()) {
      LOG_ERROR("embedded origin: {}", started.error());
      return 1;
    }
    origin = std::move(started.value());
    LOG_INFO("embedded origin on {}", origin->address().text());
  }
  server::Server server(std::move(config));
  // First: whoever sees the sockets may signal.
  server.handleSignals();
  server.serviceManager().connect(server::ServiceManager::environment());
  if (const auto error = server.start()) {
    std::istringstream lines(*error);
    for (std::string line; std::getline(lines, line);) LOG_ERROR("{}", line);
    return 1;
  }
  server.run();
  return 0;
}

}  // namespace

int runServer(config::Config config, const RunOptions& options) {
  log::init(server::levelOf(*config.logLevel));
  LOG_INFO("oxbow {}", kVersion);
  const int status = serve(std::move(config), options);
  log::shutdown();
  return status;
}

}  // namespace oxbow::demo
