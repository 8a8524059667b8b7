// What the admin pages ask for besides the counters.

#include <algorithm>
#include <memory>
#include <utility>

#include "proxy/log/log.h"
#include "proxy/server/admin_token.h"
#include "proxy/server/log_level.h"
#include "proxy/server/server.h"

namespace oxbow::server {

void Server::connections(const admin::ConnectionQuery& query, ConnectionsDone done) {
  struct Sum {
    admin::ConnectionPage page;
    size_t left;
    size_t limit;
    ConnectionsDone done;
  };
  const auto sum = std::make_shared<Sum>(Sum{{}, workers_.size(), query.limit, std::move(done)});
  for (const auto& worker : workers_)
    worker->connections(query, [this, sum](admin::ConnectionPage page) {
      dispatcher_.post([sum, page = std::move(page)]() mutable {
        sum->page.merge(std::move(page));
        if (--sum->left > 0) return;
        sum->page.cut(sum->limit);
        sum->done(sum->page);
      });
    });
}

void Server::setLogLevel(config::LogLevel level) {
  const auto textOf = [](config::LogLevel l) {
    return config::schema::top().find("log_level")->choices.at(static_cast<size_t>(l));
  };
  const config::LogLevel before = std::exchange(logLevel_, level);
  // Said while the more talkative one of the two holds, or nobody would see it.
  log::setLevel(levelOf(std::min(before, level)));
  if (level != before)
    LOG_WARN("log_level was {} and is {} from here on", textOf(before), textOf(level));
  log::setLevel(levelOf(level));
}

bool Server::subscribe(admin::EventSubscriber& subscriber) { return events_.subscribe(subscriber); }

void Server::unsubscribe(admin::EventSubscriber& subscriber) { events_.unsubscribe(subscriber); }

std::optional<std::string> Server::loadToken(const config::Config& config,
                                             std::string& token) const {
  TlsProblems problems;
  token = loadAdminToken(config, problems);
  for (const config::Problem& warning : problems.warnings)
    LOG_WARN("{}", config::format(warning, config.file));
  if (problems.errors.empty()) return std::nullopt;
  return config::format(problems.errors.front(), config.file);
}

void Server::setAdminAccess(const config::Admin& admin, const std::string& token) {
  if (admin_ != nullptr) admin_->setAccess(accessOf(admin, token));
}

}  // namespace oxbow::server
