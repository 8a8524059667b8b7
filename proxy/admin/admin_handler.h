#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/admin/event_stream.h"
#include "proxy/admin/server_view.h"
#include "proxy/session/exchange.h"

namespace oxbow::admin {

class AdminHandler;

// Who may ask, and for what.
struct AdminAccess {
  bool isRemote = false;           // others than those on this machine can connect
  std::string token;               // empty: none
  std::vector<std::string> hosts;  // that Host may name besides those of the loopback; lower case

  // Whether that request may come, as its Host tells; and as its token does.
  bool trustsHost(const http::RequestHead& head) const;
  bool trustsOrigin(const http::RequestHead& head) const;
  bool trustsToken(const http::RequestHead& head) const;
};

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
  // For requests that come from now on.
  void setAccess(AdminAccess access) { access_ = std::move(access); }
  // Ends the streams of events: nobody is to wait for these.
  void endStreams();
  void onRequest(session::Exchange& exchange) override;
  std::string_view allowedMethods() const override { return "GET, HEAD"; }

 private:
  static const AdminPage kPages[];
  static const AdminPage* find(std::string_view path);
  static std::string listOfPages();

  bool mayAsk(session::Exchange& exchange) const;
  bool mayCome(session::Exchange& exchange, const AdminPage& page) const;
  void answerPage(session::Exchange& exchange, const AdminPage& page);
  void answerHealth(session::Exchange& exchange, const AdminPage& page);
  void answerReadiness(session::Exchange& exchange, const AdminPage& page);
  void answerReport(session::Exchange& exchange, const AdminPage& page);
  void reload(session::Exchange& exchange, const AdminPage& page);
  void answerConnections(session::Exchange& exchange, const AdminPage& page);
  void answerConfig(session::Exchange& exchange, const AdminPage& page);
  void answerLogLevel(session::Exchange& exchange, const AdminPage& page);
  void streamEvents(session::Exchange& exchange, const AdminPage& page);

  ServerView& view_;
  AdminAccess access_;
  EventStreams streams_;
  const std::shared_ptr<size_t> asked_ = std::make_shared<size_t>(0);
};

// The report as Prometheus text (exposition format 0.0.4); docs/metrics.md lists all of it.
std::string metricsText(const ServerReport& report);
// The report's upstreams as JSON; docs/admin.md lists its members.
std::string upstreamsJson(const ServerReport& report);
// What is known of names as JSON; docs/admin.md lists its members.
std::string dnsJson(const ServerReport& report);
// The last errors as JSON; docs/admin.md lists its members.
std::string errorsJson(const ServerReport& report);
// Connections as JSON; `next`: from where the next page goes on, empty: there is none.
std::string connectionsJson(const ConnectionPage& page, const std::string& next);
// What is loaded as JSON, without what may be a secret; docs/admin.md.
std::string configJson(const config::Config& config, uint64_t generation);
// What became of a reload as JSON; docs/reload.md lists its members.
std::string reloadJson(const ReloadReport& report);

}  // namespace oxbow::admin
