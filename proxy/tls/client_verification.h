#pragma once

#include <openssl/ssl.h>

#include <memory>

#include "proxy/config/config.h"
#include "proxy/tls/material.h"

namespace oxbow::tls {

// How a virtual host verifies the certificates of its clients. Immutable.
class ClientVerification {
 public:
  // Null: the errors were told.
  static std::shared_ptr<const ClientVerification> read(const config::ClientCertificates& config,
                                                        const Complaints& complaints);

  void applyTo(SSL_CTX& context) const;
  // What a connection has taken from the context that it was made with, and keeps when it changes
  // to another one.
  void applyTo(SSL& ssl) const;

  // Equal means that a client that passed one has passed the other. It is the session id context
  // too: OpenSSL resumes no session of another one (CVE-2025-23419).
  const Digest& identity() const { return identity_; }

 private:
  ClientVerification() = default;

  config::ClientVerify mode_ = config::ClientVerify::Off;
  int depth_ = 0;
  Trust trust_;
  Digest identity_;
};

}  // namespace oxbow::tls
