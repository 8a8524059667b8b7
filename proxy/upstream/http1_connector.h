#pragma once

#include <memory>
#include <string>

#include "proxy/base/address.h"
#include "proxy/config/config.h"
#include "proxy/upstream/http1_conn.h"

namespace oxbow::upstream {

// Opens HTTP/1.1 connections to one address. Worker's thread only; outlives its connections.
class Http1Connector final : public pool::Connector {
 public:
  Http1Connector(WorkerContext& worker, const ConnPolicy& policy, const SocketAddress& address,
                 const SocketAddress& local, const config::SocketOptions& options)
      : worker_(worker),
        policy_(policy),
        address_(address),
        local_(local),
        options_(options),
        text_(address.text()) {}

  std::unique_ptr<pool::PooledConn> connect() override;
  std::unique_ptr<pool::PooledConn> arrive(pool::MovingConn& moving) override;
  const std::string& text() const { return text_; }

 private:
  WorkerContext& worker_;
  const ConnPolicy policy_;
  const SocketAddress address_;
  const SocketAddress local_;
  const config::SocketOptions options_;
  const std::string text_;
};

}  // namespace oxbow::upstream
