#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/admin/server_view.h"
#include "proxy/session/exchange.h"

namespace oxbow::admin {

// Answers the admin address: /healthz, /readyz, /metrics, /api/upstreams. Main thread; outlives its
// exchanges, but not necessarily the collects that it began.
class AdminHandler final : public session::ExchangeHandler {
 public:
  // Collects under way at once; a further request that needs one gets 503.
  static constexpr size_t kMaxCollects = 64;

  explicit AdminHandler(ServerView& view) : view_(view) {}
  void onRequest(session::Exchange& exchange) override;
  std::string_view allowedMethods() const override { return "GET, HEAD"; }

 private:
  ServerView& view_;
  const std::shared_ptr<size_t> collects_ = std::make_shared<size_t>(0);
};

// The report as Prometheus text (exposition format 0.0.4); docs/metrics.md lists all of it.
std::string metricsText(const ServerReport& report);
// The report's upstreams as JSON; docs/admin.md lists its members.
std::string upstreamsJson(const ServerReport& report);

}  // namespace oxbow::admin
