#include "proxy/upstream/connect_error.h"

#include <cerrno>

#include "proxy/net/socket.h"

namespace oxbow::upstream {

namespace {

struct Row {
  int error;
  ErrorCode code;
  Side side;
  const char* detail;
};

// Refused: the server, or somebody on the way, said no. Unavailable: what the configuration names
// is no server. Limits are our own.
constexpr Row kRows[] = {
    {ECONNREFUSED, ErrorCode::ConnectionRefused, Side::Upstream, "connection refused"},
    {ETIMEDOUT, ErrorCode::ConnectionTimeout, Side::Upstream, "connect timed out"},
    {ENETUNREACH, ErrorCode::ConnectionRefused, Side::Upstream, "host unreachable"},
    {EHOSTUNREACH, ErrorCode::ConnectionRefused, Side::Upstream, "host unreachable"},
    {EHOSTDOWN, ErrorCode::ConnectionRefused, Side::Upstream, "host unreachable"},
    {ENETDOWN, ErrorCode::DestinationUnavailable, Side::Proxy, "network down"},
    {ECONNRESET, ErrorCode::ConnectionRefused, Side::Upstream, "reset while connecting"},
    {ENOENT, ErrorCode::ConnectionRefused, Side::Upstream, "no such socket"},
    {ENOTDIR, ErrorCode::ConnectionRefused, Side::Upstream, "no such socket"},
    {EACCES, ErrorCode::ConnectionRefused, Side::Upstream, "permission denied"},
    {EPERM, ErrorCode::ConnectionRefused, Side::Upstream, "permission denied"},
    {EAGAIN, ErrorCode::ConnectionRefused, Side::Upstream, "the server's backlog is full"},
    {ENOTSOCK, ErrorCode::DestinationUnavailable, Side::Upstream, "not a socket"},
    {EPROTOTYPE, ErrorCode::DestinationUnavailable, Side::Upstream, "not a stream socket"},
    {ELOOP, ErrorCode::DestinationUnavailable, Side::Upstream, "too many symbolic links"},
    {EAFNOSUPPORT, ErrorCode::DestinationUnavailable, Side::Proxy,
     "this machine lacks the address family"},
    {EINVAL, ErrorCode::DestinationUnavailable, Side::Proxy, "no way to the server from here"},
    {net::kNotLocal, ErrorCode::DestinationUnavailable, Side::Proxy,
     "proxy_bind is not an address of this machine"},
    {EADDRNOTAVAIL, ErrorCode::ConnectionLimitReached, Side::Proxy, "no local port left"},
    {EADDRINUSE, ErrorCode::ConnectionLimitReached, Side::Proxy, "no local port left"},
    {EMFILE, ErrorCode::ConnectionLimitReached, Side::Proxy, "no descriptor left"},
    {ENFILE, ErrorCode::ConnectionLimitReached, Side::Proxy, "no descriptor left"},
    {ENOMEM, ErrorCode::ConnectionLimitReached, Side::Proxy, "no memory for a socket"},
    {ENOBUFS, ErrorCode::ConnectionLimitReached, Side::Proxy, "no memory for a socket"},
};

}  // namespace

Error connectError(int error) {
  for (const Row& row : kRows)
    if (row.error == error) return {row.code, row.side, Retry::Safe, 0, row.detail};
  return {ErrorCode::ConnectionRefused, Side::Upstream, Retry::Safe, 0, "connect failed"};
}

Error openingError(const net::OpenFailure& failure) {
  using Kind = net::OpenFailure::Kind;
  ErrorCode code = ErrorCode::TlsProtocolError;
  if (failure.kind == Kind::Certificate) code = ErrorCode::TlsCertificateError;
  if (failure.kind == Kind::Alert) code = ErrorCode::TlsAlertReceived;
  if (failure.kind == Kind::Closed) code = ErrorCode::ConnectionTerminated;
  return {code, Side::Upstream, Retry::Safe, 0, failure.detail};
}

}  // namespace oxbow::upstream
