// The part of the metrics that is about the server as a whole, and its process.

#include "proxy/admin/metrics_parts.h"
#include "proxy/base/version.h"

namespace oxbow::admin {

namespace {

using stats::PrometheusWriter;

struct Count {
  std::string_view name;
  std::string_view help;
  uint64_t ServerReport::*value;
};

constexpr Count kCounts[] = {
    {"oxbow_access_log_dropped_total", "Access log records dropped: ring full or output failed.",
     &ServerReport::accessLogDropped},
    {"oxbow_log_dropped_total", "Log lines dropped: too many at once or output failed.",
     &ServerReport::logDropped},
    {"oxbow_log_suppressed_total", "Log lines held back: too many of the same kind in a second.",
     &ServerReport::logSuppressed},
    {"oxbow_accept_errors_total", "Failures to accept a client: no descriptors or no memory.",
     &ServerReport::acceptErrors},
};

void writeConfiguration(PrometheusWriter& writer, const ServerReport& report) {
  writer.counter("oxbow_reloads_total", "Loads of a changed configuration, by result.");
  writer.sample({{"result", "applied"}}, report.reloadsApplied);
  writer.sample({{"result", "refused"}}, report.reloadsRefused);
  writer.gauge("oxbow_config_generation",
               "1 as started; one more with each reload that changed something.");
  writer.sample({}, report.configGeneration);
}

void writeMemory(PrometheusWriter& writer, const ServerReport& report) {
  writer.gauge("oxbow_memory_bytes", "Memory that oxbow accounts for, by what it is used for.");
  for (size_t i = 0; i < report.memory.size(); ++i)
    writer.sample({{"kind", textOf(static_cast<MemoryKind>(i))}}, report.memory[i]);
  writer.gauge("oxbow_memory_limit_bytes", "memory_limit; 0: none.");
  writer.sample({}, report.memoryLimit);
  writer.gauge("oxbow_memory_held_bytes", "What is held against memory_limit, when there is one.");
  writer.sample({}, report.memoryUsed);
  writer.gauge("oxbow_read_ahead_bytes", "Response bytes read ahead of their clients.");
  writer.sample({}, report.bufferedBytes);
}

// By the names that are usual for any process. What the kernel does not tell is left out.
void writeProcess(PrometheusWriter& writer, const ProcessReport& process) {
  writer.gauge("process_resident_memory_bytes", "Resident memory of the process.");
  if (process.residentBytes > 0) writer.sample({}, process.residentBytes);
  writer.gauge("process_open_fds", "Open descriptors.");
  if (process.openDescriptors > 0) writer.sample({}, process.openDescriptors);
  writer.gauge("process_max_fds", "Descriptors that may be open.");
  if (process.descriptorLimit > 0) writer.sample({}, process.descriptorLimit);
  writer.counter("process_cpu_seconds_total", "CPU time of the process, user and system.");
  writer.sample({}, process.cpuSeconds);
  writer.gauge("process_start_time_seconds", "When the process started, in Unix time.");
  writer.sample({}, process.startTime);
}

}  // namespace

void writeServerMetrics(PrometheusWriter& writer, const ServerReport& report) {
  for (const Count& count : kCounts) {
    writer.counter(count.name, count.help);
    writer.sample({}, report.*count.value);
  }
  writeConfiguration(writer, report);
  writeMemory(writer, report);
  writeProcess(writer, report.process);
  writer.gauge("oxbow_uptime_seconds", "Time since the start.");
  writer.sample({}, report.uptimeSeconds);
  writer.gauge("oxbow_build_info", "1; the version is a label.");
  writer.sample({{"version", kVersion}}, 1);
}

}  // namespace oxbow::admin
