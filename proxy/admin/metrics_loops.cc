// The part of the metrics that is about event loops: the main thread's and the workers'.

#include <string>

#include "proxy/admin/metrics_parts.h"

namespace oxbow::admin {

namespace {

using stats::PrometheusWriter;

// The main thread's comes first.
std::string nameOf(size_t loop) {
  return loop == 0 ? "main" : "worker-" + std::to_string(loop - 1);
}

template <typename Value>
void writeOfEach(PrometheusWriter& writer, const std::vector<LoopReport>& loops,
                 Value LoopReport::*value) {
  for (size_t i = 0; i < loops.size(); ++i) writer.sample({{"loop", nameOf(i)}}, loops[i].*value);
}

}  // namespace

void writeLoopMetrics(PrometheusWriter& writer, const ServerReport& report) {
  constexpr auto kShort = PrometheusWriter::Bounds::ShortTimes;
  writer.counter("oxbow_loop_turns_total", "Turns of an event loop.");
  writeOfEach(writer, report.loops, &LoopReport::turns);
  writer.histogram("oxbow_loop_turn_duration_seconds",
                   "Turns of an event loop, of which one in 61 is timed.", kShort);
  writeOfEach(writer, report.loops, &LoopReport::turnTime);
  writer.histogram("oxbow_loop_lag_seconds",
                   "How long a message of a report waited for the event loop.", kShort);
  writeOfEach(writer, report.loops, &LoopReport::lag);
  writer.counter("oxbow_loop_messages_total", "Messages that an event loop was sent and has run.");
  writeOfEach(writer, report.loops, &LoopReport::messages);
  writer.counter("oxbow_loop_long_turns_total",
                 "Turns of an event loop that took longer than 100 ms.");
  for (size_t i = 0; i < report.longTurns.size(); ++i)
    writer.sample({{"loop", nameOf(i)}}, report.longTurns[i]);
  writer.gauge("oxbow_worker_clients", "Connections of clients, by worker.");
  for (size_t i = 0; i < report.workerClients.size(); ++i)
    writer.sample({{"worker", std::to_string(i)}}, report.workerClients[i]);
}

}  // namespace oxbow::admin
