#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/config/config.h"
#include "proxy/tls/handle.h"
#include "proxy/tls/material.h"
#include "proxy/tls/session_cache.h"

namespace oxbow::tls {

// What tells two TLS connections to one address apart: a connection, and a session to be resumed,
// serves only who asks for one of the same identity. Files count by what is in them.
struct ClientIdentity {
  std::string sni;         // empty: none is sent
  std::string verifyName;  // a host name or an IP address; empty: any
  bool verify = true;
  uint32_t verifyDepth = 0;
  Digest trust;        // CAs and revocation lists
  Digest certificate;  // ours, with its key; empty: none
  config::TlsVersion minVersion = config::TlsVersion::Tls12;
  config::TlsVersion maxVersion = config::TlsVersion::Tls13;
  std::string ciphers;
  std::string ciphersuites;
  std::string groups;
  std::string alpn;  // as on the wire
  bool operator==(const ClientIdentity&) const = default;
};

// How an upstream speaks TLS to its servers. Immutable once made, which the main thread does;
// shared by all threads.
class ClientContext {
 public:
  // Null when there were errors.
  static std::shared_ptr<const ClientContext> make(const config::UpstreamTls& config,
                                                   const Complaints& complaints);

  // The identity towards a server that the configuration calls `server` ("host:port",
  // "[v6]:port", "unix:/path").
  ClientIdentity identityFor(std::string_view server) const;

  // A connection that has not begun its handshake. `sessions` gets what the server lets resume, and
  // outlives it; null: nothing is resumed. Null only without memory.
  SslPtr connect(const ClientIdentity& identity, SessionCache* sessions) const;

  // Of all that went into this: equal means that nothing has changed.
  Digest digest() const;
  // Every file that went into this, as opened: to be watched.
  const std::vector<std::string>& files() const { return files_; }

 private:
  ClientContext() = default;
  bool load(const config::UpstreamTls& config, const Complaints& complaints);

  ContextPtr context_;
  ClientIdentity common_;  // without names
  std::string sni_;        // as configured
  std::string verifyName_;
  std::vector<std::string> files_;
};

}  // namespace oxbow::tls
