#include "proxy/log/access_format.h"

#include <algorithm>
#include <cstring>
#include <ctime>

#include "proxy/base/bytes.h"
#include "proxy/base/utf8.h"

namespace oxbow::log {

namespace {

constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
constexpr size_t kMaxDetail = 256;
constexpr std::string_view kOfConnection[] = {"reused", "connection_age_ms", "connection_requests"};

// Bytes that stand for themselves in both formats.
constexpr bool isPlain(char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; }

char* appendHexByte(char* out, char c) {
  const auto byte = static_cast<unsigned char>(c);
  *out++ = "0123456789abcdef"[byte >> 4];
  *out++ = "0123456789abcdef"[byte & 15];
  return out;
}

// One character that needs care, RFC 8259, section 7. C1 controls are escaped as well: terminals
// obey them. A byte that is not UTF-8 becomes U+FFFD. Takes it from `text`.
char* appendJsonSpecial(char* out, std::string_view& text) {
  const size_t length = utf8Length(text);
  const char c = text.front();
  if (length == 0) {
    out = append(out, "\\ufffd");
  } else if (c == '"' || c == '\\') {
    out = append(append(out, '\\'), c);
  } else if (length == 1) {
    out = appendHexByte(append(out, "\\u00"), c);
  } else if (c == '\xc2' && static_cast<unsigned char>(text[1]) < 0xa0) {
    out = appendHexByte(append(out, "\\u00"), text[1]);
  } else {
    out = append(out, text.substr(0, length));
  }
  text.remove_prefix(std::max<size_t>(length, 1));
  return out;
}

char* appendJsonEscaped(char* out, std::string_view text) {
  while (true) {
    size_t plain = 0;
    while (plain < text.size() && isPlain(text[plain])) ++plain;
    out = append(out, text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) return out;
    out = appendJsonSpecial(out, text);
  }
}

// As nginx does it: what is not plain becomes \xXX, so the bytes can be told.
char* appendTextEscaped(char* out, std::string_view text) {
  for (const char c : text) {
    if (isPlain(c)) {
      *out++ = c;
    } else {
      out = appendHexByte(append(out, "\\x"), c);
    }
  }
  return out;
}

char* appendMillis(char* out, Duration duration) {
  const auto micros = static_cast<uint64_t>(std::max<int64_t>(duration.count(), 0) / 1000);
  out = append(writeDecimal(out, micros / 1000), '.');
  return writePadded(out, micros % 1000, 3);
}

std::string_view detailOf(const AccessRecord& record) {
  if (record.detail == nullptr) return {};
  return std::string_view(record.detail, strnlen(record.detail, kMaxDetail));
}

std::string_view errorOf(const AccessRecord& record) {
  return record.error == ErrorCode::None ? std::string_view() : tokenOf(record.error);
}

bool isKnown(Duration duration) { return duration >= Duration(0); }

struct JsonLine {
  char* out;

  void key(std::string_view name) { out = append(append(append(out, ",\""), name), "\":"); }
  void value(std::string_view text) {
    out =
        text.empty() ? append(out, "null") : append(appendJsonEscaped(append(out, '"'), text), '"');
  }
  void string(std::string_view name, std::string_view text) {
    key(name);
    value(text);
  }
  void number(std::string_view name, uint64_t value) {
    key(name);
    out = writeDecimal(out, value);
  }
  void status(std::string_view name, uint16_t value) {
    key(name);
    out = value == 0 ? append(out, "null") : writeDecimal(out, value);
  }
  void boolean(std::string_view name, bool value) {
    key(name);
    out = append(out, value ? "true" : "false");
  }
  void null(std::string_view name) {
    key(name);
    out = append(out, "null");
  }
  void millis(std::string_view name, Duration value) {
    if (!isKnown(value)) return null(name);
    key(name);
    out = appendMillis(out, value);
  }
  void connection(const AccessRecord& record) {
    if (isKnown(record.connect)) {
      boolean("reused", record.reused);
      number("connection_age_ms", record.connectionAge);
      number("connection_requests", record.connectionRequests);
    } else {
      for (const auto name : kOfConnection) null(name);
    }
  }
  void tls(const AccessRecord& record) {
    if (!record.tls) return null("tls");
    key("tls");
    out = append(out, "{\"version\":");
    value(record.tlsVersion);
    string("cipher", record.tlsCipher);
    string("server_name", record.tlsServerName);
    boolean("resumed", record.tlsResumed);
    string("client_verify", record.clientVerify);
    string("client_subject", record.clientSubject);
    string("client_fingerprint", record.clientFingerprint);
    out = append(out, '}');
  }
};

struct TextLine {
  char* out;

  void bare(std::string_view value) {
    out = value.empty() ? append(out, '-') : appendTextEscaped(out, value);
  }
  void quoted(std::string_view value) {
    out = append(out, '"');
    bare(value);
    out = append(out, '"');
  }
  void key(std::string_view name) { out = append(append(append(out, ' '), name), '='); }
  void string(std::string_view name, std::string_view value) {
    key(name);
    quoted(value);
  }
  void number(std::string_view name, uint64_t value) {
    key(name);
    out = writeDecimal(out, value);
  }
  void status(uint16_t value) { out = value == 0 ? append(out, '-') : writeDecimal(out, value); }
  void dash(std::string_view name) {
    key(name);
    out = append(out, '-');
  }
  void millis(std::string_view name, Duration value) {
    if (!isKnown(value)) return dash(name);
    key(name);
    out = appendMillis(out, value);
  }
  void connection(const AccessRecord& record) {
    if (isKnown(record.connect)) {
      number("reused", record.reused ? 1 : 0);
      number("connection_age_ms", record.connectionAge);
      number("connection_requests", record.connectionRequests);
    } else {
      for (const auto name : kOfConnection) dash(name);
    }
  }
  void tls(const AccessRecord& record) {
    if (!record.tls) return dash("tls");
    key("tls");
    out = append(out, '"');
    bare(record.tlsVersion);
    out = append(out, ' ');
    bare(record.tlsCipher);
    out = append(out, '"');
    string("tls_sni", record.tlsServerName);
    number("tls_resumed", record.tlsResumed ? 1 : 0);
    string("tls_client", record.clientVerify);
    string("tls_subject", record.clientSubject);
    key("tls_fingerprint");
    bare(record.clientFingerprint);
  }
};

}  // namespace

char* AccessFormatter::format(char* out, const AccessRecord& record) {
  splitTime(record.time);
  return format_ == AccessFormat::Json ? json(out, record) : text(out, record);
}

void AccessFormatter::splitTime(WallTime time) {
  const int64_t millis = std::max<int64_t>(time.time_since_epoch().count(), 0) / 1000000;
  millis_ = static_cast<unsigned>(millis % 1000);
  if (millis / 1000 == second_) return;
  second_ = millis / 1000;
  const auto seconds = static_cast<time_t>(second_);
  tm utc;
  gmtime_r(&seconds, &utc);
  strftime(isoSecond_, sizeof isoSecond_, "%Y-%m-%dT%H:%M:%S", &utc);
  // Not %b, which follows the locale.
  strftime(combinedSecond_, sizeof combinedSecond_, "%d/Mon/%Y:%H:%M:%S", &utc);
  std::memcpy(combinedSecond_ + 3, kMonths.data() + 3 * utc.tm_mon, 3);
}

char* AccessFormatter::json(char* out, const AccessRecord& record) {
  out = append(append(out, "{\"time\":\""), isoSecond_);
  out = append(writePadded(append(out, '.'), millis_, 3), "Z\"");
  JsonLine line{out};
  line.string("client", record.client);
  line.string("method", record.method);
  line.string("host", record.host);
  line.string("target", record.target);
  line.string("protocol", record.protocol);
  line.tls(record);
  line.status("status", record.status);
  line.string("upstream", record.upstream);
  line.string("endpoint", record.endpoint);
  line.status("upstream_status", record.upstreamStatus);
  line.connection(record);
  line.number("tries", record.tries);
  line.boolean("replayed", record.replayed);
  line.millis("wait_ms", record.wait);
  line.millis("connect_ms", record.connect);
  line.millis("first_byte_ms", record.firstByte);
  line.millis("total_ms", record.total);
  line.number("request_bytes", record.requestBytes);
  line.number("response_bytes", record.responseBytes);
  line.string("error", errorOf(record));
  line.string("detail", detailOf(record));
  line.string("request_id", record.requestId);
  line.string("user_agent", record.userAgent);
  line.string("referer", record.referer);
  return append(line.out, "}\n");
}

char* AccessFormatter::text(char* out, const AccessRecord& record) {
  TextLine line{out};
  line.bare(record.client);
  line.out = append(append(append(line.out, " - - ["), combinedSecond_), " +0000] \"");
  line.bare(record.method);
  line.out = append(line.out, ' ');
  line.bare(record.target);
  line.out = append(line.out, ' ');
  line.bare(record.protocol);
  line.out = append(line.out, "\" ");
  line.status(record.status);
  line.out = append(writeDecimal(append(line.out, ' '), record.responseBytes), ' ');
  line.quoted(record.referer);
  line.out = append(line.out, ' ');
  line.quoted(record.userAgent);
  line.string("host", record.host);
  line.string("upstream", record.upstream);
  line.string("endpoint", record.endpoint);
  line.key("upstream_status");
  line.status(record.upstreamStatus);
  line.connection(record);
  line.number("tries", record.tries);
  line.number("replayed", record.replayed ? 1 : 0);
  line.millis("wait_ms", record.wait);
  line.millis("connect_ms", record.connect);
  line.millis("first_byte_ms", record.firstByte);
  line.millis("total_ms", record.total);
  line.number("request_bytes", record.requestBytes);
  line.key("error");
  line.bare(errorOf(record));
  line.string("detail", detailOf(record));
  line.string("request_id", record.requestId);
  line.tls(record);
  return append(line.out, '\n');
}

}  // namespace oxbow::log
