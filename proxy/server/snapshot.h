#pragma once

#include <memory>
#include <string>
#include <vector>

#include "proxy/config/config.h"
#include "proxy/log/access_log.h"
#include "proxy/route/route_table.h"
#include "proxy/server/tls_contexts.h"

namespace oxbow::server {

// An access log with a ring for each worker.
struct WorkerLog {
  std::unique_ptr<log::AccessLog> log;
  std::vector<log::AccessLogWriter*> writers;
};

// The logs of one listener; null: off.
struct ListenerLogs {
  std::shared_ptr<WorkerLog> own;
  std::vector<std::shared_ptr<WorkerLog>> routes;  // by route; null too: the listener's
};

// A configuration with what was made of it once. Immutable; shared by all threads. The last who
// refers to it is on the main thread: a log that closes waits for its last lines.
struct Snapshot {
  Snapshot(config::Config loaded, TlsContexts contexts);

  const config::Config config;
  std::vector<std::unique_ptr<route::RouteTable>> routes;  // one per listener
  std::vector<std::string> keys;                           // what each listener is known by
  std::vector<ListenerLogs> logs;                          // by listener
  TlsContexts tls;
};

// Listeners are the same in two configurations when they have the same address; several on port 0
// of one address are told apart by their order.
std::vector<std::string> listenerKeys(const config::Config& config);

}  // namespace oxbow::server
