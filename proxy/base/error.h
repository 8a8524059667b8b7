#pragma once

#include <cstdint>
#include <string_view>

namespace oxbow {

// What went wrong with an exchange, in the tokens of RFC 9209, section 2.3.
enum class ErrorCode : uint8_t {
  None,
  DnsTimeout,
  DnsError,
  DestinationNotFound,     // no route
  DestinationUnavailable,  // no endpoint, or draining
  ConnectionRefused,
  ConnectionTerminated,  // FIN or RST before the response was complete
  ConnectionTimeout,     // connect or handshake
  ConnectionReadTimeout,
  ConnectionWriteTimeout,
  TlsProtocolError,        // the upstream does not speak TLS as we do
  TlsCertificateError,     // its certificate is not to be trusted
  TlsAlertReceived,        // it refused with an alert
  ConnectionLimitReached,  // queue full or its deadline passed
  HttpRequestError,        // the client's message is malformed
  HttpRequestDenied,
  HttpResponseIncomplete,
  HttpResponseHeaderSectionSize,
  HttpResponseTransferCoding,
  HttpProtocolError,  // the upstream's message is malformed
  HttpUpgradeFailed,
  ProxyInternalResponse,  // an answer from the configuration, no error
  ProxyInternalError,
  ClientGone,  // only for the log: nobody is left to tell
  Count
};

// The RFC 9209 token ("connection_refused"), or "-" for None.
std::string_view tokenOf(ErrorCode code);

// The status that a client gets for `code` unless the error carries its own.
uint16_t statusOf(ErrorCode code);

enum class Side : uint8_t { Client, Upstream, Proxy };  // whose fault it is

// Whether the same request may be sent again.
enum class Retry : uint8_t {
  Never,
  Safe,          // not one byte of the request left
  IfIdempotent,  // bytes left, and a reused connection ended before any response byte
};

struct Error {
  ErrorCode code = ErrorCode::None;
  Side side = Side::Proxy;
  Retry retry = Retry::Never;
  uint16_t status = 0;      // 0: statusOf(code)
  const char* detail = "";  // static text for the body, the log and Proxy-Status "details"

  uint16_t statusCode() const { return status != 0 ? status : statusOf(code); }
};

}  // namespace oxbow
