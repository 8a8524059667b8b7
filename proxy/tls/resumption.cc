#include "proxy/tls/resumption.h"

#include <cstdint>
#include <string_view>

#include "proxy/base/assert.h"
#include "proxy/tls/client_hello.h"
#include "proxy/tls/host_name.h"

namespace oxbow::tls {

namespace {

// RFC 6066, section 3: no resumption under another name. Of TLS 1.3, sessions have no name.
bool isOfThatName(SSL& ssl, const SSL_SESSION& session) {
  if (SSL_SESSION_get_protocol_version(&session) >= TLS1_3_VERSION) return true;
  const auto asked = serverNameOf(ssl);
  const char* name = SSL_SESSION_get0_hostname(&session);
  const std::string_view known = name != nullptr ? name : "";
  return asked && HostName(*asked).text() == HostName(known).text();
}

// A session must not live on with a certificate that has ended since.
bool isStillVerified(const SSL_SESSION& session) {
  const X509* peer = SSL_SESSION_get0_peer(const_cast<SSL_SESSION*>(&session));
  return peer == nullptr || X509_cmp_current_time(X509_get0_notAfter(peer)) > 0;
}

SSL_TICKET_RETURN onSession(SSL* ssl, SSL_SESSION* session, const uint8_t* /*keyName*/,
                            size_t /*size*/, SSL_TICKET_STATUS status, void* /*unused*/) {
  const bool opened = status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW;
  if (!opened || !isOfThatName(*ssl, *session) || !isStillVerified(*session))
    return SSL_TICKET_RETURN_IGNORE_RENEW;
  return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

}  // namespace

void guardResumption(SSL_CTX& context) {
  ASSERT(SSL_CTX_set_session_ticket_cb(&context, nullptr, onSession, nullptr) == 1);
}

}  // namespace oxbow::tls
