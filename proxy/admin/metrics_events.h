#pragma once

#include "proxy/admin/server_view.h"
#include "proxy/stats/prometheus.h"

namespace oxbow::admin {

// The metrics about /api/events.
void writeEventMetrics(stats::PrometheusWriter& writer, const ServerReport& report);

}  // namespace oxbow::admin
