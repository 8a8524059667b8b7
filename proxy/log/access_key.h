#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace oxbow::log {

// The fields of the access log, by the names that docs/access-log.md lists. Those up to Referer
// make a line of which nobody has chosen the keys.
enum class AccessKey : uint8_t {
  Time,
  Client,
  Method,
  Host,
  Target,
  Protocol,
  Tls,
  Status,
  Upstream,
  Endpoint,
  UpstreamStatus,
  Reused,
  ConnectionAge,
  ConnectionRequests,
  Tries,
  Replayed,
  Wait,
  Connect,
  FirstByte,
  Total,
  RequestBytes,
  ResponseBytes,
  Error,
  Detail,
  RequestId,
  UserAgent,
  Referer,
  SampleWeight,  // joins the above in a log that takes a sample
  // What Tls tells, one by one.
  TlsVersion,
  TlsCipher,
  TlsSni,
  TlsResumed,
  TlsClient,
  TlsSubject,
  TlsFingerprint,
  Count
};

inline constexpr std::array<std::string_view, static_cast<size_t>(AccessKey::Count)>
    kAccessKeyNames = {"time",
                       "client",
                       "method",
                       "host",
                       "target",
                       "protocol",
                       "tls",
                       "status",
                       "upstream",
                       "endpoint",
                       "upstream_status",
                       "reused",
                       "connection_age_ms",
                       "connection_requests",
                       "tries",
                       "replayed",
                       "wait_ms",
                       "connect_ms",
                       "first_byte_ms",
                       "total_ms",
                       "request_bytes",
                       "response_bytes",
                       "error",
                       "detail",
                       "request_id",
                       "user_agent",
                       "referer",
                       "sample_weight",
                       "tls_version",
                       "tls_cipher",
                       "tls_sni",
                       "tls_resumed",
                       "tls_client",
                       "tls_subject",
                       "tls_fingerprint"};

constexpr std::string_view nameOf(AccessKey key) {
  return kAccessKeyNames[static_cast<size_t>(key)];
}

constexpr std::optional<AccessKey> accessKeyOf(std::string_view name) {
  const auto found = std::find(kAccessKeyNames.begin(), kAccessKeyNames.end(), name);
  if (found == kAccessKeyNames.end()) return std::nullopt;
  return static_cast<AccessKey>(found - kAccessKeyNames.begin());
}

}  // namespace oxbow::log
