#pragma once

#include <memory>
#include <string>
#include <utility>

#include "proxy/base/address.h"
#include "proxy/config/config.h"
#include "proxy/upstream/http1_conn.h"

namespace oxbow::upstream {

// Opens HTTP/1.1 connections of one identity. Worker's thread only; outlives its connections.
class Http1Connector final : public pool::Connector {
 public:
  Http1Connector(WorkerContext& worker, const ConnKey& key, const ConnPolicy& policy,
                 const config::SocketOptions& options,
                 std::shared_ptr<HandshakeStats> handshakes = std::make_shared<HandshakeStats>())
      : handshakes_(std::move(handshakes)),
        common_{worker, std::make_shared<const ConnKey>(key), policy, key.address.text(),
                *handshakes_},
        options_(options) {}

  const ConnKey& key() const { return *common_.key; }
  // Other rules: the policy from each connection's next exchange on, the options for new
  // connections.
  void configure(ConnPolicy policy, const config::SocketOptions& options);
  // How TLS is spoken on new connections; `sessions` may be null. REQUIRES: the key has an identity
  // of that context.
  void speakTls(std::shared_ptr<const tls::ClientContext> context,
                std::shared_ptr<tls::SessionCache> sessions);

  std::unique_ptr<pool::PooledConn> connect() override;
  std::unique_ptr<pool::PooledConn> arrive(pool::MovingConn& moving) override;
  const std::string& text() const { return common_.endpoint; }
  const HandshakeStats& handshakes() const { return *handshakes_; }
  const std::shared_ptr<HandshakeStats>& sharedHandshakes() const { return handshakes_; }
  // What a new connection takes, without its buffers and what OpenSSL has of it.
  size_t bytesEach() const;
  // That new connections may resume, of all workers together.
  size_t sessionsCached() const { return sessions_ != nullptr ? sessions_->size() : 0; }

 private:
  std::unique_ptr<net::Transport> transportOver(int fd) const;

  const std::shared_ptr<HandshakeStats> handshakes_;
  Http1Conn::Common common_;
  config::SocketOptions options_;
  std::shared_ptr<const tls::ClientContext> tls_;
  std::shared_ptr<tls::SessionCache> sessions_;
};

}  // namespace oxbow::upstream
