// The part of the metrics that is about /api/events.

#include "proxy/admin/metrics_parts.h"

namespace oxbow::admin {

void writeEventMetrics(stats::PrometheusWriter& writer, const ServerReport& report) {
  writer.gauge("oxbow_event_subscribers", "Clients that read /api/events.");
  writer.sample({}, report.eventSubscribers);
  writer.counter("oxbow_events_dropped_total",
                 "Events that a reader of /api/events was not told of.");
  writer.sample({}, report.eventsDropped);
}

}  // namespace oxbow::admin
