#pragma once

#include <string_view>
#include <vector>

#include "proxy/admin/server_view.h"
#include "proxy/stats/prometheus.h"

// What the parts of /metrics have in common. A family's samples stand together, so each family runs
// over all upstreams, endpoints or listeners.

namespace oxbow::admin {

// A family that is one number, or one histogram, of each report.
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
inline std::vector<EndpointRow> rowsOf(const std::vector<UpstreamReport>& upstreams) {
  std::vector<EndpointRow> rows;
  for (const UpstreamReport& upstream : upstreams)
    for (const EndpointReport& endpoint : upstream.endpoints)
      rows.push_back({upstream.name, &endpoint});
  return rows;
}

inline const UpstreamReport& reportOf(const UpstreamReport& upstream) { return upstream; }
inline const EndpointReport& reportOf(const EndpointRow& row) { return *row.report; }
inline const ListenerReport& reportOf(const ListenerReport& listener) { return listener; }

inline stats::Labels labelsOf(const UpstreamReport& upstream) {
  return {{"upstream", upstream.name}};
}
inline stats::Labels labelsOf(const EndpointRow& row) {
  return {{"upstream", row.upstream}, {"endpoint", row.report->address}};
}
inline stats::Labels labelsOf(const ListenerReport& listener) {
  return {{"listener", listener.address}};
}

template <typename Source>
stats::Labels labelsOf(const Source& source, std::string_view name, std::string_view value) {
  stats::Labels labels = labelsOf(source);
  labels.push_back({name, value});
  return labels;
}

template <typename Source, typename Report, typename Number>
void writeSamples(stats::PrometheusWriter& writer, const Family<Report, Number>& family,
                  const std::vector<Source>& sources) {
  for (const Source& source : sources)
    writer.sample(labelsOf(source), reportOf(source).*family.value);
}

template <typename Source, typename Report, size_t N>
void writeCounters(stats::PrometheusWriter& writer, const Family<Report, uint64_t> (&families)[N],
                   const std::vector<Source>& sources) {
  for (const auto& family : families) {
    writer.counter(family.name, family.help);
    writeSamples(writer, family, sources);
  }
}

template <typename Source, typename Report, typename Number, size_t N>
void writeGauges(stats::PrometheusWriter& writer, const Family<Report, Number> (&families)[N],
                 const std::vector<Source>& sources) {
  for (const auto& family : families) {
    writer.gauge(family.name, family.help);
    writeSamples(writer, family, sources);
  }
}

template <typename Source, typename Report, size_t N>
void writeTimes(stats::PrometheusWriter& writer,
                const Family<Report, stats::HistogramSnapshot> (&families)[N],
                const std::vector<Source>& sources) {
  for (const auto& family : families) {
    writer.histogram(family.name, family.help);
    writeSamples(writer, family, sources);
  }
}

template <typename Source, typename Report, size_t N>
void writeSizes(stats::PrometheusWriter& writer,
                const Family<Report, stats::SizeSnapshot> (&families)[N],
                const std::vector<Source>& sources) {
  for (const auto& family : families) {
    writer.sizes(family.name, family.help);
    writeSamples(writer, family, sources);
  }
}

// Of upstreams or listeners.
template <typename Source>
void writeByClass(stats::PrometheusWriter& writer, std::string_view name, std::string_view help,
                  const std::vector<Source>& sources) {
  constexpr std::string_view kClasses[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
  writer.counter(name, help);
  for (const Source& source : sources)
    for (size_t i = 0; i < source.byClass.size(); ++i)
      writer.sample(labelsOf(source, "code", kClasses[i]), source.byClass[i]);
}

// The values of an array that an enum with a textOf() is the index of, from `first` on.
template <typename Enum, typename Source, typename Array>
void writeByEnum(stats::PrometheusWriter& writer, const Source& source, std::string_view label,
                 const Array& values, size_t first = 0) {
  for (size_t i = first; i < values.size(); ++i)
    writer.sample(labelsOf(source, label, textOf(static_cast<Enum>(i))), values[i]);
}

}  // namespace oxbow::admin
