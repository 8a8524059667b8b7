#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/stats/histogram.h"

namespace oxbow::stats {

struct Label {
  std::string_view name;
  std::string_view value;  // any bytes: escaped, malformed UTF-8 replaced by U+FFFD
};
using Labels = std::vector<Label>;

// Writes metrics in Prometheus' text format, version 0.0.4 (kContentType). A family is begun by one
// of counter(), gauge() and histogram(); its samples follow. Names and label names are ours and are
// asserted to be valid. Keeps a reference to the string that it appends to.
class PrometheusWriter {
 public:
  static constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

  explicit PrometheusWriter(std::string& out) : out_(out) {}

  // REQUIRES: the name ends in "_total".
  void counter(std::string_view name, std::string_view help);
  // REQUIRES: the name does not end in "_total".
  void gauge(std::string_view name, std::string_view help);
  // REQUIRES: the name ends in "_seconds".
  void histogram(std::string_view name, std::string_view help);

  // One sample of the counter or gauge that was begun last.
  template <std::unsigned_integral T>
  void sample(const Labels& labels, T value) {
    writeUnsigned(labels, value);
  }
  template <std::signed_integral T>
  void sample(const Labels& labels, T value) {
    writeSigned(labels, value);
  }
  void sample(const Labels& labels, double value);

  // One histogram of the family that was begun last. Its bounds are powers of two from 0.000512 to
  // 16.777216 seconds: they are bounds of the log-linear buckets too, so the counts are exact.
  void sample(const Labels& labels, const HistogramSnapshot& snapshot);

 private:
  enum class Type : uint8_t { None, Counter, Gauge, Histogram };

  void family(Type type, std::string_view name, std::string_view help);
  void begin(std::string_view suffix, const Labels& labels, std::string_view le = {});
  void label(std::string_view name, std::string_view value);
  void writeUnsigned(const Labels& labels, uint64_t value);
  void writeSigned(const Labels& labels, int64_t value);
  void endWith(uint64_t value);

  std::string& out_;
  std::string name_;
  Type type_ = Type::None;
};

}  // namespace oxbow::stats
