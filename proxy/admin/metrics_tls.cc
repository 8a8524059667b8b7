// The part of the metrics that is about TLS. What speaks none has no series here.

#include <algorithm>
#include <map>
#include <utility>

#include "proxy/admin/metrics_families.h"
#include "proxy/admin/metrics_parts.h"

namespace oxbow::admin {

namespace {

using stats::PrometheusWriter;

template <typename Source>
void writeHandshakes(PrometheusWriter& writer, std::string_view name, std::string_view help,
                     const std::vector<Source>& sources) {
  writer.counter(name, help);
  for (const Source& source : sources) {
    const auto& report = reportOf(source);
    if (!report.tls) continue;
    writer.sample(labelsOf(source, "result", "full"), report.handshakesFull);
    writer.sample(labelsOf(source, "result", "resumed"), report.handshakesResumed);
    writer.sample(labelsOf(source, "result", "failed"), report.handshakesFailed);
  }
}

void writeRefusedTickets(PrometheusWriter& writer, const std::vector<EndpointRow>& rows) {
  writer.counter("oxbow_upstream_tls_tickets_refused_total",
                 "Full TLS handshakes although a session was offered.");
  for (const EndpointRow& row : rows)
    if (row.report->tls) writer.sample(labelsOf(row), row.report->ticketsRefused);
}

void writeCertificateErrors(PrometheusWriter& writer, const std::vector<EndpointRow>& rows) {
  writer.counter("oxbow_upstream_tls_certificate_errors_total",
                 "TLS handshakes that failed for the server's certificate, by reason.");
  for (const EndpointRow& row : rows)
    if (row.report->tls)  // 0 is no error
      writeByEnum<net::CertificateFault>(writer, row, "reason", row.report->certificateFaults, 1);
}

bool speaksTls(const UpstreamReport& upstream) {
  return std::any_of(upstream.endpoints.begin(), upstream.endpoints.end(),
                     [](const EndpointReport& endpoint) { return endpoint.tls; });
}

void writeUpstreamTimes(PrometheusWriter& writer, const std::vector<UpstreamReport>& upstreams) {
  writer.histogram("oxbow_upstream_tls_handshake_seconds",
                   "TLS handshakes with servers that succeeded.");
  for (const UpstreamReport& upstream : upstreams) {
    if (!speaksTls(upstream)) continue;
    stats::HistogramSnapshot merged;
    for (const EndpointReport& endpoint : upstream.endpoints) merged.merge(endpoint.handshakeTime);
    writer.sample(labelsOf(upstream), merged);
  }
}

void writeListenerTimes(PrometheusWriter& writer, const std::vector<ListenerReport>& listeners) {
  writer.histogram("oxbow_listener_tls_handshake_seconds",
                   "TLS handshakes with clients that succeeded.");
  for (const ListenerReport& listener : listeners)
    if (listener.tls) writer.sample(labelsOf(listener), listener.handshakeTime);
}

// A file may stand for several certificates of a listener; no two samples may have the same labels.
void writeCertificates(PrometheusWriter& writer,
                       const std::vector<CertificateReport>& certificates) {
  constexpr double kDay = 86400;
  std::map<std::pair<std::string_view, std::string_view>, double> soonest;
  for (const CertificateReport& each : certificates) {
    const auto [at, fresh] = soonest.try_emplace({each.listener, each.file}, each.secondsLeft);
    if (!fresh) at->second = std::min(at->second, each.secondsLeft);
  }
  writer.gauge("oxbow_tls_certificate_expiry_days",
               "Time until a listener's certificate ends; negative: it has.");
  for (const auto& [labels, seconds] : soonest)
    writer.sample({{"listener", labels.first}, {"file", labels.second}}, seconds / kDay);
}

}  // namespace

void writeTlsMetrics(PrometheusWriter& writer, const ServerReport& report) {
  const std::vector<EndpointRow> rows = rowsOf(report.upstreams);
  writeHandshakes(writer, "oxbow_upstream_tls_handshakes_total",
                  "TLS handshakes with servers, by result.", rows);
  writeRefusedTickets(writer, rows);
  writeCertificateErrors(writer, rows);
  writeUpstreamTimes(writer, report.upstreams);
  writeHandshakes(writer, "oxbow_listener_tls_handshakes_total",
                  "TLS handshakes with clients, by result.", report.listeners);
  writeListenerTimes(writer, report.listeners);
  writeCertificates(writer, report.certificates);
  writer.counter("oxbow_tls_reloads_total",
                 "Loads of changed certificates, keys and CAs, by result.");
  writer.sample({{"result", "applied"}}, report.tlsReloads);
  writer.sample({{"result", "refused"}}, report.tlsReloadsRefused);
}

}  // namespace oxbow::admin
