#pragma once

#include <string>

#include "tests/integration/support/fake_upstream.h"

// Names of samples in the metrics of an oxbow, for Oxbow::metric().

namespace oxbow::integration {

// Connections to `upstream` that closed for that reason.
inline std::string closedFor(const FakeUpstream& upstream, const std::string& reason) {
  return "oxbow_endpoint_connections_closed_total{upstream=\"up\",endpoint=\"" +
         upstream.address() + "\",reason=\"" + reason + "\"}";
}

// Requests to `upstream` over a connection that had carried one before.
inline std::string reusedOf(const FakeUpstream& upstream) {
  return "oxbow_endpoint_connections_reused_total{upstream=\"up\",endpoint=\"" +
         upstream.address() + "\"}";
}

// Connections to `upstream` that are idle now, or active.
inline std::string idleOf(const FakeUpstream& upstream, const std::string& state = "idle") {
  return "oxbow_endpoint_connections{upstream=\"up\",endpoint=\"" + upstream.address() +
         "\",state=\"" + state + "\"}";
}
inline std::string activeOf(const FakeUpstream& upstream) { return idleOf(upstream, "active"); }

// Bytes of responses that wait for their clients.
inline const std::string kReadAhead = "oxbow_read_ahead_bytes";

// The idle age after which `upstream` closes, as learned from connections that were used.
inline std::string learnedAgeOf(const FakeUpstream& upstream) {
  return "oxbow_endpoint_learned_idle_age_seconds{upstream=\"up\",endpoint=\"" +
         upstream.address() + "\",kind=\"used\"}";
}

// Connections of clients that ended for that reason.
inline std::string clientsEndedFor(const std::string& reason) {
  return "oxbow_listener_connections_ended_total{listener=\"127.0.0.1:0\",reason=\"" + reason +
         "\"}";
}

}  // namespace oxbow::integration
