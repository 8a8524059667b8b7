#pragma once

#include <memory>
#include <string>

#include "proxy/base/address.h"
#include "proxy/config/config.h"
#include "proxy/upstream/http1_conn.h"

namespace oxbow::upstream {

// Opens HTTP/1.1 connections of one identity. Worker's thread only; outlives its connections.
class Http1Connector final : public pool::Connector {
 public:
  Http1Connector(WorkerContext& worker, const ConnKey& key, const ConnPolicy& policy,
                 const config::SocketOptions& options)
      : worker_(worker),
        key_(std::make_shared<const ConnKey>(key)),
        policy_(policy),
        options_(options),
        text_(key.address.text()) {}

  const ConnKey& key() const { return *key_; }
  // Other rules: the policy from each connection's next exchange on, the options for new
  // connections.
  void configure(ConnPolicy policy, const config::SocketOptions& options);

  std::unique_ptr<pool::PooledConn> connect() override;
  std::unique_ptr<pool::PooledConn> arrive(pool::MovingConn& moving) override;
  const std::string& text() const { return text_; }

 private:
  WorkerContext& worker_;
  const std::shared_ptr<const ConnKey> key_;
  ConnPolicy policy_;
  config::SocketOptions options_;
  const std::string text_;
};

}  // namespace oxbow::upstream
