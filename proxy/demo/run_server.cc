#include "proxy/demo/run_server.h"

#include <string>
#include <utility>

#include "proxy/base/version.h"
#include "proxy/config/warnings.h"
#include "proxy/demo/descriptors.h"
#include "proxy/demo/origin_thread.h"
#include "proxy/log/log.h"
#include "proxy/server/log_level.h"
#include "proxy/server/server.h"

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
        "may open {}: raise its limit (ulimit -n, LimitNOFILE=) or lower worker_connections",
        needed, limit);
}

// The server's part, with the log at work.
int serve(config::Config config, const std::optional<OriginOptions>& wanted) {
  logWarnings(config);
  raiseLimits(config);
  std::unique_ptr<OriginThread> origin;
  if (wanted) {
    auto started = OriginThread::start(*wanted);
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
  if (const auto error = server.start()) {
    LOG_ERROR("{}", *error);
    return 1;
  }
  server.run();
  return 0;
}

}  // namespace

int runServer(config::Config config, const std::optional<OriginOptions>& origin) {
  log::init(server::levelOf(*config.logLevel));
  LOG_INFO("oxbow {}", kVersion);
  const int status = serve(std::move(config), origin);
  log::shutdown();
  return status;
}

}  // namespace oxbow::demo
