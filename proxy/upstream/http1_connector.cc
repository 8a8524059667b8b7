#include "proxy/upstream/http1_connector.h"

#include "proxy/net/plain_transport.h"
#include "proxy/net/socket.h"

namespace oxbow::upstream {

std::unique_ptr<pool::PooledConn> Http1Connector::connect() {
  const net::ConnectStart start = net::beginConnect(address_, local_, options_);
  std::unique_ptr<net::Transport> transport;
  if (start.fd >= 0) transport = std::make_unique<net::PlainTransport>(start.fd);
  const bool connected = start.fd >= 0 && !start.inProgress;
  return std::make_unique<Http1Conn>(worker_, policy_, text_, std::move(transport), connected,
                                     start.error);
}

std::unique_ptr<pool::PooledConn> Http1Connector::arrive(pool::MovingConn& moving) {
  auto conn = std::make_unique<Http1Conn>(worker_, policy_, text_,
                                          static_cast<MovingHttp1Conn&>(moving));
  if (!conn->watched()) return nullptr;
  return conn;
}

}  // namespace oxbow::upstream
