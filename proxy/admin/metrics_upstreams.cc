// The part of the metrics that is about upstreams as a whole.

#include "proxy/admin/metrics_families.h"
#include "proxy/admin/metrics_parts.h"

namespace oxbow::admin {

namespace {

using stats::PrometheusWriter;

constexpr Family<UpstreamReport, uint64_t> kCounters[] = {
    {"oxbow_upstream_request_body_bytes_total", "Bytes of request bodies, framing excluded.",
     &UpstreamReport::requestBytes},
    {"oxbow_upstream_response_body_bytes_total", "Bytes of response bodies, framing excluded.",
     &UpstreamReport::responseBytes},
    {"oxbow_upstream_queue_served_total", "Connections handed out, with or without a wait.",
     &UpstreamReport::served},
    {"oxbow_upstream_retries_total",
     "Requests that went on to another try behind a connect that failed.",
     &UpstreamReport::retries},
    {"oxbow_upstream_replays_total", "Requests sent again after a reused connection had ended.",
     &UpstreamReport::replays},
    {"oxbow_upstream_replays_refused_total",
     "Requests that met a reused connection at its end and could not be sent again.",
     &UpstreamReport::replaysRefused},
    {"oxbow_upstream_connections_strayed_total",
     "Connections that came to a worker which had their endpoint no more, and closed.",
     &UpstreamReport::strayed},
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

constexpr Family<UpstreamReport, uint64_t> kGauges[] = {
    {"oxbow_upstream_waiting", "Requests that wait for a connection.", &UpstreamReport::waiting},
};

constexpr Family<UpstreamReport, uint32_t> kCaps[] = {
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

constexpr Family<UpstreamReport, stats::HistogramSnapshot> kTimes[] = {
    {"oxbow_upstream_request_duration_seconds",
     "From the complete request head to the last byte handed to the client's socket.",
     &UpstreamReport::totalTime},
    {"oxbow_upstream_wait_duration_seconds",
     "From asking for a connection to getting it, opening included.", &UpstreamReport::waitTime},
    {"oxbow_upstream_first_byte_duration_seconds",
     "From sending the request to the response's head.", &UpstreamReport::firstByteTime},
};

constexpr Family<UpstreamReport, stats::SizeSnapshot> kSizes[] = {
    {"oxbow_upstream_request_body_size_bytes", "Request bodies by size, framing excluded.",
     &UpstreamReport::requestSizes},
    {"oxbow_upstream_response_body_size_bytes", "Response bodies by size, framing excluded.",
     &UpstreamReport::responseSizes},
};

void writeQueueRefusals(PrometheusWriter& writer, const std::vector<UpstreamReport>& upstreams) {
  writer.counter("oxbow_upstream_queue_refused_total",
                 "Requests that got no connection, by reason.");
  for (const UpstreamReport& upstream : upstreams) {
    writer.sample(labelsOf(upstream, "reason", "full"), upstream.refusedFull);
    writer.sample(labelsOf(upstream, "reason", "late"), upstream.refusedLate);
    writer.sample(labelsOf(upstream, "reason", "no_endpoint"), upstream.refusedNoEndpoint);
  }
}

void writeReuseRatios(PrometheusWriter& writer, const std::vector<UpstreamReport>& upstreams) {
  writer.gauge("oxbow_upstream_reuse_ratio",
               "Reused connections among those handed to requests, since the start.");
  for (const UpstreamReport& upstream : upstreams) {
    uint64_t acquired = 0, reused = 0;
    for (const EndpointReport& endpoint : upstream.endpoints) {
      acquired += endpoint.acquired;
      reused += endpoint.reused;
    }
    if (acquired == 0) continue;
    writer.sample(labelsOf(upstream), static_cast<double>(reused) / static_cast<double>(acquired));
  }
}

void writeConnectTimes(PrometheusWriter& writer, const std::vector<UpstreamReport>& upstreams) {
  writer.histogram("oxbow_upstream_connect_duration_seconds",
                   "Opening of connections that were established.");
  for (const UpstreamReport& upstream : upstreams) {
    stats::HistogramSnapshot merged;
    for (const EndpointReport& endpoint : upstream.endpoints) merged.merge(endpoint.connectTime);
    writer.sample(labelsOf(upstream), merged);
  }
}

}  // namespace

void writeUpstreamMetrics(PrometheusWriter& writer, const std::vector<UpstreamReport>& upstreams) {
  writeByClass(writer, "oxbow_upstream_requests_total",
               "Requests routed to the upstream, by the class of the status sent.", upstreams);
  writeCounters(writer, kCounters, upstreams);
  writeQueueRefusals(writer, upstreams);
  writeGauges(writer, kGauges, upstreams);
  writeGauges(writer, kCaps, upstreams);
  writeReuseRatios(writer, upstreams);
  writeTimes(writer, kTimes, upstreams);
  writeConnectTimes(writer, upstreams);
  writeSizes(writer, kSizes, upstreams);
}

}  // namespace oxbow::admin
