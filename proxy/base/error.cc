#include "proxy/base/error.h"

#include <cstddef>

#include "proxy/base/assert.h"

namespace oxbow {

namespace {

struct Row {
  ErrorCode code;
  std::string_view token;
  uint16_t status;
};

// RFC 9209, section 2.3, in the order of ErrorCode. The statuses are those that the RFC recommends,
// where it does; client_gone and 499 are not of the RFC and appear in the log only.
constexpr Row kRows[] = {
    {ErrorCode::None, "-", 200},
    {ErrorCode::DnsTimeout, "dns_timeout", 504},
    {ErrorCode::DnsError, "dns_error", 502},
    {ErrorCode::DestinationNotFound, "destination_not_found", 404},
    {ErrorCode::DestinationUnavailable, "destination_unavailable", 503},
    {ErrorCode::ConnectionRefused, "connection_refused", 502},
    {ErrorCode::ConnectionTerminated, "connection_terminated", 502},
    {ErrorCode::ConnectionTimeout, "connection_timeout", 504},
    {ErrorCode::ConnectionReadTimeout, "connection_read_timeout", 504},
    {ErrorCode::ConnectionWriteTimeout, "connection_write_timeout", 504},
    {ErrorCode::TlsProtocolError, "tls_protocol_error", 502},
    {ErrorCode::TlsCertificateError, "tls_certificate_error", 502},
    {ErrorCode::TlsAlertReceived, "tls_alert_received", 502},
    {ErrorCode::ConnectionLimitReached, "connection_limit_reached", 503},
    {ErrorCode::HttpRequestError, "http_request_error", 400},
    {ErrorCode::HttpRequestDenied, "http_request_denied", 403},
    {ErrorCode::HttpResponseIncomplete, "http_response_incomplete", 502},
    {ErrorCode::HttpResponseHeaderSectionSize, "http_response_header_section_size", 502},
    {ErrorCode::HttpResponseTransferCoding, "http_response_transfer_coding", 502},
    {ErrorCode::HttpProtocolError, "http_protocol_error", 502},
    {ErrorCode::HttpUpgradeFailed, "http_upgrade_failed", 502},
    {ErrorCode::ProxyInternalResponse, "proxy_internal_response", 200},
    {ErrorCode::ProxyInternalError, "proxy_internal_error", 500},
    {ErrorCode::ClientGone, "client_gone", 499},
};

constexpr bool inOrder() {
  size_t index = 0;
  for (const Row& row : kRows)
    if (static_cast<size_t>(row.code) != index++) return false;
  return index == static_cast<size_t>(ErrorCode::Count);
}
static_assert(inOrder());

const Row& rowOf(ErrorCode code) {
  ASSERT(code < ErrorCode::Count);
  return kRows[static_cast<size_t>(code)];
}

}  // namespace

std::string_view tokenOf(ErrorCode code) { return rowOf(code).token; }

uint16_t statusOf(ErrorCode code) { return rowOf(code).status; }

}  // namespace oxbow
