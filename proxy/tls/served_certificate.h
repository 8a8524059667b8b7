#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/config/config.h"
#include "proxy/tls/client_verification.h"
#include "proxy/tls/material.h"
#include "proxy/tls/staple.h"

namespace oxbow::tls {

// One certificate of a listener, with all that belongs to it.
struct ServedCertificate {
  Identity identity;
  std::optional<Staple> staple;
  std::vector<std::string> patterns;  // the names that lead to it (tls/host_name.h)
  std::shared_ptr<const ClientVerification> clients;

  const X509& own() const { return *identity.chain.front(); }
  // Keys of different types can stand side by side.
  int keyType() const { return EVP_PKEY_get_base_id(identity.key.get()); }
  // False when OpenSSL does not want it, with the error in its queue.
  bool putInto(SSL_CTX& context) const;
};

// Nothing: the errors were told. `clients` is what the listener has, null when that is wrong;
// `scratch` has the listener's parameters, which decide what is strong enough.
std::optional<ServedCertificate> readCertificate(
    const config::CertificatePair& config, const std::shared_ptr<const ClientVerification>& clients,
    SSL_CTX& scratch, const Complaints& complaints);

}  // namespace oxbow::tls
