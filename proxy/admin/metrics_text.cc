#include <algorithm>
#include <map>
#include <span>
#include <utility>

#include "proxy/admin/admin_handler.h"
#include "proxy/admin/metrics_dns.h"
#include "proxy/admin/metrics_events.h"
#include "proxy/base/version.h"
#include "proxy/stats/prometheus.h"

// A family's samples stand together, so each family runs over all upstreams, endpoints or
// listeners.

namespace oxbow::admin {

namespace {

using stats::Labels;
using stats::PrometheusWriter;

// A family that is one number of each report.
template <typename Report, typename Number>
struct Family {
  std::string_view name;
  std::string_view help;
  Number Report::*value;
};

struct EndpointRow {
  std::string_view upstream;
  const EndpointReport* report;
};

// An upstream's addresses are distinct, so no two samples have the same labels.
std::vector<EndpointRow> rowsOf(const std::vector<UpstreamReport>& upstreams) {
  std::vector<EndpointRow> rows;
  for (const UpstreamReport& upstream : upstreams)
    for (const EndpointReport& endpoint : upstream.endpoints)
      rows.push_back({upstream.name, &endpoint});
  return rows;
}

const UpstreamReport& reportOf(const UpstreamReport& upstream) { return upstream; }
const EndpointReport& reportOf(const EndpointRow& row) { return *row.report; }
const ListenerReport& reportOf(const ListenerReport& listener) { return listener; }

Labels labelsOf(const UpstreamReport& upstream) { return {{"upstream", upstream.name}}; }
Labels labelsOf(const EndpointRow& row) {
  return {{"upstream", row.upstream}, {"endpoint", row.report->address}};
}
Labels labelsOf(const ListenerReport& listener) { return {{"listener", listener.address}}; }

template <typename Source>
Labels labelsOf(const Source& source, std::string_view name, std::string_view value) {
  Labels labels = labelsOf(source);
  labels.push_back({name, value});
  return labels;
}

bool speaksTls(const UpstreamReport& upstream) {
  return std::any_of(upstream.endpoints.begin(), upstream.endpoints.end(),
                     [](const EndpointReport& endpoint) { return endpoint.tls; });
}

constexpr std::string_view kClasses[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};

// Upstreams -----------------------------------------------------------------------------------

constexpr Family<UpstreamReport, uint64_t> kUpstreamCounters[] = {
    {"oxbow_upstream_request_body_bytes_total", "Bytes of request bodies, framing excluded.",
     &UpstreamReport::requestBytes},
    {"oxbow_upstream_response_body_bytes_total", "Bytes of response bodies, framing excluded.",
     &UpstreamReport::responseBytes},
    {"oxbow_upstream_queue_served_total", "Connections handed out, with or without a wait.",
     &UpstreamReport::served},
    {"oxbow_upstream_replays_total", "Requests sent again after a reused connection had ended.",
     &UpstreamReport::replays},
    {"oxbow_upstream_replays_refused_total",
     "Requests that met a reused connection at its end and could not be sent again.",
     &UpstreamReport::replaysRefused},
    {"oxbow_upstream_endpoints_drained_total",
     "Endpoints that left and have no connection any more, by worker.",
     &UpstreamReport::endpointsDrained},
    {"oxbow_upstream_endpoints_revived_total",
     "Endpoints that came back before their last connection had closed, by worker.",
     &UpstreamReport::endpointsRevived},
    {"oxbow_upstream_family_races_total",
     "Connections to the address family that stands by, begun beside one that made no progress.",
     &UpstreamReport::racesBegun},
    {"oxbow_upstream_family_races_won_total",
     "Of these, the ones that changed the address family in use.", &UpstreamReport::racesWon},
};

constexpr Family<UpstreamReport, uint64_t> kUpstreamGauges[] = {
    {"oxbow_upstream_waiting", "Requests that wait for a connection.", &UpstreamReport::waiting},
};

constexpr Family<UpstreamReport, uint32_t> kUpstreamCaps[] = {
    {"oxbow_upstream_keepalive", "Idle connections kept per endpoint, as configured.",
     &UpstreamReport::keepalive},
    {"oxbow_upstream_keepalive_min", "Connections kept warm per endpoint, as configured.",
     &UpstreamReport::keepaliveMin},
    {"oxbow_upstream_max_conns", "Cap on connections per endpoint; 0: none.",
     &UpstreamReport::maxConns},
    {"oxbow_upstream_max_total_conns", "Cap on connections of the upstream; 0: none.",
     &UpstreamReport::maxTotalConns},
    {"oxbow_upstream_max_connecting", "Cap on connections being opened per endpoint.",
     &UpstreamReport::maxConnecting},
    {"oxbow_upstream_queue_size", "Cap on requests that wait for a connection.",
     &UpstreamReport::queueSize},
};

constexpr Family<UpstreamReport, stats::HistogramSnapshot> kUpstreamTimes[] = {
    {"oxbow_upstream_request_duration_seconds",
     "From the complete request head to the last byte handed to the client's socket.",
     &UpstreamReport::totalTime},
    {"oxbow_upstream_wait_duration_seconds",
     "From asking for a connection to getting it, opening included.", &UpstreamReport::waitTime},
    {"oxbow_upstream_first_byte_duration_seconds",
     "From sending the request to the response's head.", &UpstreamReport::firstByteTime},
};

// Endpoints -----------------------------------------------------------------------------------

constexpr Family<EndpointReport, uint64_t> kEndpointCounters[] = {
    {"oxbow_endpoint_connections_opened_total", "Connections that began to be opened.",
     &EndpointReport::opened},
    {"oxbow_endpoint_connections_connected_total", "Connections that were established.",
     &EndpointReport::connected},
    {"oxbow_endpoint_connect_failures_total", "Connections that could not be established.",
     &EndpointReport::connectFailed},
    {"oxbow_endpoint_connections_acquired_total", "Connections handed to requests.",
     &EndpointReport::acquired},
    {"oxbow_endpoint_connections_reused_total",
     "Connections handed to requests that had carried one before.", &EndpointReport::reused},
    {"oxbow_endpoint_avoided_total", "Times that the endpoint had failed max_fails times.",
     &EndpointReport::avoidedTimes},
    {"oxbow_endpoint_peeks_total", "Looks into the socket before an idle connection was reused.",
     &EndpointReport::peeks},
    {"oxbow_endpoint_connections_moved_total",
     "Idle connections that went from one worker to another.", &EndpointReport::moved},
};

constexpr std::pair<std::string_view, uint64_t EndpointReport::*> kConnectionStates[] = {
    {"idle", &EndpointReport::idle},
    {"active", &EndpointReport::active},
    {"connecting", &EndpointReport::connecting},
};

constexpr Family<EndpointReport, uint32_t> kEndpointGauges[] = {
    {"oxbow_endpoint_max_conns", "Cap on connections to the endpoint; 0: none.",
     &EndpointReport::maxConns},
    {"oxbow_endpoint_weight", "The endpoint's weight in balancing.", &EndpointReport::weight},
};

constexpr std::pair<std::string_view, double EndpointReport::*> kLearnedAges[] = {
    {"used", &EndpointReport::learnedIdleSeconds},
    {"unused", &EndpointReport::learnedUnusedIdleSeconds},
};

// Listeners -----------------------------------------------------------------------------------

constexpr Family<ListenerReport, uint64_t> kListenerCounters[] = {
    {"oxbow_listener_connections_accepted_total", "Connections accepted from clients.",
     &ListenerReport::accepted},
    {"oxbow_listener_requests_received_total", "Requests that began, malformed ones included.",
     &ListenerReport::requests},
    {"oxbow_listener_underscore_names_dropped_total",
     "Request fields dropped for an underscore in their name.", &ListenerReport::underscoreNames},
};

constexpr Family<ListenerReport, uint64_t> kListenerGauges[] = {
    {"oxbow_listener_connections_open", "Connections of clients that are open.",
     &ListenerReport::open},
};

// The server ----------------------------------------------------------------------------------

constexpr Family<ServerReport, uint64_t> kServerCounters[] = {
    {"oxbow_access_log_dropped_total", "Access log records dropped: ring full or output failed.",
     &ServerReport::accessLogDropped},
    {"oxbow_log_dropped_total", "Log lines dropped: too many at once or output failed.",
     &ServerReport::logDropped},
    {"oxbow_accept_errors_total", "Failures to accept a client: no descriptors or no memory.",
     &ServerReport::acceptErrors},
};

// ---------------------------------------------------------------------------------------------

class MetricsWriter {
 public:
  explicit MetricsWriter(std::string& out) : writer_(out) {}

  template <typename Source, typename Report, typename Number>
  void counters(std::span<const Family<Report, Number>> families,
                const std::vector<Source>& sources) {
    for (const auto& family : families) {
      writer_.counter(family.name, family.help);
      samples(family, sources);
    }
  }

  template <typename Source, typename Report, typename Number>
  void gauges(std::span<const Family<Report, Number>> families,
              const std::vector<Source>& sources) {
    for (const auto& family : families) {
      writer_.gauge(family.name, family.help);
      samples(family, sources);
    }
  }

  void upstreams(const std::vector<UpstreamReport>& upstreams);
  void endpoints(const std::vector<EndpointRow>& rows);
  void listeners(const std::vector<ListenerReport>& listeners);
  void server(const ServerReport& report);

 private:
  template <typename Source, typename Report, typename Number>
  void samples(const Family<Report, Number>& family, const std::vector<Source>& sources) {
    for (const Source& source : sources)
      writer_.sample(labelsOf(source), reportOf(source).*family.value);
  }

  template <typename Source>
  void requestsByClass(std::string_view name, std::string_view help,
                       const std::vector<Source>& sources) {
    writer_.counter(name, help);
    for (const Source& source : sources)
      for (size_t i = 0; i < source.byClass.size(); ++i)
        writer_.sample(labelsOf(source, "code", kClasses[i]), source.byClass[i]);
  }

  // What a plain one has no samples of.
  template <typename Source>
  void handshakes(std::string_view name, std::string_view help,
                  const std::vector<Source>& sources) {
    writer_.counter(name, help);
    for (const Source& source : sources) {
      const auto& report = reportOf(source);
      if (!report.tls) continue;
      writer_.sample(labelsOf(source, "result", "full"), report.handshakesFull);
      writer_.sample(labelsOf(source, "result", "resumed"), report.handshakesResumed);
      writer_.sample(labelsOf(source, "result", "failed"), report.handshakesFailed);
    }
  }

  void queueRefusals(const std::vector<UpstreamReport>& upstreams);
  void reuseRatios(const std::vector<UpstreamReport>& upstreams);
  void upstreamTimes(const std::vector<UpstreamReport>& upstreams);
  void connectionStates(const std::vector<EndpointRow>& rows);
  void closes(const std::vector<EndpointRow>& rows);
  void learnedAges(const std::vector<EndpointRow>& rows);
  void endpointTls(const std::vector<EndpointRow>& rows);
  void certificateErrors(const std::vector<EndpointRow>& rows);
  void handshakeTimes(const std::vector<UpstreamReport>& upstreams);
  void listenerTls(const std::vector<ListenerReport>& listeners);
  void certificates(const std::vector<CertificateReport>& certificates);
  void ends(const std::vector<ListenerReport>& listeners);
  void errors(const std::vector<ListenerReport>& listeners);

  PrometheusWriter writer_;
};

template <typename Report, typename Number, size_t N>
std::span<const Family<Report, Number>> all(const Family<Report, Number> (&families)[N]) {
  return families;
}

void MetricsWriter::upstreams(const std::vector<UpstreamReport>& upstreams) {
  requestsByClass("oxbow_upstream_requests_total",
                  "Requests routed to the upstream, by the class of the status sent.", upstreams);
  counters(all(kUpstreamCounters), upstreams);
  queueRefusals(upstreams);
  gauges(all(kUpstreamGauges), upstreams);
  gauges(all(kUpstreamCaps), upstreams);
  reuseRatios(upstreams);
  upstreamTimes(upstreams);
}

void MetricsWriter::queueRefusals(const std::vector<UpstreamReport>& upstreams) {
  writer_.counter("oxbow_upstream_queue_refused_total",
                  "Requests that got no connection, by reason.");
  for (const UpstreamReport& upstream : upstreams) {
    writer_.sample(labelsOf(upstream, "reason", "full"), upstream.refusedFull);
    writer_.sample(labelsOf(upstream, "reason", "late"), upstream.refusedLate);
    writer_.sample(labelsOf(upstream, "reason", "no_endpoint"), upstream.refusedNoEndpoint);
  }
}

void MetricsWriter::reuseRatios(const std::vector<UpstreamReport>& upstreams) {
  writer_.gauge("oxbow_upstream_reuse_ratio",
                "Reused connections among those handed to requests, since the start.");
  for (const UpstreamReport& upstream : upstreams) {
    uint64_t acquired = 0, reused = 0;
    for (const EndpointReport& endpoint : upstream.endpoints) {
      acquired += endpoint.acquired;
      reused += endpoint.reused;
    }
    if (acquired == 0) continue;
    writer_.sample(labelsOf(upstream), static_cast<double>(reused) / static_cast<double>(acquired));
  }
}

void MetricsWriter::upstreamTimes(const std::vector<UpstreamReport>& upstreams) {
  for (const auto& family : kUpstreamTimes) {
    writer_.histogram(family.name, family.help);
    samples(family, upstreams);
  }
  writer_.histogram("oxbow_upstream_connect_duration_seconds",
                    "Opening of connections that were established.");
  for (const UpstreamReport& upstream : upstreams) {
    stats::HistogramSnapshot merged;
    for (const EndpointReport& endpoint : upstream.endpoints) merged.merge(endpoint.connectTime);
    writer_.sample(labelsOf(upstream), merged);
  }
  handshakeTimes(upstreams);
}

void MetricsWriter::handshakeTimes(const std::vector<UpstreamReport>& upstreams) {
  writer_.histogram("oxbow_upstream_tls_handshake_seconds",
                    "TLS handshakes with servers that succeeded.");
  for (const UpstreamReport& upstream : upstreams) {
    if (!speaksTls(upstream)) continue;
    stats::HistogramSnapshot merged;
    for (const EndpointReport& endpoint : upstream.endpoints) merged.merge(endpoint.handshakeTime);
    writer_.sample(labelsOf(upstream), merged);
  }
}

void MetricsWriter::endpoints(const std::vector<EndpointRow>& rows) {
  connectionStates(rows);
  counters(all(kEndpointCounters), rows);
  closes(rows);
  gauges(all(kEndpointGauges), rows);
  learnedAges(rows);
  endpointTls(rows);
}

void MetricsWriter::connectionStates(const std::vector<EndpointRow>& rows) {
  writer_.gauge("oxbow_endpoint_connections", "Connections to the endpoint, by state.");
  for (const EndpointRow& row : rows)
    for (const auto& [state, value] : kConnectionStates)
      writer_.sample(labelsOf(row, "state", state), row.report->*value);
}

void MetricsWriter::closes(const std::vector<EndpointRow>& rows) {
  writer_.counter("oxbow_endpoint_connections_closed_total", "Connections closed, by reason.");
  for (const EndpointRow& row : rows)
    for (size_t i = 0; i < row.report->closed.size(); ++i)
      writer_.sample(labelsOf(row, "reason", textOf(static_cast<pool::CloseReason>(i))),
                     row.report->closed[i]);
}

void MetricsWriter::learnedAges(const std::vector<EndpointRow>& rows) {
  writer_.gauge("oxbow_endpoint_learned_idle_age_seconds",
                "Idleness after which the server was seen to close connections.");
  for (const EndpointRow& row : rows)
    for (const auto& [kind, value] : kLearnedAges)
      if (row.report->*value > 0) writer_.sample(labelsOf(row, "kind", kind), row.report->*value);
}

void MetricsWriter::endpointTls(const std::vector<EndpointRow>& rows) {
  handshakes("oxbow_upstream_tls_handshakes_total", "TLS handshakes with servers, by result.",
             rows);
  writer_.counter("oxbow_upstream_tls_tickets_refused_total",
                  "Full TLS handshakes although a session was offered.");
  for (const EndpointRow& row : rows)
    if (row.report->tls) writer_.sample(labelsOf(row), row.report->ticketsRefused);
  certificateErrors(rows);
}

void MetricsWriter::certificateErrors(const std::vector<EndpointRow>& rows) {
  writer_.counter("oxbow_upstream_tls_certificate_errors_total",
                  "TLS handshakes that failed for the server's certificate, by reason.");
  for (const EndpointRow& row : rows) {
    const auto& faults = row.report->certificateFaults;
    for (size_t i = 1; row.report->tls && i < faults.size(); ++i)  // 0 is no error
      writer_.sample(labelsOf(row, "reason", textOf(static_cast<net::CertificateFault>(i))),
                     faults[i]);
  }
}

void MetricsWriter::listeners(const std::vector<ListenerReport>& listeners) {
  counters(all(kListenerCounters), listeners);
  gauges(all(kListenerGauges), listeners);
  requestsByClass("oxbow_listener_requests_total",
                  "Requests that ended, by the class of the status sent.", listeners);
  ends(listeners);
  errors(listeners);
  listenerTls(listeners);
}

void MetricsWriter::listenerTls(const std::vector<ListenerReport>& listeners) {
  handshakes("oxbow_listener_tls_handshakes_total", "TLS handshakes with clients, by result.",
             listeners);
  writer_.histogram("oxbow_listener_tls_handshake_seconds",
                    "TLS handshakes with clients that succeeded.");
  for (const ListenerReport& listener : listeners)
    if (listener.tls) writer_.sample(labelsOf(listener), listener.handshakeTime);
}

void MetricsWriter::ends(const std::vector<ListenerReport>& listeners) {
  writer_.counter("oxbow_listener_connections_ended_total",
                  "Connections of clients that ended, by reason.");
  for (const ListenerReport& listener : listeners)
    for (size_t i = 0; i < listener.ended.size(); ++i)
      writer_.sample(labelsOf(listener, "reason", textOf(static_cast<session::SessionEnd>(i))),
                     listener.ended[i]);
}

void MetricsWriter::errors(const std::vector<ListenerReport>& listeners) {
  writer_.counter("oxbow_listener_errors_total",
                  "Requests that failed, by the error of Proxy-Status and the access log.");
  for (const ListenerReport& listener : listeners)
    for (size_t i = 1; i < listener.errors.size(); ++i)  // 0 is no error
      writer_.sample(labelsOf(listener, "error", tokenOf(static_cast<ErrorCode>(i))),
                     listener.errors[i]);
}

// A file may stand for several certificates of a listener; no two samples may have the same labels.
void MetricsWriter::certificates(const std::vector<CertificateReport>& certificates) {
  constexpr double kDay = 86400;
  std::map<std::pair<std::string_view, std::string_view>, double> soonest;
  for (const CertificateReport& each : certificates) {
    const auto [at, fresh] = soonest.try_emplace({each.listener, each.file}, each.secondsLeft);
    if (!fresh) at->second = std::min(at->second, each.secondsLeft);
  }
  writer_.gauge("oxbow_tls_certificate_expiry_days",
                "Time until a listener's certificate ends; negative: it has.");
  for (const auto& [labels, seconds] : soonest)
    writer_.sample({{"listener", labels.first}, {"file", labels.second}}, seconds / kDay);
}

void MetricsWriter::server(const ServerReport& report) {
  for (const auto& family : kServerCounters) {
    writer_.counter(family.name, family.help);
    writer_.sample({}, report.*family.value);
  }
  writer_.gauge("oxbow_read_ahead_bytes", "Response bytes read ahead of their clients.");
  writer_.sample({}, report.bufferedBytes);
  writer_.counter("oxbow_reloads_total", "Loads of a changed configuration, by result.");
  writer_.sample({{"result", "applied"}}, report.reloadsApplied);
  writer_.sample({{"result", "refused"}}, report.reloadsRefused);
  writeDnsMetrics(writer_, report.dns);
  writeEventMetrics(writer_, report);
  certificates(report.certificates);
  writer_.counter("oxbow_tls_reloads_total",
                  "Loads of changed certificates, keys and CAs, by result.");
  writer_.sample({{"result", "applied"}}, report.tlsReloads);
  writer_.sample({{"result", "refused"}}, report.tlsReloadsRefused);
  writer_.gauge("oxbow_config_generation",
                "1 as started; one more with each reload that changed something.");
  writer_.sample({}, report.configGeneration);
  writer_.counter("oxbow_loop_long_turns_total",
                  "Turns of an event loop that took longer than 100 ms.");
  for (size_t i = 0; i < report.longTurns.size(); ++i)
    writer_.sample({{"loop", i == 0 ? "main" : "worker-" + std::to_string(i - 1)}},
                   report.longTurns[i]);
  writer_.gauge("oxbow_worker_clients", "Connections of clients, by worker.");
  for (size_t i = 0; i < report.workerClients.size(); ++i)
    writer_.sample({{"worker", std::to_string(i)}}, report.workerClients[i]);
  writer_.gauge("oxbow_uptime_seconds", "Time since the start.");
  writer_.sample({}, report.uptimeSeconds);
  writer_.gauge("oxbow_build_info", "1; the version is a label.");
  writer_.sample({{"version", kVersion}}, 1);
}

}  // namespace

std::string metricsText(const ServerReport& report) {
  std::string text;
  MetricsWriter writer(text);
  writer.upstreams(report.upstreams);
  writer.endpoints(rowsOf(report.upstreams));
  writer.listeners(report.listeners);
  writer.server(report);
  return text;
}

}  // namespace oxbow::admin
