// What a worker tells of itself.

#include "proxy/server/worker.h"

namespace oxbow::server {

using admin::MemoryKind;

namespace {

admin::EndpointReport reportOf(const upstream::Upstream::Endpoint& endpoint, TimePoint now) {
  admin::EndpointReport report;
  const pool::ConnPool& pool = *endpoint.pool;
  const pool::PoolStats& stats = *endpoint.stats;
  report.address = endpoint.spec.address.text();
  report.server = endpoint.spec.server;
  report.name = endpoint.spec.name;
  report.group = endpoint.spec.group % upstream::kBackupGroup;
  report.backup = endpoint.spec.backup;
  report.avoidedTimes = stats.avoided.value();
  if (pool.avoided())
    report.avoidedSeconds =
        std::chrono::duration<double>(pool.state().health.avoidedUntil() - now).count();
  report.standby = endpoint.spec.standby;
  report.weight = endpoint.spec.weight;
  report.maxConns = endpoint.spec.maxConns;
  report.idle = pool.idle();
  report.active = pool.active();
  report.connecting = pool.connecting();
  report.opened = stats.opened.value();
  report.connected = stats.connected.value();
  report.connectFailed = stats.connectFailed.value();
  report.acquired = stats.acquired.value();
  report.reused = stats.reused.value();
  report.peeks = stats.peeks.value();
  report.deadPeeks = stats.deadPeeks.value();
  report.moved = stats.movedOut.value();
  for (size_t i = 0; i < report.closed.size(); ++i) report.closed[i] = stats.closed[i].value();
  report.connectTime = stats.connectTime.snapshot();
  const auto seconds = [now](const pool::IdleAge& age) {
    const auto learned = age.learned(now);
    return learned ? std::chrono::duration<double>(*learned).count() : 0.0;
  };
  report.learnedIdleSeconds = seconds(pool.state().usedAge);
  report.learnedUnusedIdleSeconds = seconds(pool.state().unusedAge);
  return report;
}

void reportTls(admin::EndpointReport& report, const upstream::Http1Connector& connector) {
  if (!connector.key().tls) return;
  const upstream::HandshakeStats& stats = connector.handshakes();
  report.tls = true;
  report.tlsVerify = connector.key().tls->verify;
  report.handshakesFull = stats.full.value();
  report.handshakesResumed = stats.resumed.value();
  report.handshakesFailed = stats.failed.value();
  report.ticketsRefused = stats.refused.value();
  report.sessionsCached = connector.sessionsCached();
  for (size_t i = 0; i < report.certificateFaults.size(); ++i)
    report.certificateFaults[i] = stats.faults[i].value();
  report.handshakeTime = stats.time.snapshot();
}

void reportRecent(admin::UpstreamReport& report, const upstream::Upstream& upstream,
                  TimePoint now) {
  const upstream::RecentStats& recent = upstream.recent();
  recent.total.addTo(report.recentTotal, now);
  recent.wait.addTo(report.recentWait, now);
  recent.firstByte.addTo(report.recentFirstByte, now);
  for (const auto& endpoint : upstream.endpoints())
    endpoint.stats->recentConnects.addTo(report.recentConnect, now);
}

admin::UpstreamReport reportOf(upstream::Upstream& upstream, TimePoint now) {
  admin::UpstreamReport report;
  const config::Upstream& config = *upstream.config();
  const upstream::UpstreamStats& stats = upstream.stats();
  report.name = upstream.name();
  for (const auto& endpoint : upstream.endpoints())
    reportTls(report.endpoints.emplace_back(reportOf(endpoint, now)), *endpoint.connector);
  report.keepalive = *config.keepalive;
  report.keepaliveMin = *config.keepaliveMin;
  report.maxConns = *config.maxConns;
  report.maxTotalConns = *config.maxTotalConns;
  report.maxConnecting = *config.maxConnecting;
  report.queueSize = *config.queue.size;
  report.waiting = upstream.waiting();
  report.served = stats.queue.served.value();
  report.refusedFull = stats.queue.refusedFull.value();
  report.refusedLate = stats.queue.refusedLate.value();
  report.refusedNoEndpoint = stats.queue.refusedNoEndpoint.value();
  report.retries = stats.queue.retried.value();
  report.strayed = stats.queue.strayed.value();
  report.replays = stats.replays.value();
  report.replaysRefused = stats.replaysRefused.value();
  report.endpointsDrained = stats.endpointsDrained.value();
  report.endpointsRevived = stats.endpointsRevived.value();
  report.racesBegun = stats.racesBegun.value();
  report.racesWon = stats.racesWon.value();
  report.requestBytes = stats.requestSizes.sum();
  report.responseBytes = stats.responseSizes.sum();
  report.requestSizes = stats.requestSizes.snapshot();
  report.responseSizes = stats.responseSizes.snapshot();
  for (size_t i = 0; i < report.byClass.size(); ++i) report.byClass[i] = stats.byClass[i].value();
  report.totalTime = stats.totalTime.snapshot();
  report.waitTime = stats.queue.waitTime.snapshot();
  report.firstByteTime = stats.firstByteTime.snapshot();
  reportRecent(report, upstream, now);
  return report;
}

}  // namespace

admin::ServerReport Worker::report() {
  admin::ServerReport report;
  const TimePoint now = dispatcher_->now();
  // In the order of the configuration.
  for (const auto& upstream : generation_->upstreams())
    report.upstreams.push_back(reportOf(*upstream, now));
  for (const std::string& key : generation_->snapshot()->keys) {
    const HttpListener& listener = *listeners_.at(key);
    listener.report(report.listeners.emplace_back());
    report.acceptErrors += listener.acceptErrors();
  }
  report.bufferedBytes = context_->buffered;
  report.errors = context_->errors.list();
  report.takenAt = dispatcher_->wall();
  reportMemory(report);
  return report;
}

void Worker::reportMemory(admin::ServerReport& report) const {
  report.memoryFor(MemoryKind::Buffers) = context_->blocks.lentBytes();
  report.memoryFor(MemoryKind::FreeBuffers) = context_->blocks.freeBytes();
  report.memoryFor(MemoryKind::Exchanges) = exchangeBytes();
  report.memoryFor(MemoryKind::Clients) = clientBytes();
  report.memoryFor(MemoryKind::Connections) = connectionBytes();
  report.memoryFor(MemoryKind::Workers) = sizeof(upstream::WorkerContext) + SessionParts::kScratch;
}

}  // namespace oxbow::server
