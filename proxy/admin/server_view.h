#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/clock.h"
#include "proxy/base/error.h"
#include "proxy/config/diff.h"
#include "proxy/config/problem.h"
#include "proxy/dns/name_cache.h"
#include "proxy/log/recent_errors.h"
#include "proxy/net/transport.h"
#include "proxy/pool/close_reason.h"
#include "proxy/pool/lifecycle.h"
#include "proxy/session/http1_session.h"
#include "proxy/stats/histogram.h"
#include "proxy/stats/size_histogram.h"

// What the admin pages know of the server: plain values, summed over the workers.

namespace oxbow::admin {

struct EndpointReport {
  std::string address;
  std::string server;  // as configured
  std::string name;    // that it is an address of; empty: of none
  uint32_t group = 0;  // by priority: the lowest that can be reached is used
  bool backup = false;
  bool standby = false;  // of the address family that is not in use
  uint32_t weight = 1;
  uint32_t maxConns = 0;  // 0: no cap
  uint64_t idle = 0, active = 0, connecting = 0;
  uint64_t moved = 0;  // idle ones that went to another worker
  uint64_t opened = 0, connected = 0, connectFailed = 0, acquired = 0, reused = 0, peeks = 0;
  uint64_t deadPeeks = 0;
  std::array<uint64_t, static_cast<size_t>(pool::CloseReason::Count)> closed{};
  stats::HistogramSnapshot connectTime;
  uint64_t avoidedTimes = 0;            // that max_fails was reached
  double avoidedSeconds = 0;            // that it still is; 0: it is not
  double learnedIdleSeconds = 0;        // 0: nothing learned
  double learnedUnusedIdleSeconds = 0;  // of connections that never carried an exchange
  bool tls = false;                     // else what follows means nothing
  bool tlsVerify = false;               // the server's certificate is verified
  uint64_t handshakesFull = 0, handshakesResumed = 0, handshakesFailed = 0;
  uint64_t ticketsRefused = 0;  // full handshakes where a session was offered
  uint64_t sessionsCached = 0;  // to resume, of all workers together
  std::array<uint64_t, static_cast<size_t>(net::CertificateFault::Count)> certificateFaults{};
  stats::HistogramSnapshot handshakeTime;  // of handshakes that succeeded

  void merge(const EndpointReport& other);
};

struct UpstreamReport {
  std::string name;
  std::vector<EndpointReport> endpoints;
  uint32_t keepalive = 0, keepaliveMin = 0, maxConns = 0, maxTotalConns = 0, maxConnecting = 0;
  uint32_t queueSize = 0;
  uint64_t waiting = 0, served = 0;
  uint64_t refusedFull = 0, refusedLate = 0, refusedNoEndpoint = 0;
  uint64_t retries = 0, replays = 0, replaysRefused = 0;
  uint64_t strayed = 0;  // connections that moved to where their endpoint was no more
  uint64_t endpointsDrained = 0, endpointsRevived = 0;
  uint64_t racesBegun = 0, racesWon = 0;  // of address families
  uint64_t requestBytes = 0, responseBytes = 0;
  std::array<uint64_t, 6> byClass{};  // [0]: no answer was sent
  stats::HistogramSnapshot totalTime, waitTime, firstByteTime;
  // Of the last minute: see stats::RecentTimes.
  stats::HistogramSnapshot recentTotal, recentWait, recentConnect, recentFirstByte;
  stats::SizeSnapshot requestSizes, responseSizes;  // of bodies

  // REQUIRES: the same upstream.
  void merge(const UpstreamReport& other);
};

struct ListenerReport {
  std::string address;
  uint64_t accepted = 0, open = 0, requests = 0, underscoreNames = 0;
  uint64_t bytesIn = 0, bytesOut = 0;
  stats::HistogramSnapshot firstByteTime;  // from a request's head to its response's
  std::array<uint64_t, 6> byClass{};
  std::array<uint64_t, static_cast<size_t>(session::SessionEnd::Count)> ended{};
  std::array<uint64_t, static_cast<size_t>(ErrorCode::Count)> errors{};
  bool tls = false;  // else what follows means nothing
  uint64_t handshakesFull = 0, handshakesResumed = 0, handshakesFailed = 0;
  stats::HistogramSnapshot handshakeTime;  // of handshakes that succeeded

  void merge(const ListenerReport& other);
};

// One that a listener shows to its clients.
struct CertificateReport {
  std::string listener;  // as ListenerReport::address
  std::string file;
  std::string subject;  // RFC 2253
  std::vector<std::string> names;
  double secondsLeft = 0;  // until it ends; negative: it has
};

// A name that is followed.
struct NameReport {
  std::string name;
  std::vector<std::string> upstreams;  // that use it
  std::string foundAs;                 // with its domain; empty before it was
  dns::NameState state = dns::NameState::Resolving;
  dns::Source source = dns::Source::Dns;
  std::vector<std::string> addresses;  // of services: those of their targets
  std::vector<dns::Service> services;  // of an SRV name
  double ageSeconds = -1;              // of the last good answer; negative: there is none in use
  double ttlSeconds = 0;               // within ttl_min and ttl_max
  double nextRefreshSeconds = -1;      // negative: under way
  uint64_t failures = 0;               // in a row
  std::string lastError;               // of these; empty: the last lookup went well
};

struct DnsReport {
  std::vector<NameReport> names;
  std::vector<std::string> servers;  // that are asked
  std::vector<std::string> search;
  uint32_t ndots = 1;
  uint64_t lookups = 0, hits = 0, staleServes = 0;
  uint64_t addressesAdded = 0, addressesDrained = 0, addressesDenied = 0;
  std::array<uint64_t, static_cast<size_t>(dns::Outcome::Count)> outcomes{};
  stats::HistogramSnapshot lookupTime;
};

// What memory is used for, as far as oxbow accounts for it; labels of a gauge.
enum class MemoryKind : uint8_t {
  Buffers,      // blocks in use: heads, bodies, what waits for a peer
  FreeBuffers,  // blocks kept for the next
  Exchanges,    // in progress, and kept for the next
  Clients,      // connections of clients
  Connections,  // to servers
  Workers,      // what each worker has once
  AccessLogs,   // rings and batches
  Count
};
std::string_view textOf(MemoryKind kind);

struct LoopReport {
  uint64_t turns = 0, messages = 0;
  stats::HistogramSnapshot turnTime, lag;
};

// 0: not known.
struct ProcessReport {
  uint64_t residentBytes = 0, openDescriptors = 0, descriptorLimit = 0;
  double cpuSeconds = 0;
  double startTime = 0;  // Unix time
};

struct ServerReport {
  std::vector<UpstreamReport> upstreams;
  std::vector<ListenerReport> listeners;
  uint64_t accessLogDropped = 0, logDropped = 0, logSuppressed = 0;
  uint64_t bufferedBytes = 0;  // response bytes read ahead of their clients
  uint64_t acceptErrors = 0;   // accept() without descriptors or memory
  double uptimeSeconds = 0;
  std::vector<uint64_t> workerClients;  // by worker: clients that it serves
  std::array<uint64_t, static_cast<size_t>(MemoryKind::Count)> memory{};
  ProcessReport process;
  std::vector<LoopReport> loops;    // of the main thread, then by worker
  std::vector<uint64_t> longTurns;  // of loops over 100 ms: of the main thread, then by worker
  uint64_t configGeneration = 1;  // 1: as started; one more with each reload that changed something
  uint64_t reloadsApplied = 0, reloadsRefused = 0;
  std::vector<CertificateReport> certificates;
  uint64_t tlsReloads = 0, tlsReloadsRefused = 0;  // of certificates, keys and CAs that changed
  DnsReport dns;
  std::vector<log::RecentError> errors;  // of all workers, in no order
  WallTime takenAt{};
  uint64_t memoryLimit = 0, memoryUsed = 0;  // as memory_limit has it; 0: there is none
  uint64_t eventSubscribers = 0, eventsDropped = 0;

  uint64_t& memoryFor(MemoryKind kind) { return memory[static_cast<size_t>(kind)]; }

  // Sums a worker's report into this one; what the main thread knows stays as it is. Upstreams,
  // endpoints and listeners are the same by name and address; one worker may already know of some
  // that another does not.
  void merge(const ServerReport& other);
};

// What became of loading the configuration anew.
struct ReloadReport {
  bool applied = false;
  std::string file;
  std::string error;                      // why nothing has changed; empty when applied
  std::vector<config::Problem> problems;  // in the file
  std::vector<config::Change> changes;    // that were, or would have been, made
  uint64_t generation = 0;                // of the configuration that holds now
};

// A client that is connected now.
struct ClientReport {
  uint64_t id = 0;
  std::string listener;
  std::string address;     // IP address
  std::string_view state;  // "idle"
  std::string upstream;    // of the exchange in progress; empty: none
  double ageSeconds = 0;
  uint64_t requests = 0;
  uint64_t requestBytes = 0, responseBytes = 0;  // of the exchange in progress, bodies only
  std::string tlsVersion;                        // empty: none
  bool tlsResumed = false;
  size_t worker = 0;
};

// A connection to an endpoint.
struct ConnectionReport {
  uint64_t id = 0;
  std::string upstream;
  std::string endpoint;
  std::string_view state;  // "idle", "active" or "connecting"
  double ageSeconds = 0;
  double idleSeconds = -1;  // negative: it is not idle
  uint64_t exchanges = 0;
  std::optional<bool> tlsResumed;  // nothing: it speaks none, or not yet
  size_t worker = 0;
};

// A page of connections: in the order of their ids, clients first. An id is never given twice, so
// whatever lives through all pages comes once.
struct ConnectionQuery {
  // The ids behind which the page begins; nothing: none of that kind are asked for.
  std::optional<uint64_t> clientsAfter = 0;
  std::optional<uint64_t> connectionsAfter = 0;
  std::string upstream;  // only what has to do with that one; empty: all
  size_t limit = 100;
};
struct ConnectionPage {
  std::vector<ClientReport> clients;
  std::vector<ConnectionReport> connections;
  bool more = false;

  // Adds what another worker has.
  void merge(ConnectionPage other);
  // Sorts, and keeps one page.
  void cut(size_t limit);
};

// A step in the life of a connection to an endpoint.
struct EventReport {
  WallTime time{};
  pool::Lifecycle kind = pool::Lifecycle::Created;
  std::string upstream;
  std::string endpoint;  // empty: of none
  size_t worker = 0;
  uint64_t connection = 0;  // its id; 0: of none
  std::string_view reason;  // of what retired or was refused
};

// Who watches events. Main thread.
class EventSubscriber {
 public:
  // Comes several times a second: what has happened since the last time, in order, and how many
  // more there were that got lost on the way. Returns of how many it takes no notice for want of
  // room. May unsubscribe itself.
  virtual uint64_t onEvents(TimePoint now, const std::vector<EventReport>& events,
                            uint64_t dropped) = 0;
  // There will be no more. Unsubscribed already.
  virtual void onEventsOver() = 0;

 protected:
  ~EventSubscriber() = default;
};

// Implemented by the server. Main thread.
class ServerView {
 public:
  using Done = std::function<void(const ServerReport&)>;
  using ReloadDone = std::function<void(const ReloadReport&)>;
  virtual ~ServerView() = default;

  // Asks the workers; `done` runs later on the main thread.
  virtual void collect(Done done) = 0;
  // Loads the configuration anew; `done` runs later on the main thread, or inside this call.
  virtual void reload(ReloadDone done) = 0;
  // Every listener accepts and no drain has begun.
  virtual bool ready() const = 0;

  using ConnectionsDone = std::function<void(const ConnectionPage&)>;
  // Asks the workers; `done` runs later on the main thread.
  virtual void connections(const ConnectionQuery& query, ConnectionsDone done) = 0;
  // What is loaded now, and its number.
  virtual const config::Config& config() const = 0;
  virtual uint64_t generation() const = 0;
  // The log's level of now.
  virtual config::LogLevel logLevel() const = 0;
  virtual void setLogLevel(config::LogLevel level) = 0;
  // False: there are too many already, or the server is stopping.
  [[nodiscard]] virtual bool subscribe(EventSubscriber& subscriber) = 0;
  virtual void unsubscribe(EventSubscriber& subscriber) = 0;
};

}  // namespace oxbow::admin
