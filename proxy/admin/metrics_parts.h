#pragma once

#include <vector>

#include "proxy/admin/server_view.h"
#include "proxy/stats/prometheus.h"

// The parts of /metrics, a noun each. docs/metrics.md lists all of it.

namespace oxbow::admin {

void writeUpstreamMetrics(stats::PrometheusWriter& writer,
                          const std::vector<UpstreamReport>& upstreams);
void writeEndpointMetrics(stats::PrometheusWriter& writer,
                          const std::vector<UpstreamReport>& upstreams);
void writeListenerMetrics(stats::PrometheusWriter& writer,
                          const std::vector<ListenerReport>& listeners);
// Of endpoints, listeners and certificates.
void writeTlsMetrics(stats::PrometheusWriter& writer, const ServerReport& report);
// Names, and what was asked of DNS servers.
void writeDnsMetrics(stats::PrometheusWriter& writer, const DnsReport& dns);
// Who reads /api/events.
void writeEventMetrics(stats::PrometheusWriter& writer, const ServerReport& report);
// Event loops and workers.
void writeLoopMetrics(stats::PrometheusWriter& writer, const ServerReport& report);
// Logs, configuration, memory and what is said of the process.
void writeServerMetrics(stats::PrometheusWriter& writer, const ServerReport& report);

}  // namespace oxbow::admin
