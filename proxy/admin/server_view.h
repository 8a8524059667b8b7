#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "proxy/base/clock.h"
#include "proxy/base/error.h"
#include "proxy/config/diff.h"
#include "proxy/config/problem.h"
#include "proxy/dns/name_cache.h"
#include "proxy/net/transport.h"
#include "proxy/pool/close_reason.h"
#include "proxy/session/http1_session.h"
#include "proxy/stats/histogram.h"
#include "proxy/stats/size_histogram.h"

// What the admin pages know of the server: plain values, summed over the workers.

namespace oxbow::admin {

struct EndpointReport {
  std::string address;
  std::string server;    // as configured
  std::string name;      // that it is an address of; empty: of none
  uint32_t group = 0;    // by priority: the lowest that can be reached is used
  bool standby = false;  // of the address family that is not in use
  uint32_t weight = 1;
  uint32_t maxConns = 0;  // 0: no cap
  uint64_t idle = 0, active = 0, connecting = 0;
  uint64_t moved = 0;  // idle ones that went to another worker
  uint64_t opened = 0, connected = 0, connectFailed = 0, acquired = 0, reused = 0, peeks = 0;
  uint64_t deadPeeks = 0;
  std::array<uint64_t, static_cast<size_t>(pool::CloseReason::Count)> closed{};
  stats::HistogramSnapshot connectTime;
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
};

}  // namespace oxbow::admin
