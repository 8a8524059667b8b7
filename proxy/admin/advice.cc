#include "proxy/admin/advice.h"

#include <cstddef>

#include "proxy/base/assert.h"

namespace oxbow::admin {

namespace {

struct Row {
  ErrorCode code;
  std::string_view advice;
};

// In the order of ErrorCode.
constexpr Row kRows[] = {
    {ErrorCode::None, "Nothing: it is no error."},
    {ErrorCode::DnsTimeout,
     "See whether the name servers answer (oxbow resolve NAME), and whether resolver names the "
     "right ones."},
    {ErrorCode::DnsError,
     "Look the name up with oxbow resolve NAME: it is misspelled, or its records are missing."},
    {ErrorCode::DestinationNotFound,
     "No route has this path: add one, or a last route for / that takes the rest."},
    {ErrorCode::DestinationUnavailable,
     "Nothing is there to send to: see whether the upstream's names have addresses, and whether "
     "oxbow is stopping."},
    {ErrorCode::ConnectionRefused,
     "Nobody listens there: see whether the server runs, and whether address and port are right."},
    {ErrorCode::ConnectionTerminated,
     "The server closed the connection before its response was complete: see its log for a crash, "
     "a restart or an idle timeout."},
    {ErrorCode::ConnectionTimeout,
     "The server did not accept in time: see whether it is overloaded or a firewall drops packets; "
     "connect_timeout says how long to wait."},
    {ErrorCode::ConnectionReadTimeout,
     "The server took longer than read_timeout: find what made it slow, or raise read_timeout for "
     "what may take its time."},
    {ErrorCode::ConnectionWriteTimeout,
     "The server stopped reading the request: see whether it hangs; send_timeout says how long to "
     "wait."},
    {ErrorCode::TlsProtocolError,
     "The server does not speak TLS as we do: see whether the port is the one for TLS, and which "
     "versions and ciphers both allow."},
    {ErrorCode::TlsCertificateError,
     "The server's certificate is not to be trusted: see its dates, its names and who signed it, "
     "and what tls of the upstream trusts."},
    {ErrorCode::TlsAlertReceived,
     "The server refused the handshake: see its log, and whether it wants a client's certificate."},
    {ErrorCode::ConnectionLimitReached,
     "All connections were in use: raise max_conns or queue, or find what made the server slow."},
    {ErrorCode::HttpRequestError,
     "The client's request was wrong, incomplete or too large: the client is to change, or the "
     "limit that the detail names."},
    {ErrorCode::HttpRequestDenied,
     "The configuration forbids it to this client: change the rule if it should be allowed."},
    {ErrorCode::HttpResponseIncomplete,
     "The server broke off its response: see its log for a crash or a limit of its own."},
    {ErrorCode::HttpResponseHeaderSectionSize,
     "The server's response has more header fields than we take: see what it puts there, cookies "
     "most of all."},
    {ErrorCode::HttpResponseTransferCoding,
     "The server's response has a Transfer-Encoding that cannot be read: mend the server."},
    {ErrorCode::HttpProtocolError,
     "What the server sent is no HTTP/1.1: see whether the port is the right one, and mend the "
     "server."},
    {ErrorCode::HttpUpgradeFailed,
     "The server changed the protocol although nobody had asked for it: mend the server."},
    {ErrorCode::ProxyInternalResponse, "Nothing: the configuration says so."},
    {ErrorCode::ProxyInternalError, "This is a fault of oxbow: please report it, with the log."},
    {ErrorCode::ClientGone,
     "The client left before its response was complete: when many do, find what made them wait."},
};

constexpr bool isComplete() {
  size_t index = 0;
  for (const Row& row : kRows)
    if (static_cast<size_t>(row.code) != index++ || row.advice.empty()) return false;
  return index == static_cast<size_t>(ErrorCode::Count);
}
static_assert(isComplete(), "each code has its advice, in the order of the codes");

}  // namespace

std::string_view adviceOf(ErrorCode code) {
  ASSERT(code < ErrorCode::Count);
  return kRows[static_cast<size_t>(code)].advice;
}

}  // namespace oxbow::admin
