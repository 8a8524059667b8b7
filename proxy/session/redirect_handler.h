#pragma once

#include <cstdint>

#include "proxy/session/exchange.h"

namespace oxbow::session {

// Sends every client to the same place over TLS. Worker's thread only.
class RedirectHandler final : public ExchangeHandler {
 public:
  explicit RedirectHandler(uint32_t port) : port_(port) {}
  void onRequest(Exchange& exchange) override;

 private:
  const uint32_t port_;
};

}  // namespace oxbow::session
