#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/codec/http1/parser.h"
#include "proxy/config/config.h"
#include "proxy/log/access_rule.h"
#include "proxy/route/route_table.h"
#include "proxy/session/exchange.h"
#include "proxy/tls/server_context.h"

namespace oxbow::session {

// Counts who refers to one worker's use of a snapshot of the configuration: exchanges, which end by
// the rules that they began with. Not thread-safe.
class Pins {
 public:
  Pins() = default;
  virtual ~Pins() = default;
  Pins(const Pins&) = delete;
  Pins& operator=(const Pins&) = delete;
  void pin() { ++count_; }
  void unpin() {
    if (--count_ == 0) onUnpinned();
  }
  uint64_t count() const { return count_; }

 protected:
  // Nobody is left. The caller's frames may still refer to it: it goes at the end of the turn.
  virtual void onUnpinned() {}

 private:
  uint64_t count_ = 0;
};

constexpr std::string_view kHsts = "Strict-Transport-Security";

// A listener on one worker as one snapshot has it. Lives while anybody pins `pins`.
struct ListenerView {
  ListenerView(const config::Listener& c, ExchangeHandler& h, Pins& p, size_t editBytes = 0);

  const config::Listener& config;
  ExchangeHandler& handler;
  Pins& pins;
  log::AccessTarget accessLog;
  std::vector<log::AccessTarget> routeLogs;  // by route; of those that have their own
  http1::HeadLimits limits;
  const size_t addedBytes;  // room for the fields that requests get on their way
  const std::string hsts;   // the line of responses over TLS (RFC 6797); empty: none
  const route::RouteTable* routes = nullptr;
  std::shared_ptr<const tls::ServerContext> tls;  // of clients that come from now on; null: none
};

}  // namespace oxbow::session
