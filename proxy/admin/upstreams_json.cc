#include <algorithm>
#include <nlohmann/json.hpp>

#include "proxy/admin/admin_handler.h"

namespace oxbow::admin {

namespace {

using Json = nlohmann::ordered_json;  // members in the order in which the documentation has them

// What is not known is null: nothing was counted yet, or nothing learned.

Json ratio(uint64_t part, uint64_t whole) {
  if (whole == 0) return nullptr;
  return static_cast<double>(part) / static_cast<double>(whole);
}

Json learned(double seconds) {
  if (seconds <= 0) return nullptr;
  return seconds;
}

Json percentiles(const stats::HistogramSnapshot& times) {
  const auto millis = [&times](double fraction) -> Json {
    if (times.count() == 0) return nullptr;
    return static_cast<double>(times.percentile(fraction)) / 1000;
  };
  return {{"p50", millis(0.5)}, {"p90", millis(0.9)}, {"p99", millis(0.99)}};
}

// Of the last minute, and of how many.
Json recent(const stats::HistogramSnapshot& times) {
  Json figures = {{"count", times.count()}};
  figures.update(percentiles(times));
  return figures;
}

Json closesOf(const EndpointReport& endpoint) {
  uint64_t total = 0;
  for (const uint64_t count : endpoint.closed) total += count;
  Json closes = {{"total", total}};
  for (size_t i = 0; i < endpoint.closed.size(); ++i) {
    if (endpoint.closed[i] == 0) continue;
    closes[std::string(textOf(static_cast<pool::CloseReason>(i)))] = endpoint.closed[i];
  }
  return closes;
}

Json certificateErrorsOf(const EndpointReport& endpoint) {
  Json errors = Json::object();
  for (size_t i = 1; i < endpoint.certificateFaults.size(); ++i) {  // 0 is no error
    if (endpoint.certificateFaults[i] == 0) continue;
    errors[std::string(net::textOf(static_cast<net::CertificateFault>(i)))] =
        endpoint.certificateFaults[i];
  }
  return errors;
}

Json tlsOf(const EndpointReport& e) {
  if (!e.tls) return nullptr;
  return {{"verify", e.tlsVerify},
          {"handshakes",
           {{"full", e.handshakesFull},
            {"resumed", e.handshakesResumed},
            {"failed", e.handshakesFailed}}},
          {"resumption_ratio", ratio(e.handshakesResumed, e.handshakesFull + e.handshakesResumed)},
          {"tickets_refused", e.ticketsRefused},
          {"sessions", e.sessionsCached},
          {"handshake_ms", percentiles(e.handshakeTime)},
          {"certificate_errors", certificateErrorsOf(e)}};
}

Json jsonOf(const EndpointReport& e) {
  return {{"address", e.address},
          {"server", e.server},
          {"name", e.name.empty() ? Json(nullptr) : Json(e.name)},
          {"group", e.group},
          {"backup", e.backup},
          {"avoided_s", e.avoidedSeconds > 0 ? Json(e.avoidedSeconds) : Json(nullptr)},
          {"standby", e.standby},
          {"weight", e.weight},
          {"max_conns", e.maxConns},
          {"idle", e.idle},
          {"active", e.active},
          {"connecting", e.connecting},
          {"opened", e.opened},
          {"connected", e.connected},
          {"connect_failed", e.connectFailed},
          {"acquired", e.acquired},
          {"reused", e.reused},
          {"reuse_ratio", ratio(e.reused, e.acquired)},
          {"peeks", e.peeks},
          {"dead_peeks", e.deadPeeks},
          {"moved", e.moved},
          {"closed", closesOf(e)},
          {"learned_idle_s", learned(e.learnedIdleSeconds)},
          {"learned_unused_idle_s", learned(e.learnedUnusedIdleSeconds)},
          {"tls", tlsOf(e)}};
}

Json queueOf(const UpstreamReport& u) {
  return {
      {"size", u.queueSize},
      {"waiting", u.waiting},
      {"served", u.served},
      {"refused",
       {{"full", u.refusedFull}, {"late", u.refusedLate}, {"no_endpoint", u.refusedNoEndpoint}}}};
}

Json requestsOf(const UpstreamReport& u) {
  Json requests = {{"none", u.byClass[0]}};
  for (size_t i = 1; i < u.byClass.size(); ++i) requests[std::to_string(i) + "xx"] = u.byClass[i];
  return requests;
}

Json reuseOf(const UpstreamReport& u) {
  uint64_t acquired = 0, reused = 0;
  for (const EndpointReport& endpoint : u.endpoints) {
    acquired += endpoint.acquired;
    reused += endpoint.reused;
  }
  return ratio(reused, acquired);
}

Json resumptionOf(const UpstreamReport& u) {
  uint64_t full = 0, resumed = 0;
  for (const EndpointReport& endpoint : u.endpoints) {
    full += endpoint.handshakesFull;
    resumed += endpoint.handshakesResumed;
  }
  return ratio(resumed, full + resumed);
}

// What an operator should know without looking for it.
Json warningsOf(const UpstreamReport& u) {
  Json warnings = Json::array();
  if (std::any_of(u.endpoints.begin(), u.endpoints.end(),
                  [](const EndpointReport& e) { return e.tls && !e.tlsVerify; }))
    warnings.push_back("tls verify is off");
  return warnings;
}

Json jsonOf(const UpstreamReport& u) {
  Json endpoints = Json::array();
  for (const EndpointReport& endpoint : u.endpoints) endpoints.push_back(jsonOf(endpoint));
  return {{"name", u.name},
          {"warnings", warningsOf(u)},
          {"keepalive", u.keepalive},
          {"keepalive_min", u.keepaliveMin},
          {"max_conns", u.maxConns},
          {"max_total_conns", u.maxTotalConns},
          {"max_connecting", u.maxConnecting},
          {"queue", queueOf(u)},
          {"requests", requestsOf(u)},
          {"retries", u.retries},
          {"replays", u.replays},
          {"replays_refused", u.replaysRefused},
          {"reuse_ratio", reuseOf(u)},
          {"resumption_ratio", resumptionOf(u)},
          {"latency_ms", recent(u.recentTotal)},
          {"wait_ms", recent(u.recentWait)},
          {"connect_ms", recent(u.recentConnect)},
          {"first_byte_ms", recent(u.recentFirstByte)},
          {"endpoints", std::move(endpoints)}};
}

}  // namespace

std::string upstreamsJson(const ServerReport& report) {
  Json upstreams = Json::array();
  for (const UpstreamReport& upstream : report.upstreams) upstreams.push_back(jsonOf(upstream));
  const Json document = {{"upstreams", std::move(upstreams)}};
  // Paths of Unix sockets may be any bytes; the library would throw at what is not UTF-8.
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace oxbow::admin
