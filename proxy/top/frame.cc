#include "proxy/top/frame.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "proxy/top/text.h"

namespace oxbow::top {

namespace {

constexpr size_t kIndent = 2;
constexpr size_t kBar = 16;
constexpr char kUnknown[] = "-";

std::string numberOf(const Known& value) { return value ? threeDigits(*value) : kUnknown; }
std::string percentOf(const Known& value) {
  return value ? fmt::format("{:.1f} %", *value * 100) : kUnknown;
}
std::string capOf(uint64_t cap) { return cap == 0 ? "none" : std::to_string(cap); }

// A word and what is the case: "waiting 3".
Line fact(std::string name, std::string value, Look look = Look::Plain) {
  return {{std::move(name) + ' ', Look::Soft}, {std::move(value), look}};
}

Line percentiles(const std::string& name, const Known& p50, const Known& p99) {
  return {{name + " p50 ", Look::Soft},
          {numberOf(p50)},
          {" p99 ", Look::Soft},
          {numberOf(p99) + " ms"}};
}

// Red, but for zero.
Line badCount(std::string name, uint64_t count) {
  return fact(std::move(name), std::to_string(count), count > 0 ? Look::Bad : Look::Plain);
}

class Frame {
 public:
  Frame(const Sample* before, const Style& style) : before_(before), style_(style) {}

  void add(const Sample& sample);
  std::vector<Line> take() { return std::move(lines_); }

 private:
  void add(const UpstreamSample& upstream, Duration between);
  void addFacts(const UpstreamSample& upstream, const Rates& rates);
  void addEndpoints(const UpstreamSample& upstream, const UpstreamSample* before);
  void addCloses(const UpstreamSample& upstream);
  void add(const NameSample& name);
  void add(const ErrorSample& error);
  void addFlow(const std::vector<Line>& items, size_t indent);
  std::string stateOf(const EndpointSample& endpoint, bool isFailing) const;
  const UpstreamSample* knownBefore(const std::string& name) const;
  std::string safe(const std::string& text) const { return escaped(text, style_.utf8); }

  const Sample* before_;
  const Style style_;
  std::vector<Line> lines_;
};

void Frame::addFlow(const std::vector<Line>& items, size_t indent) {
  for (Line& line : flow(items, indent, style_)) lines_.push_back(std::move(line));
}

const UpstreamSample* Frame::knownBefore(const std::string& name) const {
  if (before_ == nullptr) return nullptr;
  for (const UpstreamSample& upstream : before_->upstreams)
    if (upstream.name == name) return &upstream;
  return nullptr;
}

// In words: nobody needs the colour.
std::string Frame::stateOf(const EndpointSample& e, bool isFailing) const {
  if (!e.state.empty()) return safe(e.state);
  if (e.standby) return "standby";
  if (isFailing) return "failing";
  if (e.maxConns > 0 && e.active >= e.maxConns) return "full";
  if (e.active > 0) return "in use";
  if (e.idle > 0) return "idle";
  return e.connecting > 0 ? "connecting" : "none";
}

void Frame::addFacts(const UpstreamSample& u, const Rates& rates) {
  const bool isWaiting = u.waiting > 0;
  const bool failsNow = rates.errors.value_or(0) > 0;
  addFlow({{{safe(u.name), Look::Strong}},
           fact("req/s", numberOf(rates.requests)),
           fact("5xx/s", numberOf(rates.errors), failsNow ? Look::Bad : Look::Plain),
           fact("reuse now", percentOf(rates.reuse)),
           fact("reuse", percentOf(u.reuse)),
           percentiles("wait", u.waitP50, u.waitP99),
           percentiles("total", u.totalP50, u.totalP99)},
          kIndent);
  addFlow(
      {{{std::string(kIndent, ' ') + "queue ", Look::Soft},
        {bar({u.waiting}, u.queueSize, kBar, style_.utf8)},
        {fmt::format(" {} of {}", u.waiting, u.queueSize), isWaiting ? Look::Strong : Look::Plain}},
       badCount("refused full", u.refusedFull),
       badCount("late", u.refusedLate),
       badCount("no endpoint", u.refusedNoEndpoint),
       badCount("5xx", u.errors),
       fact("requests", std::to_string(u.requests)),
       fact("sent again", std::to_string(u.replays)),
       fact("cap of all", capOf(u.maxTotalConns)),
       fact("TLS resumed", percentOf(u.resumption))},
      2 * kIndent);
  for (const std::string& warning : u.warnings)
    lines_.push_back({{std::string(kIndent, ' ') + "! " + safe(warning), Look::Bad}});
}

void Frame::addEndpoints(const UpstreamSample& upstream, const UpstreamSample* before) {
  static const std::vector<Column> kColumns = {{"ENDPOINT", 0, 99, false},
                                               {"STATE", 10, 90, false},
                                               {"POOL", kBar + 2, 60, false},
                                               {"ACTIVE", 6, 98},
                                               {"IDLE", 6, 97},
                                               {"CONN", 5, 95},
                                               {"CAP", 6, 96},
                                               {"REUSE", 7, 80},
                                               {"OPENED", 9, 50},
                                               {"FAILED", 8, 70},
                                               {"CLOSED", 9, 40},
                                               {"LEARNED s", 9, 30},
                                               {"RESUMED", 8, 20}};
  const auto failuresOf = [before](const std::string& address) {
    if (before != nullptr)
      for (const EndpointSample& e : before->endpoints)
        if (e.address == address) return e.connectFailed;
    return UINT64_MAX;
  };
  std::vector<Line> rows;
  for (const EndpointSample& e : upstream.endpoints) {
    const bool isFailing = e.connectFailed > failuresOf(e.address);
    const std::string mark = e.verifyOff ? " !" : "";
    rows.push_back({{safe(e.address) + mark},
                    {stateOf(e, isFailing), isFailing ? Look::Bad : Look::Plain},
                    {bar({e.active, e.idle, e.connecting}, e.maxConns, kBar, style_.utf8)},
                    {std::to_string(e.active)},
                    {std::to_string(e.idle)},
                    {std::to_string(e.connecting)},
                    {capOf(e.maxConns)},
                    {percentOf(e.reuse)},
                    {std::to_string(e.opened)},
                    {std::to_string(e.connectFailed), isFailing ? Look::Bad : Look::Plain},
                    {std::to_string(e.closed)},
                    {numberOf(e.learnedIdle)},
                    {percentOf(e.resumption)}});
  }
  for (Line& line : table(kColumns, rows, kIndent, style_)) lines_.push_back(std::move(line));
}

// Summed over the endpoints, the most frequent reason first.
void Frame::addCloses(const UpstreamSample& upstream) {
  std::map<std::string, uint64_t> sums;
  for (const EndpointSample& endpoint : upstream.endpoints)
    for (const auto& [reason, count] : endpoint.closes) sums[reason] += count;
  if (sums.empty()) return;
  std::vector<std::pair<std::string, uint64_t>> closes(sums.begin(), sums.end());
  std::stable_sort(closes.begin(), closes.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  std::vector<Line> items = {{{std::string(kIndent, ' ') + "closed:", Look::Soft}}};
  for (const auto& [reason, count] : closes)
    items.push_back({{safe(reason) + ' '}, {std::to_string(count)}});
  addFlow(items, 2 * kIndent);
}

void Frame::add(const UpstreamSample& upstream, Duration between) {
  const UpstreamSample* before = knownBefore(upstream.name);
  addFacts(upstream, ratesOf(upstream, before, between));
  addEndpoints(upstream, before);
  addCloses(upstream);
  lines_.emplace_back();
}

void Frame::add(const NameSample& name) {
  const bool isBad = name.state == "stale" || name.state == "unresolved";
  std::string addresses;
  for (const std::string& address : name.addresses)
    addresses += (addresses.empty() ? "" : ", ") + safe(address);
  std::vector<Line> items = {{{std::string(kIndent, ' ') + safe(name.name), Look::Strong}},
                             {{safe(name.state), isBad ? Look::Bad : Look::Plain}},
                             fact("age", numberOf(name.age) + " s of " + numberOf(name.ttl) + " s"),
                             {{addresses.empty() ? "no address" : addresses}}};
  if (!name.lastError.empty())
    items.push_back({{"last lookup: " + safe(name.lastError), Look::Bad}});
  addFlow(items, 2 * kIndent);
}

void Frame::add(const ErrorSample& error) {
  const std::string times = error.count == 1 ? "once" : fmt::format("{} times", error.count);
  std::vector<Line> items = {
      {{fmt::format("{}{} s ago", std::string(kIndent, ' '), threeDigits(error.age)), Look::Soft}},
      {{times, Look::Strong}},
      {{safe(error.detail), Look::Bad}},
      {{(error.status == 0 ? "no answer" : std::to_string(error.status)) + ' ' +
        safe(error.token)}}};
  if (!error.upstream.empty()) items.push_back({{safe(error.upstream)}});
  if (!error.endpoint.empty()) items.push_back({{safe(error.endpoint)}});
  addFlow(items, 2 * kIndent);
  lines_.push_back({{std::string(2 * kIndent, ' ') + safe(error.advice), Look::Soft}});
}

void Frame::add(const Sample& sample) {
  const Duration between = before_ != nullptr ? sample.at - before_->at : Duration(0);
  for (const UpstreamSample& upstream : sample.upstreams) add(upstream, between);
  lines_.push_back({{"NAMES", Look::Strong}, {sample.names.empty() ? "  none" : ""}});
  for (const NameSample& name : sample.names) add(name);
  lines_.emplace_back();
  lines_.push_back({{"ERRORS", Look::Strong}, {sample.errors.empty() ? "  none" : ""}});
  for (const ErrorSample& error : sample.errors) add(error);
}

}  // namespace

std::vector<Line> frameOf(const Sample& sample, const Sample* before, const Style& style) {
  Frame frame(before, style);
  frame.add(sample);
  return frame.take();
}

std::vector<Line> windowOf(const std::vector<Line>& frame, size_t first, size_t height) {
  if (frame.size() <= height) return frame;
  if (height == 0) return {};
  first = std::min(first, frame.size() - (height - 1));
  std::vector<Line> window(frame.begin() + static_cast<ptrdiff_t>(first),
                           frame.begin() + static_cast<ptrdiff_t>(first + height - 1));
  window.push_back({{fmt::format("lines {} to {} of {}; j and k move", first + 1,
                                 first + height - 1, frame.size()),
                     Look::Soft}});
  return window;
}

}  // namespace oxbow::top
