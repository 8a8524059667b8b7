#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/config/config.h"
#include "proxy/tls/handle.h"
#include "proxy/tls/material.h"
#include "proxy/tls/ticket_keys.h"

namespace oxbow::tls {

// What a listener shows of one of its certificates.
struct CertificateInfo {
  std::string file;
  std::string subject;  // RFC 2253
  std::vector<std::string> names;
  WallTime notAfter;
};

// All that a listener needs to speak TLS: its certificates by name, how clients are verified, and
// how sessions resume. Immutable once made, which the main thread does; shared by all threads. It
// outlives its connections.
//
// A name is the one of the ClientHello (RFC 6066, section 3). What no certificate names, and a
// client that asks for no name, get the first certificate, or an alert with `unknown_sni: reject`.
class ServerContext {
 public:
  // Null when there were errors. `tickets` goes on from one context to the next, so that sessions
  // outlive a reload; it may be null, then there are none. Loading its keys is the caller's.
  static std::shared_ptr<const ServerContext> make(const config::ListenerTls& config,
                                                   std::shared_ptr<TicketKeys> tickets,
                                                   const Complaints& complaints);
  ~ServerContext();
  ServerContext(const ServerContext&) = delete;
  ServerContext& operator=(const ServerContext&) = delete;

  // A connection that waits for its ClientHello. Null only without memory.
  SslPtr accept() const;

  // Whether a request for `host` (as in Host, with or without a port) may come over a connection
  // whose handshake asked for `ssl`'s name: the names must ask for the same verification of
  // clients. What no certificate names counts as the default's. REQUIRES: `ssl` is of accept().
  bool mayServe(const SSL& ssl, std::string_view host) const;

  const std::vector<CertificateInfo>& certificates() const;
  // Every file that went into this, as opened: to be watched.
  const std::vector<std::string>& files() const;
  // Of all that went into this: equal means that nothing has changed.
  const Digest& digest() const;

 private:
  struct Parts;
  explicit ServerContext(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace oxbow::tls
