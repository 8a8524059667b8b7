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

  bool isReady = true;
  std::vector<Done> asked;
  std::vector<ReloadDone> reloads;
};

}  // namespace oxbow::admin
