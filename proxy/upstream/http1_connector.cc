#include "proxy/upstream/http1_connector.h"

#include <unistd.h>

#include <cerrno>
#include <utility>

#include "proxy/net/plain_transport.h"
#include "proxy/net/socket.h"
#include "proxy/tls/tls_transport.h"

namespace oxbow::upstream {

size_t Http1Connector::bytesEach() const {
  return sizeof(Http1Conn) +
         (tls_ != nullptr ? sizeof(tls::TlsTransport) : sizeof(net::PlainTransport));
}

std::unique_ptr<pool::PooledConn> Http1Connector::connect() {
  const ConnKey& key = *common_.key;
  net::ConnectStart start = net::beginConnect(key.address, key.local, options_);
  std::unique_ptr<net::Transport> transport;
  if (start.fd >= 0) {
    transport = transportOver(start.fd);
    if (transport == nullptr) start.error = ENOMEM;
  }
  const bool connected = transport != nullptr && !start.inProgress;
  return std::make_unique<Http1Conn>(common_, std::move(transport), connected, start.error);
}

// Null when there is no memory for TLS; then the descriptor is closed.
std::unique_ptr<net::Transport> Http1Connector::transportOver(int fd) const {
  if (tls_ == nullptr) return std::make_unique<net::PlainTransport>(fd);
  tls::SslPtr ssl = tls_->connect(*common_.key->tls, sessions_.get());
  if (ssl != nullptr) return std::make_unique<tls::TlsTransport>(fd, std::move(ssl), sessions_);
  ::close(fd);
  return nullptr;
}

void Http1Connector::configure(ConnPolicy policy, const config::SocketOptions& options) {
  policy.version = common_.policy.version;
  if (policy != common_.policy) ++policy.version;
  common_.policy = policy;
  options_ = options;
}

void Http1Connector::speakTls(std::shared_ptr<const tls::ClientContext> context,
                              std::shared_ptr<tls::SessionCache> sessions) {
  tls_ = std::move(context);
  sessions_ = std::move(sessions);
}

std::unique_ptr<pool::PooledConn> Http1Connector::arrive(pool::MovingConn& moving) {
  auto& http1 = static_cast<MovingHttp1Conn&>(moving);
  // It may have left before the configuration changed.
  if (*http1.key != *common_.key) return nullptr;
  auto conn = std::make_unique<Http1Conn>(common_, http1);
  if (!conn->watched()) return nullptr;
  return conn;
}

}  // namespace oxbow::upstream
