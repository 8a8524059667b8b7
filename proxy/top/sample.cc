#include "proxy/top/sample.h"

#include <nlohmann/json.hpp>

namespace oxbow::top {

namespace {

using Json = nlohmann::ordered_json;

const Json kNothing;

// Members of an object; null when it has none of that name, or is no object.
const Json& at(const Json& object, const char* name) {
  const auto found = object.find(name);
  return object.is_object() && found != object.end() ? *found : kNothing;
}

uint64_t count(const Json& object, const char* name) {
  const Json& value = at(object, name);
  return value.is_number_unsigned() ? value.get<uint64_t>() : 0;
}

Known known(const Json& object, const char* name) {
  const Json& value = at(object, name);
  return value.is_number() ? Known(value.get<double>()) : std::nullopt;
}

std::string text(const Json& object, const char* name) {
  const Json& value = at(object, name);
  return value.is_string() ? value.get<std::string>() : "";
}

std::vector<std::string> texts(const Json& array) {
  std::vector<std::string> result;
  for (const Json& each : array)
    if (each.is_string()) result.push_back(each.get<std::string>());
  return result;
}

EndpointSample endpointOf(const Json& json) {
  EndpointSample e;
  e.address = text(json, "address");
  e.state = text(json, "state");
  e.standby = at(json, "standby") == true;
  e.active = count(json, "active");
  e.idle = count(json, "idle");
  e.connecting = count(json, "connecting");
  e.maxConns = count(json, "max_conns");
  e.opened = count(json, "opened");
  e.connectFailed = count(json, "connect_failed");
  e.acquired = count(json, "acquired");
  e.reused = count(json, "reused");
  e.reuse = known(json, "reuse_ratio");
  e.learnedIdle = known(json, "learned_idle_s");
  e.resumption = known(at(json, "tls"), "resumption_ratio");
  e.verifyOff = at(at(json, "tls"), "verify") == false;
  const Json& closed = at(json, "closed");
  e.closed = count(closed, "total");
  if (closed.is_object())
    for (const auto& [reason, value] : closed.items())
      if (reason != "total" && value.is_number_unsigned())
        e.closes.emplace_back(reason, value.get<uint64_t>());
  return e;
}

UpstreamSample upstreamOf(const Json& json) {
  UpstreamSample u;
  u.name = text(json, "name");
  u.warnings = texts(at(json, "warnings"));
  u.maxTotalConns = count(json, "max_total_conns");
  const Json& queue = at(json, "queue");
  u.queueSize = count(queue, "size");
  u.waiting = count(queue, "waiting");
  const Json& refused = at(queue, "refused");
  u.refusedFull = count(refused, "full");
  u.refusedLate = count(refused, "late");
  u.refusedNoEndpoint = count(refused, "no_endpoint");
  const Json& requests = at(json, "requests");
  for (const Json& each : requests)
    if (each.is_number_unsigned()) u.requests += each.get<uint64_t>();
  u.errors = count(requests, "5xx");
  u.replays = count(json, "replays");
  u.reuse = known(json, "reuse_ratio");
  u.resumption = known(json, "resumption_ratio");
  u.waitP50 = known(at(json, "wait_ms"), "p50");
  u.waitP99 = known(at(json, "wait_ms"), "p99");
  u.totalP50 = known(at(json, "latency_ms"), "p50");
  u.totalP99 = known(at(json, "latency_ms"), "p99");
  for (const Json& endpoint : at(json, "endpoints")) u.endpoints.push_back(endpointOf(endpoint));
  return u;
}

NameSample nameOf(const Json& json) {
  NameSample n;
  n.name = text(json, "name");
  n.state = text(json, "state");
  n.lastError = text(json, "last_error");
  n.addresses = texts(at(json, "addresses"));
  n.age = known(json, "age_s");
  n.ttl = known(json, "ttl_s");
  return n;
}

ErrorSample errorOf(const Json& json) {
  ErrorSample e;
  e.age = known(json, "age_s").value_or(0);
  e.count = count(json, "count");
  e.status = count(json, "status");
  e.upstream = text(json, "upstream");
  e.endpoint = text(json, "endpoint");
  e.token = text(json, "error");
  e.detail = text(json, "detail");
  e.advice = text(json, "advice");
  return e;
}

uint64_t sumOf(const UpstreamSample& upstream, uint64_t EndpointSample::*member) {
  uint64_t sum = 0;
  for (const EndpointSample& endpoint : upstream.endpoints) sum += endpoint.*member;
  return sum;
}

}  // namespace

Result<Sample> readSample(const std::string& upstreams, const std::string& dns,
                          const std::string& errors, TimePoint when) {
  Sample sample;
  sample.at = when;
  const auto read = [](const std::string& document) {
    return Json::parse(document, nullptr, false);
  };
  const Json first = read(upstreams), second = read(dns), third = read(errors);
  if (!first.is_object() || !second.is_object() || !third.is_object())
    return std::string("the answer is no JSON: is this the admin address of an oxbow?");
  for (const Json& each : at(first, "upstreams")) sample.upstreams.push_back(upstreamOf(each));
  for (const Json& each : at(second, "names")) sample.names.push_back(nameOf(each));
  for (const Json& each : at(third, "errors")) sample.errors.push_back(errorOf(each));
  return sample;
}

Rates ratesOf(const UpstreamSample& now, const UpstreamSample* before, Duration between) {
  Rates rates;
  const double seconds = std::chrono::duration<double>(between).count();
  if (before == nullptr || seconds <= 0) return rates;
  const uint64_t acquired = sumOf(now, &EndpointSample::acquired);
  const uint64_t acquiredBefore = sumOf(*before, &EndpointSample::acquired);
  const uint64_t reused = sumOf(now, &EndpointSample::reused);
  const uint64_t reusedBefore = sumOf(*before, &EndpointSample::reused);
  // Counters that went back are those of another process, or of endpoints that have left.
  if (now.requests < before->requests || now.errors < before->errors || acquired < acquiredBefore ||
      reused < reusedBefore)
    return rates;
  rates.requests = static_cast<double>(now.requests - before->requests) / seconds;
  rates.errors = static_cast<double>(now.errors - before->errors) / seconds;
  if (acquired > acquiredBefore)
    rates.reuse =
        static_cast<double>(reused - reusedBefore) / static_cast<double>(acquired - acquiredBefore);
  return rates;
}

}  // namespace oxbow::top
