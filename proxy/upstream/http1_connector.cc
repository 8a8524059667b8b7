#include "proxy/upstream/http1_connector.h"

#include "proxy/net/plain_transport.h"
#include "proxy/net/socket.h"

namespace oxbow::upstream {

std::unique_ptr<pool::PooledConn> Http1Connector::connect() {
  const net::ConnectStart start = net::beginConnect(key_->address, key_->local, options_);
  std::unique_ptr<net::Transport> transport;
  if (start.fd >= 0) transport = std::make_unique<net::PlainTransport>(start.fd);
  const bool connected = start.fd >= 0 && !start.inProgress;
  return std::make_unique<Http1Conn>(worker_, key_, policy_, text_, std::move(transport), connected,
                                     start.error);
}

void Http1Connector::configure(ConnPolicy policy, const config::SocketOptions& options) {
  policy.version = policy_.version;
  if (policy != policy_) ++policy.version;
  policy_ = policy;
  options_ = options;
}

std::unique_ptr<pool::PooledConn> Http1Connector::arrive(pool::MovingConn& moving) {
  auto& http1 = static_cast<MovingHttp1Conn&>(moving);
  // It may have left before the configuration changed.
  if (*http1.key != *key_) return nullptr;
  auto conn = std::make_unique<Http1Conn>(worker_, key_, policy_, text_, http1);
  if (!conn->watched()) return nullptr;
  return conn;
}

}  // namespace oxbow::upstream
