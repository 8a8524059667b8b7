#include "proxy/tls/resumption.h"

#include <cstdint>
#include <cstring>
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

int64_t secondsOf(const void* clock) {
  const WallTime now = static_cast<const Clock*>(clock)->wall();
  return std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
}

// A ticket carries the time of the full handshake. In TLS 1.3 each resumption brings a new ticket,
// which OpenSSL counts anew: a client could go on for ever without being verified again.
int onNewTicket(SSL* ssl, void* clock) {
  SSL_SESSION* session = SSL_get_session(ssl);
  void* known = nullptr;
  size_t size = 0;
  if (SSL_SESSION_get0_ticket_appdata(session, &known, &size) == 1 && size > 0) return 1;
  const int64_t now = secondsOf(clock);
  return SSL_SESSION_set1_ticket_appdata(session, &now, sizeof now);
}

bool isInTime(const SSL& ssl, SSL_SESSION& session, const void* clock) {
  void* known = nullptr;
  size_t size = 0;
  int64_t since = 0;
  if (SSL_SESSION_get0_ticket_appdata(&session, &known, &size) != 1 || size != sizeof since)
    return false;
  std::memcpy(&since, known, sizeof since);
  return secondsOf(clock) - since <= SSL_CTX_get_timeout(SSL_get_SSL_CTX(&ssl));
}

SSL_TICKET_RETURN onSession(SSL* ssl, SSL_SESSION* session, const uint8_t* /*keyName*/,
                            size_t /*size*/, SSL_TICKET_STATUS status, void* clock) {
  const bool opened = status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW;
  if (!opened || !isOfThatName(*ssl, *session) || !isStillVerified(*session) ||
      !isInTime(*ssl, *session, clock))
    return SSL_TICKET_RETURN_IGNORE_RENEW;
  return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

}  // namespace

void guardResumption(SSL_CTX& context, const Clock& clock) {
  auto* argument = const_cast<Clock*>(&clock);
  ASSERT(SSL_CTX_set_session_ticket_cb(&context, onNewTicket, onSession, argument) == 1);
}

}  // namespace oxbow::tls
