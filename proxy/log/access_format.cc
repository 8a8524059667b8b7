#include "proxy/log/access_format.h"

#include <algorithm>
#include <cstring>
#include <ctime>
#include <utility>

#include "proxy/base/bytes.h"
#include "proxy/log/access_lines.h"

namespace oxbow::log {

namespace {

constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
constexpr size_t kMaxDetail = 256;

// Of the keys of a text line those that its beginning tells already.
constexpr AccessKey kInCombined[] = {
    AccessKey::Time,          AccessKey::Client,    AccessKey::Method,
    AccessKey::Target,        AccessKey::Protocol,  AccessKey::Status,
    AccessKey::ResponseBytes, AccessKey::UserAgent, AccessKey::Referer};

// In text the client's TLS ends the line, and is told key by key.
constexpr AccessKey kTlsKeys[] = {AccessKey::Tls,        AccessKey::TlsSni,
                                  AccessKey::TlsResumed, AccessKey::TlsClient,
                                  AccessKey::TlsSubject, AccessKey::TlsFingerprint};

bool isKnown(Duration duration) { return duration >= Duration(0); }

std::string_view detailOf(const AccessRecord& record) {
  if (record.detail == nullptr) return {};
  return std::string_view(record.detail, strnlen(record.detail, kMaxDetail));
}

std::string_view errorOf(const AccessRecord& record) {
  return record.error == ErrorCode::None ? std::string_view() : tokenOf(record.error);
}

bool isIn(AccessKey key, const auto& keys) {
  return std::find(std::begin(keys), std::end(keys), key) != std::end(keys);
}

// Of a line of which nobody has chosen the keys.
std::vector<AccessKey> allKeys(AccessFormat format, bool sampled) {
  std::vector<AccessKey> keys;
  if (format == AccessFormat::Combined) return keys;
  const bool isText = format == AccessFormat::Text;
  for (size_t i = 0; i <= static_cast<size_t>(AccessKey::Referer); ++i) {
    const auto key = static_cast<AccessKey>(i);
    if (isText && (key == AccessKey::Tls || isIn(key, kInCombined))) continue;
    keys.push_back(key);
  }
  if (sampled) keys.push_back(AccessKey::SampleWeight);
  if (isText) keys.insert(keys.end(), std::begin(kTlsKeys), std::end(kTlsKeys));
  return keys;
}

}  // namespace

AccessFormatter::AccessFormatter(AccessFormat format, std::vector<AccessKey> keys, bool sampled)
    : format_(format),
      chosen_(!keys.empty()),
      keys_(chosen_ ? std::move(keys) : allKeys(format, sampled)) {}

char* AccessFormatter::format(char* out, const AccessRecord& record) {
  splitTime(record.time);
  switch (format_) {
    case AccessFormat::Json:
      return json(out, record);
    case AccessFormat::Text:
    case AccessFormat::Combined:
      return text(out, record);
  }
  return out;
}

void AccessFormatter::splitTime(WallTime time) {
  const int64_t millis = std::max<int64_t>(time.time_since_epoch().count(), 0) / 1000000;
  if (millis / 1000 != second_) {
    second_ = millis / 1000;
    const auto seconds = static_cast<time_t>(second_);
    tm utc;
    gmtime_r(&seconds, &utc);
    strftime(isoTime_, sizeof isoTime_, "%Y-%m-%dT%H:%M:%S.000Z", &utc);
    // Not %b, which follows the locale.
    strftime(combinedSecond_, sizeof combinedSecond_, "%d/Mon/%Y:%H:%M:%S", &utc);
    std::memcpy(combinedSecond_ + 3, kMonths.data() + 3 * utc.tm_mon, 3);
  }
  writePadded(isoTime_ + 20, static_cast<uint64_t>(millis % 1000), 3);
}

char* AccessFormatter::json(char* out, const AccessRecord& record) const {
  JsonLine line(out);
  for (const AccessKey key : keys_) put(line, key, record);
  return line.end();
}

// One line for each of the table in the documentation.
template <typename Line>
void AccessFormatter::put(Line& line, AccessKey key, const AccessRecord& record) const {
  const std::string_view name = nameOf(key);
  const auto status = [&](uint16_t value) {
    return value == 0 ? line.null(name) : line.number(name, value);
  };
  const auto millis = [&](Duration value) {
    return isKnown(value) ? line.millis(name, value) : line.null(name);
  };
  // Without a connection nothing is told of one, without TLS nothing of it.
  const bool has =
      key >= AccessKey::TlsVersion || key == AccessKey::Tls ? record.tls : isKnown(record.connect);
  switch (key) {
    case AccessKey::Time:
      return line.token(name, isoTime_);
    case AccessKey::Client:
      return line.token(name, record.client);
    case AccessKey::Method:
      return line.string(name, record.method);
    case AccessKey::Host:
      return line.string(name, record.host);
    case AccessKey::Target:
      return line.string(name, record.target);
    case AccessKey::Protocol:
      return line.token(name, record.protocol);
    case AccessKey::Tls:
      return has ? line.tls(record) : line.null(name);
    case AccessKey::Status:
      return status(record.status);
    case AccessKey::Upstream:
      return line.string(name, record.upstream);
    case AccessKey::Endpoint:
      return line.string(name, record.endpoint);
    case AccessKey::UpstreamStatus:
      return status(record.upstreamStatus);
    case AccessKey::Reused:
      return has ? line.boolean(name, record.reused) : line.null(name);
    case AccessKey::ConnectionAge:
      return has ? line.number(name, record.connectionAge) : line.null(name);
    case AccessKey::ConnectionRequests:
      return has ? line.number(name, record.connectionRequests) : line.null(name);
    case AccessKey::Tries:
      return line.number(name, record.tries);
    case AccessKey::Replayed:
      return line.boolean(name, record.replayed);
    case AccessKey::Wait:
      return millis(record.wait);
    case AccessKey::Connect:
      return millis(record.connect);
    case AccessKey::FirstByte:
      return millis(record.firstByte);
    case AccessKey::Total:
      return millis(record.total);
    case AccessKey::RequestBytes:
      return line.number(name, record.requestBytes);
    case AccessKey::ResponseBytes:
      return line.number(name, record.responseBytes);
    case AccessKey::Error:
      return line.token(name, errorOf(record));
    case AccessKey::Detail:
      return line.string(name, detailOf(record));
    case AccessKey::RequestId:
      return line.string(name, record.requestId);
    case AccessKey::UserAgent:
      return line.string(name, record.userAgent);
    case AccessKey::Referer:
      return line.string(name, record.referer);
    case AccessKey::SampleWeight:
      return line.weight(name, record.sample);
    case AccessKey::TlsVersion:
      return has ? line.token(name, record.tlsVersion) : line.null(name);
    case AccessKey::TlsCipher:
      return has ? line.token(name, record.tlsCipher) : line.null(name);
    case AccessKey::TlsSni:
      return has ? line.string(name, record.tlsServerName) : line.null(name);
    case AccessKey::TlsResumed:
      return has ? line.boolean(name, record.tlsResumed) : line.null(name);
    case AccessKey::TlsClient:
      return has ? line.string(name, record.clientVerify) : line.null(name);
    case AccessKey::TlsSubject:
      return has ? line.string(name, record.clientSubject) : line.null(name);
    case AccessKey::TlsFingerprint:
      return has ? line.token(name, record.clientFingerprint) : line.null(name);
    case AccessKey::Count:
      return;
  }
}

// What nginx writes where we know of no answer: its 499 of a client that left, and 000.
void AccessFormatter::combinedStatus(TextLine& line, const AccessRecord& record) const {
  if (record.status != 0) return line.decimal(record.status);
  if (format_ == AccessFormat::Text) return line.raw("-");
  line.raw(record.error == ErrorCode::ClientGone ? "499" : "000");
}

void AccessFormatter::combinedRequest(TextLine& line, const AccessRecord& record) const {
  if (format_ == AccessFormat::Combined && record.target.empty()) return line.raw("-");
  line.bare(record.method);
  line.raw(" ");
  line.bare(record.target);
  line.raw(" ");
  line.bare(record.protocol);
}

void AccessFormatter::combined(TextLine& line, const AccessRecord& record) const {
  line.bare(record.client);
  line.raw(" - - [");
  line.raw(combinedSecond_);
  line.raw(" +0000] \"");
  combinedRequest(line, record);
  line.raw("\" ");
  combinedStatus(line, record);
  line.raw(" ");
  line.decimal(record.responseBytes);
  line.raw(" ");
  line.quoted(record.referer);
  line.raw(" ");
  line.quoted(record.userAgent);
}

char* AccessFormatter::text(char* out, const AccessRecord& record) const {
  TextLine line(out);
  if (!chosen_) combined(line, record);
  for (const AccessKey key : keys_) {
    // Of a plain client tls=- says it all, unless it was chosen.
    if (!chosen_ && !record.tls && key > AccessKey::SampleWeight) break;
    put(line, key, record);
  }
  return line.end();
}

}  // namespace oxbow::log
