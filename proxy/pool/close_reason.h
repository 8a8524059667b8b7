#pragma once

#include <cstdint>
#include <string_view>

namespace oxbow::pool {

// Why an upstream connection closed. Every one that closes has one of these; they are labels of a
// counter, so they change only with a line in the changelog.
enum class CloseReason : uint8_t {
  KeepaliveTimeout,   // idle for keepalive_timeout
  KeepaliveRequests,  // carried keepalive_requests exchanges
  KeepaliveTime,      // lived for keepalive_time
  KeepaliveFull,      // more idle than `keepalive`
  ServerKeepAlive,    // the server's own Keep-Alive: timeout came near
  LearnedAge,         // idle for most of the age at which this server closes
  Demand,             // the recent peak did not need it
  MakeRoom,           // its slot was needed for a new connection
  ServerClosed,       // FIN while idle
  ServerReset,        // RST while idle
  UnexpectedData,     // bytes that nobody asked for
  DeadOnPeek,         // found closed or dirty when picked
  ResponseClose,      // the response said or implied close
  EarlyResponse,      // the response ended before the request
  ProtocolError,      // a response that is not one
  EndedInExchange,    // FIN or RST during an exchange
  ReadTimeout,
  SendTimeout,
  ClientGone,  // the client left and the rest was not worth draining
  ConnectFailed,
  ConnectTimeout,
  HandshakeFailed,  // TLS
  Shutdown,
  Removed,     // its server left the configuration, or its address the DNS
  CapLowered,  // the configuration allows fewer than there are
  RaceLost,    // the other address family of its name was faster, or is in use now
  Count
};

constexpr std::string_view textOf(CloseReason reason) {
  constexpr std::string_view kTexts[] = {
      "keepalive_timeout", "keepalive_requests", "keepalive_time",  "keepalive_full",
      "server_keep_alive", "learned_age",        "demand",          "make_room",
      "server_closed",     "server_reset",       "unexpected_data", "dead_on_peek",
      "response_close",    "early_response",     "protocol_error",  "ended_in_exchange",
      "read_timeout",      "send_timeout",       "client_gone",     "connect_failed",
      "connect_timeout",   "handshake_failed",   "shutdown",        "removed",
      "cap_lowered",       "race_lost"};
  static_assert(sizeof(kTexts) / sizeof(kTexts[0]) == static_cast<size_t>(CloseReason::Count));
  return kTexts[static_cast<size_t>(reason)];
}

}  // namespace oxbow::pool
