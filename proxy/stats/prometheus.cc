#include "proxy/stats/prometheus.h"

#include <charconv>
#include <cmath>

#include "proxy/base/assert.h"
#include "proxy/base/bytes.h"
#include "proxy/base/utf8.h"

namespace oxbow::stats {

namespace {

struct Range {
  uint64_t first, last;  // µs
};
constexpr Range kTimes{512, uint64_t{1} << 24};
constexpr Range kShortTimes{16, uint64_t{1} << 20};

constexpr int kFirstPower = 3;  // of four
constexpr int kLastPower = 15;

bool isLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

bool isName(std::string_view name) {
  if (name.empty() || !isLetter(name.front())) return false;
  for (const char c : name)
    if (!isLetter(c) && !(c >= '0' && c <= '9')) return false;
  return true;
}

// Label values escape quotes too; HELP texts do not.
void appendEscaped(std::string& out, std::string_view text, bool quotes) {
  while (!text.empty()) {
    const size_t length = utf8Length(text);
    if (length == 0) {
      out += "\xef\xbf\xbd";  // U+FFFD
    } else if (text.front() == '\n') {
      out += "\\n";
    } else {
      if (text.front() == '\\' || (quotes && text.front() == '"')) out += '\\';
      out += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
}

std::string numberText(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  char text[32];
  const std::to_chars_result end = std::to_chars(text, text + sizeof text, value);
  ASSERT(end.ec == std::errc());
  return std::string(text, end.ptr);
}

// Exact, unlike a division: "0.000512".
std::string secondsText(uint64_t micros) {
  char text[kMaxDecimal + 8];
  char* end = writeDecimal(text, micros / 1000000);
  const uint64_t fraction = micros % 1000000;
  if (fraction != 0) {
    end = writePadded(append(end, '.'), fraction, 6);
    while (end[-1] == '0') --end;
  }
  return std::string(text, end);
}

}  // namespace

void PrometheusWriter::counter(std::string_view name, std::string_view help) {
  ASSERT(name.ends_with("_total"));
  family(Type::Counter, name, help);
}

void PrometheusWriter::gauge(std::string_view name, std::string_view help) {
  ASSERT(!name.ends_with("_total"));
  family(Type::Gauge, name, help);
}

void PrometheusWriter::histogram(std::string_view name, std::string_view help, Bounds bounds) {
  ASSERT(name.ends_with("_seconds"));
  family(Type::Histogram, name, help);
  bounds_ = bounds;
}

void PrometheusWriter::sizes(std::string_view name, std::string_view help) {
  ASSERT(name.ends_with("_bytes"));
  family(Type::Sizes, name, help);
}

void PrometheusWriter::family(Type type, std::string_view name, std::string_view help) {
  ASSERT(isName(name));
  type_ = type;
  name_ = name;
  out_.append("# HELP ").append(name).append(" ");
  appendEscaped(out_, help, false);
  out_.append("\n# TYPE ").append(name);
  if (type == Type::Counter) out_ += " counter\n";
  if (type == Type::Gauge) out_ += " gauge\n";
  if (type == Type::Histogram || type == Type::Sizes) out_ += " histogram\n";
}

void PrometheusWriter::label(std::string_view name, std::string_view value) {
  ASSERT(isName(name));
  out_ += out_.back() == '{' ? "" : ",";
  out_.append(name).append("=\"");
  appendEscaped(out_, value, true);
  out_ += '"';
}

void PrometheusWriter::begin(std::string_view suffix, const Labels& labels, std::string_view le) {
  out_.append(name_).append(suffix);
  if (!labels.empty() || !le.empty()) {
    out_ += '{';
    for (const Label& each : labels) label(each.name, each.value);
    if (!le.empty()) label("le", le);
    out_ += '}';
  }
  out_ += ' ';
}

void PrometheusWriter::endWith(uint64_t value) {
  char text[kMaxDecimal];
  out_.append(text, writeDecimal(text, value)) += '\n';
}

void PrometheusWriter::writeUnsigned(const Labels& labels, uint64_t value) {
  ASSERT(type_ == Type::Counter || type_ == Type::Gauge);
  begin("", labels);
  endWith(value);
}

void PrometheusWriter::writeSigned(const Labels& labels, int64_t value) {
  ASSERT(type_ == Type::Gauge || value >= 0);
  ASSERT(type_ == Type::Counter || type_ == Type::Gauge);
  begin("", labels);
  if (value < 0) out_ += '-';
  endWith(value < 0 ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value));
}

void PrometheusWriter::sample(const Labels& labels, double value) {
  ASSERT(type_ == Type::Counter || type_ == Type::Gauge);
  begin("", labels);
  out_.append(numberText(value)) += '\n';
}

void PrometheusWriter::bucket(const Labels& labels, std::string_view bound, uint64_t count) {
  begin("_bucket", labels, bound);
  endWith(count);
}

void PrometheusWriter::endHistogram(const Labels& labels, std::string_view sum, uint64_t count) {
  bucket(labels, "+Inf", count);
  begin("_sum", labels);
  out_.append(sum) += '\n';
  begin("_count", labels);
  endWith(count);
}

void PrometheusWriter::sample(const Labels& labels, const HistogramSnapshot& snapshot) {
  ASSERT(type_ == Type::Histogram);
  const Range& range = bounds_ == Bounds::Times ? kTimes : kShortTimes;
  for (uint64_t bound = range.first; bound <= range.last; bound *= 2)
    bucket(labels, secondsText(bound), snapshot.countAtMost(bound));
  endHistogram(labels, secondsText(snapshot.sumMicros()), snapshot.count());
}

void PrometheusWriter::sample(const Labels& labels, const SizeSnapshot& snapshot) {
  ASSERT(type_ == Type::Sizes);
  for (int power = kFirstPower; power <= kLastPower; ++power)
    bucket(labels, std::to_string(uint64_t{1} << (2 * power)), snapshot.countAtMost(power));
  endHistogram(labels, std::to_string(snapshot.sum), snapshot.count());
}

}  // namespace oxbow::stats
