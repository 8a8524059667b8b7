#pragma once

#include <doctest/doctest.h>

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/admin/server_view.h"

namespace oxbow::admin {

// What the tests of the pages share: a report, and Prometheus' text taken apart.

inline stats::HistogramSnapshot timesOf(std::initializer_list<uint64_t> micros) {
  stats::Histogram histogram;
  for (const uint64_t each : micros) histogram.recordMicros(each);
  return histogram.snapshot();
}

inline stats::SizeSnapshot sizesOf(std::initializer_list<uint64_t> bytes) {
  stats::SizeHistogram histogram;
  for (const uint64_t each : bytes) histogram.record(each);
  return histogram.snapshot();
}

inline EndpointReport busyEndpoint() {
  EndpointReport e;
  e.address = "127.0.0.1:8081";
  e.server = "api1.internal:8081";
  e.name = "api1.internal:8081";
  e.group = 1;
  e.backup = true;
  e.avoidedTimes = 2;
  e.avoidedSeconds = 2.5;
  e.standby = true;
  e.weight = 2;
  e.maxConns = 64;
  e.idle = 3;
  e.active = 4;
  e.connecting = 5;
  e.opened = 20;
  e.connected = 18;
  e.connectFailed = 2;
  e.acquired = 100;
  e.reused = 90;
  e.peeks = 7;
  e.deadPeeks = 6;
  e.moved = 8;
  e.closed[static_cast<size_t>(pool::CloseReason::KeepaliveTimeout)] = 6;
  e.closed[static_cast<size_t>(pool::CloseReason::ServerClosed)] = 1;
  e.connectTime = timesOf({512, 2048});
  e.learnedIdleSeconds = 4.5;
  e.learnedUnusedIdleSeconds = 0.25;
  e.tls = true;
  e.tlsVerify = true;
  e.handshakesFull = 10;
  e.handshakesResumed = 30;
  e.handshakesFailed = 5;
  e.ticketsRefused = 4;
  e.sessionsCached = 6;
  e.certificateFaults[static_cast<size_t>(net::CertificateFault::None)] = 2;
  e.certificateFaults[static_cast<size_t>(net::CertificateFault::Expired)] = 1;
  e.certificateFaults[static_cast<size_t>(net::CertificateFault::WrongName)] = 2;
  e.handshakeTime = timesOf({1024, 4096});
  return e;
}

// Without TLS.
inline EndpointReport freshEndpoint() {
  EndpointReport e;
  e.address = "[::1]:8082";
  e.server = "api2.internal:8082";
  return e;
}

inline UpstreamReport busyUpstream() {
  UpstreamReport u;
  u.name = "api";
  u.endpoints = {busyEndpoint(), freshEndpoint()};
  u.keepalive = 32;
  u.keepaliveMin = 2;
  u.maxConns = 50;
  u.maxTotalConns = 200;
  u.maxConnecting = 8;
  u.queueSize = 1024;
  u.waiting = 9;
  u.served = 101;
  u.refusedFull = 11;
  u.refusedLate = 12;
  u.refusedNoEndpoint = 13;
  u.retries = 20;
  u.strayed = 21;
  u.replays = 14;
  u.replaysRefused = 15;
  u.endpointsDrained = 16;
  u.endpointsRevived = 17;
  u.racesBegun = 18;
  u.racesWon = 19;
  u.requestBytes = 1600;
  u.responseBytes = 1700;
  u.byClass = {1, 2, 30, 4, 5, 6};
  u.totalTime = timesOf({1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 64000});
  u.waitTime = timesOf({0});
  u.firstByteTime = timesOf({512, 512});
  u.recentTotal = timesOf({1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 64000});
  u.recentWait = timesOf({0});
  u.recentConnect = timesOf({2048});
  u.recentFirstByte = timesOf({512, 512});
  u.requestSizes = sizesOf({0, 1600});
  u.responseSizes = sizesOf({64, 65, 1571});
  return u;
}

inline ListenerReport busyListener() {
  ListenerReport l;
  l.address = "127.0.0.1:8080";
  l.accepted = 40;
  l.open = 41;
  l.requests = 49;
  l.underscoreNames = 42;
  l.bytesIn = 4000;
  l.bytesOut = 5000;
  l.firstByteTime = timesOf({1024, 3072});
  l.byClass = {1, 0, 30, 4, 5, 6};
  l.ended[static_cast<size_t>(session::SessionEnd::Finished)] = 43;
  l.errors[static_cast<size_t>(ErrorCode::ConnectionRefused)] = 44;
  l.tls = true;
  l.handshakesFull = 21;
  l.handshakesResumed = 63;
  l.handshakesFailed = 7;
  l.handshakeTime = timesOf({2048});
  return l;
}

// A server at work, with a second upstream to which nothing has happened yet.
inline ServerReport busyServer() {
  ServerReport report;
  report.upstreams = {busyUpstream(), UpstreamReport()};
  report.upstreams[1].name = "quiet";
  report.listeners = {busyListener()};
  report.accessLogDropped = 51;
  report.logDropped = 52;
  report.logSuppressed = 66;
  for (size_t i = 0; i < report.memory.size(); ++i) report.memory[i] = 1000 + i;
  report.process = {2000, 70, 1024, 12.5, 1700000000.25};
  report.loops = {{67, 68, timesOf({32}), timesOf({64})}, {69, 70, timesOf({16}), {}}, {}};
  report.bufferedBytes = 53;
  report.acceptErrors = 54;
  report.uptimeSeconds = 55.5;
  report.configGeneration = 56;
  report.reloadsApplied = 57;
  report.reloadsRefused = 58;
  report.workerClients = {59, 60};
  report.longTurns = {61, 62, 63};
  report.certificates = {
      {"127.0.0.1:8080", "site.pem", "CN=site.example", {"site.example"}, 1.5 * 86400},
      {"127.0.0.1:8080", "old.pem", "CN=old.example", {"old.example"}, -43200}};
  report.tlsReloads = 64;
  report.tlsReloadsRefused = 65;
  return report;
}

struct Sample {
  std::string name;
  std::map<std::string, std::string> labels;
  std::string value;
};

// Reads the text format strictly as far as the writer uses it: a family is # HELP, # TYPE, samples.
struct Exposition {
  std::map<std::string, std::string> types;  // by family
  std::map<std::string, std::string> helps;
  std::vector<Sample> samples;
  std::map<std::string, std::vector<Sample>> families;

  explicit Exposition(const std::string& text) {
    size_t at = 0;
    while (at < text.size()) {
      const size_t end = text.find('\n', at);
      REQUIRE(end != std::string::npos);
      readLine(text.substr(at, end - at));
      at = end + 1;
    }
  }

  // The value of the one sample with that name and those labels; "" when there is none.
  std::string value(const std::string& name,
                    const std::map<std::string, std::string>& labels = {}) const {
    std::string found;
    for (const Sample& sample : samples) {
      if (sample.name != name || sample.labels != labels) continue;
      CHECK(found.empty());
      found = sample.value;
    }
    return found;
  }

  std::set<std::string> valuesOfLabel(const std::string& family, const std::string& label) const {
    std::set<std::string> values;
    for (const Sample& sample : families.at(family)) values.insert(sample.labels.at(label));
    return values;
  }

 private:
  void readLine(const std::string& line) {
    if (line.rfind("# HELP ", 0) == 0) return begin(line.substr(7));
    if (line.rfind("# TYPE ", 0) == 0) {
      const size_t space = line.find(' ', 7);
      REQUIRE(line.substr(7, space - 7) == family_);
      types[family_] = line.substr(space + 1);
      return;
    }
    readSample(line);
  }

  void begin(const std::string& rest) {
    const size_t space = rest.find(' ');
    family_ = rest.substr(0, space);
    INFO(family_);
    CHECK(helps.count(family_) == 0);  // a family comes once
    helps[family_] = rest.substr(space + 1);
    families[family_];
  }

  void readSample(const std::string& line) {
    INFO(line);
    Sample sample;
    const size_t end = line.find_first_of("{ ");
    REQUIRE(end != std::string::npos);
    sample.name = line.substr(0, end);
    REQUIRE(sample.name.rfind(family_, 0) == 0);
    size_t at = end;
    if (line[at] == '{') at = readLabels(line, at + 1, sample.labels);
    REQUIRE(line[at] == ' ');
    sample.value = line.substr(at + 1);
    samples.push_back(sample);
    families[family_].push_back(sample);
  }

  // From behind '{' to behind '}'.
  static size_t readLabels(const std::string& line, size_t at,
                           std::map<std::string, std::string>& labels) {
    for (;;) {
      const size_t equals = line.find('=', at);
      const std::string name = line.substr(at, equals - at);
      std::string value;
      for (at = equals + 2; line.at(at) != '"'; ++at) {
        if (line[at] == '\\') ++at;
        value += line.at(at);
      }
      CHECK(labels.emplace(name, value).second);
      if (line.at(++at) == '}') return at + 1;
      REQUIRE(line[at] == ',');
      ++at;
    }
  }

  std::string family_;
};

}  // namespace oxbow::admin
