// The part of the metrics that is about listeners and their clients.

#include "proxy/admin/metrics_families.h"
#include "proxy/admin/metrics_parts.h"

namespace oxbow::admin {

namespace {

using stats::PrometheusWriter;

constexpr Family<ListenerReport, uint64_t> kCounters[] = {
    {"oxbow_listener_connections_accepted_total", "Connections accepted from clients.",
     &ListenerReport::accepted},
    {"oxbow_listener_requests_received_total", "Requests that began, malformed ones included.",
     &ListenerReport::requests},
    {"oxbow_listener_received_bytes_total", "Bytes from clients, heads and framing included.",
     &ListenerReport::bytesIn},
    {"oxbow_listener_sent_bytes_total", "Bytes to clients, heads and framing included.",
     &ListenerReport::bytesOut},
    {"oxbow_listener_underscore_names_dropped_total",
     "Request fields dropped for an underscore in their name.", &ListenerReport::underscoreNames},
};

constexpr Family<ListenerReport, uint64_t> kGauges[] = {
    {"oxbow_listener_connections_open", "Connections of clients that are open.",
     &ListenerReport::open},
};

constexpr Family<ListenerReport, stats::HistogramSnapshot> kTimes[] = {
    {"oxbow_listener_first_byte_duration_seconds",
     "From the complete request head to the response's, all that lies between included.",
     &ListenerReport::firstByteTime},
};

void writeEnds(PrometheusWriter& writer, const std::vector<ListenerReport>& listeners) {
  writer.counter("oxbow_listener_connections_ended_total",
                 "Connections of clients that ended, by reason.");
  for (const ListenerReport& listener : listeners)
    writeByEnum<session::SessionEnd>(writer, listener, "reason", listener.ended);
}

void writeErrors(PrometheusWriter& writer, const std::vector<ListenerReport>& listeners) {
  writer.counter("oxbow_listener_errors_total",
                 "Requests that failed, by the error of Proxy-Status and the access log.");
  for (const ListenerReport& listener : listeners)
    for (size_t i = 1; i < listener.errors.size(); ++i)  // 0 is no error
      writer.sample(labelsOf(listener, "error", tokenOf(static_cast<ErrorCode>(i))),
                    listener.errors[i]);
}

}  // namespace

void writeListenerMetrics(PrometheusWriter& writer, const std::vector<ListenerReport>& listeners) {
  writeCounters(writer, kCounters, listeners);
  writeGauges(writer, kGauges, listeners);
  writeByClass(writer, "oxbow_listener_requests_total",
               "Requests that ended, by the class of the status sent.", listeners);
  writeEnds(writer, listeners);
  writeErrors(writer, listeners);
  writeTimes(writer, kTimes, listeners);
}

}  // namespace oxbow::admin
