#pragma once

#include "proxy/admin/server_view.h"
#include "proxy/stats/prometheus.h"

namespace oxbow::admin {

// The metrics about names, and what was asked of DNS servers.
void writeDnsMetrics(stats::PrometheusWriter& writer, const DnsReport& dns);

}  // namespace oxbow::admin
