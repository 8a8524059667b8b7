#pragma once

#include <doctest/doctest.h>

#include <utility>
#include <vector>

#include "proxy/admin/server_view.h"

namespace oxbow::admin {

// A server whose workers answer when the test says so.
class FakeView final : public ServerView {
 public:
  void collect(Done done) override { asked.push_back(std::move(done)); }
  void reload(ReloadDone done) override { reloads.push_back(std::move(done)); }
  bool ready() const override { return isReady; }

  // The report of the oldest collect comes, and its callback dies.
  void report(const ServerReport& report) {
    REQUIRE(!asked.empty());
    const Done done = std::move(asked.front());
    asked.erase(asked.begin());
    done(report);
  }

  // The same for the oldest reload.
  void reloaded(const ReloadReport& report) {
    REQUIRE(!reloads.empty());
    const ReloadDone done = std::move(reloads.front());
    reloads.erase(reloads.begin());
    done(report);
  }

  void connections(const ConnectionQuery& query, ConnectionsDone done) override {
    queries.push_back(query);
    pages.push_back(std::move(done));
  }
  const config::Config& config() const override { return loaded; }
  uint64_t generation() const override { return 7; }
  config::LogLevel logLevel() const override { return level; }
  void setLogLevel(config::LogLevel to) override { level = to; }
  bool subscribe(EventSubscriber& subscriber) override {
    if (subscribers.size() >= mostSubscribers) return false;
    subscribers.push_back(&subscriber);
    return true;
  }
  void unsubscribe(EventSubscriber& subscriber) override { std::erase(subscribers, &subscriber); }

  // The page of the oldest question for connections comes.
  void paged(const ConnectionPage& page) {
    REQUIRE(!pages.empty());
    const ConnectionsDone done = std::move(pages.front());
    pages.erase(pages.begin());
    done(page);
  }

  bool isReady = true;
  std::vector<ConnectionQuery> queries;
  std::vector<ConnectionsDone> pages;
  config::Config loaded;
  config::LogLevel level = config::LogLevel::Info;
  std::vector<EventSubscriber*> subscribers;
  size_t mostSubscribers = 8;
  std::vector<Done> asked;
  std::vector<ReloadDone> reloads;
};

}  // namespace oxbow::admin
