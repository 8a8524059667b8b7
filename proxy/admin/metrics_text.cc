#include "proxy/admin/admin_handler.h"
#include "proxy/admin/metrics_parts.h"

namespace oxbow::admin {

std::string metricsText(const ServerReport& report) {
  std::string text;
  stats::PrometheusWriter writer(text);
  writeUpstreamMetrics(writer, report.upstreams);
  writeEndpointMetrics(writer, report.upstreams);
  writeListenerMetrics(writer, report.listeners);
  writeTlsMetrics(writer, report);
  writeDnsMetrics(writer, report.dns);
  writeEventMetrics(writer, report);
  writeLoopMetrics(writer, report);
  writeServerMetrics(writer, report);
  return text;
}

}  // namespace oxbow::admin
