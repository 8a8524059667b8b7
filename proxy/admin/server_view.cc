#include "proxy/admin/server_view.h"

#include <algorithm>

namespace oxbow::admin {

namespace {

template <typename Array>
void addAll(Array& to, const Array& from) {
  for (size_t i = 0; i < to.size(); ++i) to[i] += from[i];
}

const std::string& nameOf(const EndpointReport& report) { return report.address; }
const std::string& nameOf(const UpstreamReport& report) { return report.name; }
const std::string& nameOf(const ListenerReport& report) { return report.address; }

// Merges reports of the same things; what only `from` has is appended. Usually they stand at the
// same place.
template <typename Report>
void mergeAll(std::vector<Report>& to, const std::vector<Report>& from) {
  for (size_t i = 0; i < from.size(); ++i) {
    const auto isSame = [&](const Report& report) { return nameOf(report) == nameOf(from[i]); };
    auto found = i < to.size() && isSame(to[i]) ? to.begin() + static_cast<ptrdiff_t>(i)
                                                : std::find_if(to.begin(), to.end(), isSame);
    if (found != to.end())
      found->merge(from[i]);
    else
      to.push_back(from[i]);
  }
}

// Of configurations, workers may have two for a moment, while a change gets around.
void mergeTls(EndpointReport& to, const EndpointReport& from) {
  if (from.tls) to.tlsVerify = from.tlsVerify && (to.tlsVerify || !to.tls);
  to.tls |= from.tls;
  to.handshakesFull += from.handshakesFull;
  to.handshakesResumed += from.handshakesResumed;
  to.handshakesFailed += from.handshakesFailed;
  to.ticketsRefused += from.ticketsRefused;
  to.sessionsCached = std::max(to.sessionsCached, from.sessionsCached);
  addAll(to.certificateFaults, from.certificateFaults);
  to.handshakeTime.merge(from.handshakeTime);
}

// What goes wrong on several workers is one error.
void mergeErrors(std::vector<log::RecentError>& to, const std::vector<log::RecentError>& from) {
  for (const log::RecentError& error : from) {
    const auto same = std::find_if(to.begin(), to.end(),
                                   [&error](const auto& known) { return known.isMoreOf(error); });
    if (same != to.end())
      same->merge(error);
    else
      to.push_back(error);
  }
}

}  // namespace

std::string_view textOf(MemoryKind kind) {
  constexpr std::string_view kTexts[] = {"buffers",     "free_buffers", "exchanges",  "clients",
                                         "connections", "workers",      "access_logs"};
  static_assert(sizeof(kTexts) / sizeof(kTexts[0]) == static_cast<size_t>(MemoryKind::Count));
  return kTexts[static_cast<size_t>(kind)];
}

void EndpointReport::merge(const EndpointReport& o) {
  idle += o.idle;
  active += o.active;
  connecting += o.connecting;
  opened += o.opened;
  connected += o.connected;
  connectFailed += o.connectFailed;
  acquired += o.acquired;
  reused += o.reused;
  peeks += o.peeks;
  deadPeeks += o.deadPeeks;
  moved += o.moved;
  addAll(closed, o.closed);
  connectTime.merge(o.connectTime);
  avoidedTimes += o.avoidedTimes;
  avoidedSeconds = std::max(avoidedSeconds, o.avoidedSeconds);
  learnedIdleSeconds = std::max(learnedIdleSeconds, o.learnedIdleSeconds);
  learnedUnusedIdleSeconds = std::max(learnedUnusedIdleSeconds, o.learnedUnusedIdleSeconds);
  mergeTls(*this, o);
}

void UpstreamReport::merge(const UpstreamReport& o) {
  mergeAll(endpoints, o.endpoints);
  waiting += o.waiting;
  served += o.served;
  refusedFull += o.refusedFull;
  refusedLate += o.refusedLate;
  refusedNoEndpoint += o.refusedNoEndpoint;
  retries += o.retries;
  replays += o.replays;
  replaysRefused += o.replaysRefused;
  strayed += o.strayed;
  endpointsDrained += o.endpointsDrained;
  endpointsRevived += o.endpointsRevived;
  racesBegun += o.racesBegun;
  racesWon += o.racesWon;
  requestBytes += o.requestBytes;
  responseBytes += o.responseBytes;
  addAll(byClass, o.byClass);
  totalTime.merge(o.totalTime);
  waitTime.merge(o.waitTime);
  firstByteTime.merge(o.firstByteTime);
  recentTotal.merge(o.recentTotal);
  recentWait.merge(o.recentWait);
  recentConnect.merge(o.recentConnect);
  recentFirstByte.merge(o.recentFirstByte);
  requestSizes.merge(o.requestSizes);
  responseSizes.merge(o.responseSizes);
}

void ListenerReport::merge(const ListenerReport& o) {
  accepted += o.accepted;
  open += o.open;
  requests += o.requests;
  bytesIn += o.bytesIn;
  bytesOut += o.bytesOut;
  firstByteTime.merge(o.firstByteTime);
  underscoreNames += o.underscoreNames;
  addAll(byClass, o.byClass);
  addAll(ended, o.ended);
  addAll(errors, o.errors);
  tls |= o.tls;
  handshakesFull += o.handshakesFull;
  handshakesResumed += o.handshakesResumed;
  handshakesFailed += o.handshakesFailed;
  handshakeTime.merge(o.handshakeTime);
}

void ConnectionPage::merge(ConnectionPage other) {
  std::move(other.clients.begin(), other.clients.end(), std::back_inserter(clients));
  std::move(other.connections.begin(), other.connections.end(), std::back_inserter(connections));
  more |= other.more;
}

void ConnectionPage::cut(size_t limit) {
  const auto byId = [](const auto& a, const auto& b) { return a.id < b.id; };
  std::sort(clients.begin(), clients.end(), byId);
  std::sort(connections.begin(), connections.end(), byId);
  more |= clients.size() + connections.size() > limit;
  clients.resize(std::min(clients.size(), limit));
  connections.resize(std::min(connections.size(), limit - clients.size()));
}

void ServerReport::merge(const ServerReport& o) {
  mergeAll(upstreams, o.upstreams);
  mergeAll(listeners, o.listeners);
  accessLogDropped += o.accessLogDropped;
  logDropped += o.logDropped;
  bufferedBytes += o.bufferedBytes;
  acceptErrors += o.acceptErrors;
  takenAt = std::max(takenAt, o.takenAt);
  mergeErrors(errors, o.errors);
  addAll(memory, o.memory);
}

}  // namespace oxbow::admin
