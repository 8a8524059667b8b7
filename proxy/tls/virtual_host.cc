#include "proxy/tls/virtual_host.h"

#include <openssl/crypto.h>

#include <chrono>
#include <utility>

#include "proxy/base/assert.h"
#include "proxy/tls/parameters.h"
#include "proxy/tls/resumption.h"

namespace oxbow::tls {

namespace {

constexpr size_t kTickets = 2;  // of TLS 1.3, where each is for one use

// In our order. A client that offers protocols of which we have none gets an alert (RFC 7301,
// section 3.2).
int onAlpn(SSL* /*ssl*/, const unsigned char** out, unsigned char* outSize,
           const unsigned char* offered, unsigned offeredSize, void* argument) {
  const auto& ours = *static_cast<const std::string*>(argument);
  unsigned char* chosen = nullptr;
  const int found =
      SSL_select_next_proto(&chosen, outSize, reinterpret_cast<const unsigned char*>(ours.data()),
                            static_cast<unsigned>(ours.size()), offered, offeredSize);
  *out = chosen;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

// The name was judged at the ClientHello. Saying so here makes OpenSSL answer the extension, and
// keep the name with the session.
int onServerName(SSL* /*ssl*/, int* /*alert*/, void* /*unused*/) { return SSL_TLSEXT_ERR_OK; }

void setServerRules(SSL_CTX& context) {
  SSL_CTX_set_options(&context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  // The chain is what the file has, never what the clients' authorities would add to it.
  SSL_CTX_set_mode(&context, SSL_MODE_NO_AUTO_CHAIN);
  SSL_CTX_set_dh_auto(&context, 1);
  SSL_CTX_set_tlsext_servername_callback(&context, onServerName);
}

}  // namespace

VirtualHost::VirtualHost(std::vector<const ServedCertificate*> certificates,
                         const HostSettings& settings)
    : certificates_(std::move(certificates)), context_(SSL_CTX_new(TLS_server_method())) {
  ASSERT(context_ != nullptr && !certificates_.empty());
  SSL_CTX& context = *context_;
  ASSERT(SSL_CTX_set_app_data(&context, this) == 1);
  ASSERT(applyParameters(context, settings.config.parameters, settings.nowhere));
  setServerRules(context);
  for (const ServedCertificate* certificate : certificates_) ASSERT(certificate->putInto(context));
  certificates_.front()->clients->applyTo(context);
  SSL_CTX_set_alpn_select_cb(&context, onAlpn, const_cast<std::string*>(&settings.alpn));
  SSL_CTX_set_tlsext_status_cb(&context, onStatus);
  SSL_CTX_set_tlsext_status_arg(&context, this);
  SSL_CTX_set_client_hello_cb(&context, settings.onClientHello, settings.argument);
  setTickets(settings);
}

// Sessions lie with the clients, in tickets: all workers know them, and a reload forgets none.
void VirtualHost::setTickets(const HostSettings& settings) {
  SSL_CTX& context = *context_;
  const auto timeout =
      std::chrono::duration_cast<std::chrono::seconds>(*settings.config.sessionTimeout);
  SSL_CTX_set_session_cache_mode(&context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_timeout(&context, static_cast<long>(timeout.count()));
  SSL_CTX_set_num_tickets(&context, settings.tickets != nullptr ? kTickets : 0);
  if (settings.tickets == nullptr) {
    SSL_CTX_set_options(&context, SSL_OP_NO_TICKET);
    return;
  }
  settings.tickets->attachTo(context);
  guardResumption(context, settings.tickets->clock());
}

// SSL_set_SSL_CTX() brings the certificates, the authorities that are asked for and the callbacks
// along. What is the listener's (parameters, options, modes) is the same in both contexts.
bool VirtualHost::takeOver(SSL& ssl) const {
  if (SSL_set_SSL_CTX(&ssl, context_.get()) == nullptr) return false;
  certificates_.front()->clients->applyTo(ssl);
  return true;
}

const VirtualHost& VirtualHost::of(const SSL& ssl) {
  const void* host = SSL_CTX_get_app_data(SSL_get_SSL_CTX(&ssl));
  ASSERT(host != nullptr);
  return *static_cast<const VirtualHost*>(host);
}

int VirtualHost::onStatus(SSL* ssl, void* self) {
  const X509* used = SSL_get_certificate(ssl);
  const WallTime now = std::chrono::system_clock::now();
  for (const ServedCertificate* certificate : static_cast<VirtualHost*>(self)->certificates_) {
    if (&certificate->own() != used) continue;
    if (!certificate->staple || !certificate->staple->isFresh(now)) return SSL_TLSEXT_ERR_NOACK;
    const std::string& der = certificate->staple->der();
    void* copy = OPENSSL_memdup(der.data(), der.size());
    if (copy == nullptr) return SSL_TLSEXT_ERR_NOACK;
    SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<long>(der.size()));
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_NOACK;
}

}  // namespace oxbow::tls
