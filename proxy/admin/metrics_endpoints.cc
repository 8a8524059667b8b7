// The part of the metrics that is about the endpoints of upstreams.

#include <utility>

#include "proxy/admin/metrics_families.h"
#include "proxy/admin/metrics_parts.h"

namespace oxbow::admin {

namespace {

using stats::PrometheusWriter;

constexpr Family<EndpointReport, uint64_t> kCounters[] = {
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
    {"oxbow_endpoint_dead_peeks_total",
     "Of these, the ones that found it closed, or with bytes to read.", &EndpointReport::deadPeeks},
    {"oxbow_endpoint_connections_moved_total",
     "Idle connections that went from one worker to another.", &EndpointReport::moved},
};

constexpr std::pair<std::string_view, uint64_t EndpointReport::*> kStates[] = {
    {"idle", &EndpointReport::idle},
    {"active", &EndpointReport::active},
    {"connecting", &EndpointReport::connecting},
};

constexpr Family<EndpointReport, uint32_t> kGauges[] = {
    {"oxbow_endpoint_max_conns", "Cap on connections to the endpoint; 0: none.",
     &EndpointReport::maxConns},
    {"oxbow_endpoint_weight", "The endpoint's weight in balancing.", &EndpointReport::weight},
};

constexpr std::pair<std::string_view, double EndpointReport::*> kLearnedAges[] = {
    {"used", &EndpointReport::learnedIdleSeconds},
    {"unused", &EndpointReport::learnedUnusedIdleSeconds},
};

void writeStates(PrometheusWriter& writer, const std::vector<EndpointRow>& rows) {
  writer.gauge("oxbow_endpoint_connections", "Connections to the endpoint, by state.");
  for (const EndpointRow& row : rows)
    for (const auto& [state, value] : kStates)
      writer.sample(labelsOf(row, "state", state), row.report->*value);
}

void writeCloses(PrometheusWriter& writer, const std::vector<EndpointRow>& rows) {
  writer.counter("oxbow_endpoint_connections_closed_total", "Connections closed, by reason.");
  for (const EndpointRow& row : rows)
    writeByEnum<pool::CloseReason>(writer, row, "reason", row.report->closed);
}

void writeLearnedAges(PrometheusWriter& writer, const std::vector<EndpointRow>& rows) {
  writer.gauge("oxbow_endpoint_learned_idle_age_seconds",
               "Idleness after which the server was seen to close connections.");
  for (const EndpointRow& row : rows)
    for (const auto& [kind, value] : kLearnedAges)
      if (row.report->*value > 0) writer.sample(labelsOf(row, "kind", kind), row.report->*value);
}

}  // namespace

void writeEndpointMetrics(PrometheusWriter& writer, const std::vector<UpstreamReport>& upstreams) {
  const std::vector<EndpointRow> rows = rowsOf(upstreams);
  writeStates(writer, rows);
  writeCounters(writer, kCounters, rows);
  writeCloses(writer, rows);
  writeGauges(writer, kGauges, rows);
  writeLearnedAges(writer, rows);
}

}  // namespace oxbow::admin
