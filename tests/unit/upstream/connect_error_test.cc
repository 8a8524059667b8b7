#include "proxy/upstream/connect_error.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <string>

#include "proxy/net/socket.h"

namespace oxbow::upstream {

namespace {

std::string text(int error) {
  const Error told = connectError(error);
  CHECK(told.retry == Retry::Safe);  // nothing was sent
  return std::to_string(told.statusCode()) + " " + std::string(tokenOf(told.code)) + ": " +
         told.detail;
}

}  // namespace

TEST_CASE("a failed connect has its reason") {
  CHECK(text(ECONNREFUSED) == "502 connection_refused: connection refused");
  CHECK(text(ETIMEDOUT) == "504 connection_timeout: connect timed out");
  CHECK(text(ENOENT) == "502 connection_refused: no such socket");
  CHECK(text(EACCES) == "502 connection_refused: permission denied");
  CHECK(text(EAGAIN) == "502 connection_refused: the server's backlog is full");
  CHECK(text(EPROTOTYPE) == "503 destination_unavailable: not a stream socket");
  CHECK(text(EMFILE) == "503 connection_limit_reached: no descriptor left");
  CHECK(text(EXDEV) == "502 connection_refused: connect failed");  // none that connect() has
}

TEST_CASE("no local port is not the same as no local address") {
  CHECK(text(EADDRNOTAVAIL) == "503 connection_limit_reached: no local port left");
  CHECK(text(net::kNotLocal) ==
        "503 destination_unavailable: proxy_bind is not an address of this machine");
}

}  // namespace oxbow::upstream
