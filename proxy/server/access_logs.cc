#include "proxy/server/access_logs.h"

#include <fmt/format.h>

#include <utility>

#include "proxy/base/assert.h"
#include "proxy/config/log_target.h"
#include "proxy/server/server.h"

namespace oxbow::server {

namespace {

log::AccessFormat formatOf(config::LogFormat format) {
  switch (format) {
    case config::LogFormat::Json:
      return log::AccessFormat::Json;
    case config::LogFormat::Text:
      return log::AccessFormat::Text;
    case config::LogFormat::Combined:
      return log::AccessFormat::Combined;
  }
  return log::AccessFormat::Json;
}

bool isSampled(const config::AccessLog& log) { return *log.sample < log::kAlways; }

// What makes two logs one: the same lines to the same place.
std::string keyOf(const config::AccessLog& log) {
  std::string key =
      fmt::format("{}\n{}{}", *log.path, static_cast<int>(*log.format), isSampled(log) ? "s" : "");
  for (const auto& name : log.keys) key += ' ' + *name;
  return key;
}

log::AccessLog::Options optionsOf(const config::AccessLog& log) {
  const auto target = config::parseLogTarget(*log.path);
  ASSERT(target.ok());
  log::AccessLog::Options options;
  options.to = target.value();
  options.format = formatOf(*log.format);
  options.sampled = isSampled(log);
  for (const auto& name : log.keys)
    if (const auto key = log::accessKeyOf(*name)) options.keys.push_back(*key);
  return options;
}

log::AccessTarget targetOf(const config::AccessLog& config, const WorkerLog* log, size_t worker) {
  if (log == nullptr) return {};
  return {log->writers[worker],
          {static_cast<uint16_t>(*config.errors), *config.slow, *config.sample}};
}

}  // namespace

void setAccessLogs(const config::Listener& config, const ListenerLogs& logs, size_t worker,
                   session::ListenerView& view) {
  view.accessLog = targetOf(config.accessLog, logs.own.get(), worker);
  for (size_t i = 0; i < config.routes.size(); ++i) {
    const std::optional<config::AccessLog>& own = config.routes[i].accessLog;
    view.routeLogs.push_back(own ? targetOf(*own, logs.routes[i].get(), worker)
                                 : log::AccessTarget{});
  }
}

std::optional<std::string> Server::openAccessLogs(Snapshot& snapshot) {
  std::erase_if(logs_, [](const auto& entry) { return entry.second.expired(); });
  for (size_t i = 0; i < snapshot.config.listeners.size(); ++i) {
    const config::Listener& listener = snapshot.config.listeners[i];
    ListenerLogs& logs = snapshot.logs[i];
    if (auto error = openAccessLog(listener.accessLog, logs.own)) return error;
    logs.routes.resize(listener.routes.size());
    for (size_t n = 0; n < listener.routes.size(); ++n) {
      const auto& own = listener.routes[n].accessLog;
      if (!own) continue;
      if (auto error = openAccessLog(*own, logs.routes[n])) return error;
    }
  }
  return std::nullopt;
}

// Listeners and routes that write the same to the same place share its log; so do configurations.
std::optional<std::string> Server::openAccessLog(const config::AccessLog& wanted,
                                                 std::shared_ptr<WorkerLog>& log) {
  if (!*wanted.enabled) return std::nullopt;
  std::weak_ptr<WorkerLog>& known = logs_[keyOf(wanted)];
  log = known.lock();
  if (log != nullptr) return std::nullopt;
  auto opened = log::AccessLog::open(optionsOf(wanted));
  if (!opened.ok()) return opened.error();
  log = std::make_shared<WorkerLog>();
  log->log = std::move(opened.value());
  for (size_t n = 0; n < workers_.size(); ++n) log->writers.push_back(&log->log->addWriter());
  known = log;
  return std::nullopt;
}

}  // namespace oxbow::server
