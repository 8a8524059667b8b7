#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/admin/server_view.h"
#include "proxy/session/exchange.h"

namespace oxbow::admin {

class AdminHandler;

// One path of the admin address.
struct AdminPage {
  std::string_view path;
  std::string_view methods;  // "GET, HEAD", "POST" or "GET, HEAD, POST"
  void (AdminHandler::*answer)(session::Exchange& exchange, const AdminPage& page);
  // Of pages that are made of a report.
  std::string_view contentType = {};
  std::string (*text)(const ServerReport& report) = nullptr;
};

// Answers the admin address: kPages. Main thread; outlives its exchanges, but not necessarily what
// it asked the server for.
class AdminHandler final : public session::ExchangeHandler {
 public:
  // Questions to the server under way at once; a further request that needs one gets 503.
  static constexpr size_t kMaxAsked = 64;

  explicit AdminHandler(ServerView& view) : view_(view) {}
  void onRequest(session::Exchange& exchange) override;
  std::string_view allowedMethods() const override { return "GET, HEAD"; }

 private:
  static const AdminPage kPages[];
  static const AdminPage* find(std::string_view path);
  static std::string listOfPages();

  bool mayAsk(session::Exchange& exchange) const;
  void answerHealth(session::Exchange& exchange, const AdminPage& page);
  void answerReadiness(session::Exchange& exchange, const AdminPage& page);
  void answerReport(session::Exchange& exchange, const AdminPage& page);
  void reload(session::Exchange& exchange, const AdminPage& page);

  ServerView& view_;
  const std::shared_ptr<size_t> asked_ = std::make_shared<size_t>(0);
};

// The report as Prometheus text (exposition format 0.0.4); docs/metrics.md lists all of it.
std::string metricsText(const ServerReport& report);
// The report's upstreams as JSON; docs/admin.md lists its members.
std::string upstreamsJson(const ServerReport& report);
// What is known of names as JSON; docs/admin.md lists its members.
std::string dnsJson(const ServerReport& report);
// What became of a reload as JSON; docs/reload.md lists its members.
std::string reloadJson(const ReloadReport& report);

}  // namespace oxbow::admin
