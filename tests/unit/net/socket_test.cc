#include "proxy/net/socket.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cerrno>

#include "tests/unit/log/temp_dir.h"

using namespace oxbow;
using namespace oxbow::net;

TEST_CASE("an address that is not of this machine is told from a lack of ports") {
  const SocketAddress server = SocketAddress::parse("127.0.0.1:1").value();
  // For documentation (RFC 5737): nobody has it.
  const SocketAddress foreign = SocketAddress::parseIp("192.0.2.1", 0).value();
  const ConnectStart start = beginConnect(server, foreign, {});
  CHECK(start.fd == -1);
  CHECK(start.error == kNotLocal);
}

TEST_CASE("a Unix socket that is not there is so at once") {
  const TempDir dir;
  const auto server = SocketAddress::parse("unix:" + dir.file("none")).value();
  CHECK(beginConnect(server, {}, {}).error == ENOENT);
}
