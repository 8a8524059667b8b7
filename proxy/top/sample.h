#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proxy/base/clock.h"
#include "proxy/base/result.h"

// What the admin address told at one moment. Texts are as they came: escape them before they are
// shown.

namespace oxbow::top {

using Known = std::optional<double>;  // empty: nobody knows yet

struct EndpointSample {
  std::string address;
  std::string state;  // as told; empty: it is to be worked out
  bool standby = false;
  bool verifyOff = false;
  uint64_t active = 0, idle = 0, connecting = 0;
  uint64_t maxConns = 0;  // 0: no cap
  uint64_t opened = 0, connectFailed = 0, acquired = 0, reused = 0, closed = 0;
  Known reuse, learnedIdle, resumption;
  std::vector<std::pair<std::string, uint64_t>> closes;  // by reason
};

struct UpstreamSample {
  std::string name;
  std::vector<std::string> warnings;
  uint64_t maxTotalConns = 0;  // 0: no cap
  uint64_t queueSize = 0, waiting = 0;
  uint64_t refusedFull = 0, refusedLate = 0, refusedNoEndpoint = 0;
  uint64_t requests = 0, errors = 0;  // of all classes; 5xx
  uint64_t replays = 0;
  Known reuse, resumption;
  Known waitP50, waitP99, totalP50, totalP99;  // ms
  std::vector<EndpointSample> endpoints;
};

struct NameSample {
  std::string name, state, lastError;
  std::vector<std::string> addresses;
  Known age, ttl;  // s
};

struct ErrorSample {
  double age = 0;  // s
  uint64_t count = 0;
  uint64_t status = 0;  // 0: none was sent
  std::string upstream, endpoint, token, detail, advice;
};

struct Sample {
  TimePoint at{};
  std::vector<UpstreamSample> upstreams;
  std::vector<NameSample> names;
  std::vector<ErrorSample> errors;
};

// The answers of /api/upstreams, /api/dns and /api/errors. What a document lacks stays as it is
// above; an error when one is no JSON.
Result<Sample> readSample(const std::string& upstreams, const std::string& dns,
                          const std::string& errors, TimePoint at);

// What happened between two samples, per second; empty: nobody can tell.
struct Rates {
  Known requests, errors;
  Known reuse;  // of what was handed out in between
};
// `before` may be null.
Rates ratesOf(const UpstreamSample& now, const UpstreamSample* before, Duration between);

}  // namespace oxbow::top
