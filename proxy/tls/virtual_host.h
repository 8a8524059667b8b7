#pragma once

#include <openssl/ssl.h>

#include <string>
#include <vector>

#include "proxy/config/config.h"
#include "proxy/tls/served_certificate.h"
#include "proxy/tls/ticket_keys.h"

namespace oxbow::tls {

// What all virtual hosts of a listener have. Outlives them.
struct HostSettings {
  const config::ListenerTls& config;
  const Complaints& nowhere;  // the parameters have passed once
  const std::string& alpn;    // as alpnWire() has it
  TicketKeys* tickets;        // null: none
  SSL_client_hello_cb_fn onClientHello;
  void* argument;
};

// Where a name leads: its certificates, which stand side by side in one context of OpenSSL, and
// their verification of clients. The context points here.
class VirtualHost {
 public:
  // REQUIRES: at least one certificate, all of the same verification and of keys of different
  // types. They outlive this.
  VirtualHost(std::vector<const ServedCertificate*> certificates, const HostSettings& settings);
  VirtualHost(const VirtualHost&) = delete;
  VirtualHost& operator=(const VirtualHost&) = delete;

  SSL_CTX& context() const { return *context_; }
  // Lets a connection that is at its ClientHello go on as this one's. False without memory.
  bool takeOver(SSL& ssl) const;
  const Digest& verification() const { return certificates_.front()->clients->identity(); }

  // The one whose the connection is now.
  static const VirtualHost& of(const SSL& ssl);

 private:
  void setTickets(const HostSettings& settings);
  static int onStatus(SSL* ssl, void* self);

  const std::vector<const ServedCertificate*> certificates_;
  ContextPtr context_;
};

}  // namespace oxbow::tls
