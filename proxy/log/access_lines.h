#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "proxy/base/bytes.h"
#include "proxy/base/clock.h"
#include "proxy/log/access_record.h"
#include "proxy/log/escape.h"

namespace oxbow::log {

// Milliseconds with three decimals.
inline char* appendMillis(char* out, Duration duration) {
  const auto micros = static_cast<uint64_t>(std::max<int64_t>(duration.count(), 0) / 1000);
  out = append(writeDecimal(out, micros / 1000), '.');
  return writePadded(out, micros % 1000, 3);
}

// Of how many requests a line tells that was written with a chance of `sample` in a million: "10",
// or "3.333333".
inline char* appendWeight(char* out, uint32_t sample) {
  const uint64_t millionths = 1'000'000'000'000 / sample;
  out = writeDecimal(out, millionths / 1'000'000);
  const uint64_t fraction = millionths % 1'000'000;
  return fraction == 0 ? out : writePadded(append(out, '.'), fraction, 6);
}

// The two forms that a key and its value have in a line, with the same functions for the types that
// there are. What is not known is null in JSON, and - in text. Writer thread only.

class JsonLine {
 public:
  explicit JsonLine(char* out) : out_(append(out, '{')) {}

  void key(std::string_view name) {
    if (!first_) *out_++ = ',';
    first_ = false;
    out_ = append(append(append(out_, '"'), name), "\":");
  }
  void null(std::string_view name) {
    key(name);
    out_ = append(out_, "null");
  }
  void string(std::string_view name, std::string_view text) {
    if (text.empty()) return null(name);
    key(name);
    out_ = append(appendJsonEscaped(append(out_, '"'), text), '"');
  }
  // Of letters and digits alone.
  void token(std::string_view name, std::string_view text) { string(name, text); }
  void number(std::string_view name, uint64_t value) {
    key(name);
    out_ = writeDecimal(out_, value);
  }
  void boolean(std::string_view name, bool value) {
    key(name);
    out_ = append(out_, value ? "true" : "false");
  }
  void millis(std::string_view name, Duration value) {
    key(name);
    out_ = appendMillis(out_, value);
  }
  void weight(std::string_view name, uint32_t sample) {
    key(name);
    out_ = appendWeight(out_, sample);
  }
  void tls(const AccessRecord& record) {
    key("tls");
    *out_++ = '{';
    first_ = true;
    string("version", record.tlsVersion);
    string("cipher", record.tlsCipher);
    string("server_name", record.tlsServerName);
    boolean("resumed", record.tlsResumed);
    string("client_verify", record.clientVerify);
    string("client_subject", record.clientSubject);
    string("client_fingerprint", record.clientFingerprint);
    *out_++ = '}';
  }
  char* end() { return append(out_, "}\n"); }

 private:
  char* out_;
  bool first_ = true;
};

class TextLine {
 public:
  explicit TextLine(char* out) : out_(out) {}

  void raw(std::string_view text) {
    out_ = append(out_, text);
    first_ = false;
  }
  void bare(std::string_view value) {
    out_ = value.empty() ? append(out_, '-') : appendTextEscaped(out_, value);
  }
  void quoted(std::string_view value) {
    *out_++ = '"';
    bare(value);
    *out_++ = '"';
  }
  void decimal(uint64_t value) { out_ = writeDecimal(out_, value); }

  void key(std::string_view name) {
    if (!first_) *out_++ = ' ';
    first_ = false;
    out_ = append(append(out_, name), '=');
  }
  void null(std::string_view name) {
    key(name);
    *out_++ = '-';
  }
  void string(std::string_view name, std::string_view value) {
    key(name);
    quoted(value);
  }
  void token(std::string_view name, std::string_view value) {
    key(name);
    bare(value);
  }
  void number(std::string_view name, uint64_t value) {
    key(name);
    decimal(value);
  }
  void boolean(std::string_view name, bool value) { number(name, value ? 1 : 0); }
  void millis(std::string_view name, Duration value) {
    key(name);
    out_ = appendMillis(out_, value);
  }
  void weight(std::string_view name, uint32_t sample) {
    key(name);
    out_ = appendWeight(out_, sample);
  }
  void tls(const AccessRecord& record) {
    key("tls");
    *out_++ = '"';
    bare(record.tlsVersion);
    *out_++ = ' ';
    bare(record.tlsCipher);
    *out_++ = '"';
  }
  char* end() { return append(out_, '\n'); }

 private:
  char* out_;
  bool first_ = true;
};

}  // namespace oxbow::log
