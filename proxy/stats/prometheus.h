#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/stats/histogram.h"
#include "proxy/stats/size_histogram.h"

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
  // Its bounds are powers of two: of Times from 0.000512 to 16.777216 seconds, of ShortTimes from
  // 0.000016 to 1.048576. They are bounds of the log-linear buckets too, so the counts are exact.
  enum class Bounds : uint8_t { Times, ShortTimes };
  // REQUIRES: the name ends in "_seconds".
  void histogram(std::string_view name, std::string_view help, Bounds bounds = Bounds::Times);
  // Its bounds are the powers of four from 64 bytes to 1 GiB. REQUIRES: the name ends in "_bytes".
  void sizes(std::string_view name, std::string_view help);

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

  // One histogram of the family that was begun last.
  void sample(const Labels& labels, const HistogramSnapshot& snapshot);
  void sample(const Labels& labels, const SizeSnapshot& snapshot);

 private:
  enum class Type : uint8_t { None, Counter, Gauge, Histogram, Sizes };

  void family(Type type, std::string_view name, std::string_view help);
  void begin(std::string_view suffix, const Labels& labels, std::string_view le = {});
  void label(std::string_view name, std::string_view value);
  void bucket(const Labels& labels, std::string_view bound, uint64_t count);
  void endHistogram(const Labels& labels, std::string_view sum, uint64_t count);
  void writeUnsigned(const Labels& labels, uint64_t value);
  void writeSigned(const Labels& labels, int64_t value);
  void endWith(uint64_t value);

  std::string& out_;
  std::string name_;
  Type type_ = Type::None;
  Bounds bounds_ = Bounds::Times;
};

}  // namespace oxbow::stats
