#include "proxy/tls/failure.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

namespace oxbow::tls {

namespace {

using net::CertificateFault;
using Kind = net::OpenFailure::Kind;

// OpenSSL keeps the texts of its errors for as long as the process lives.
const char* orUnknown(const char* text) { return text != nullptr ? text : "TLS failed"; }

bool isAlert(unsigned long error) {
  return ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) >= SSL_AD_REASON_OFFSET;
}

const char* alertText(unsigned long error) {
  return SSL_alert_desc_string_long(ERR_GET_REASON(error) - SSL_AD_REASON_OFFSET);
}

bool isEnd(unsigned long error, int result) {
  if (result == SSL_ERROR_SYSCALL || error == 0) return true;
  return ERR_GET_LIB(error) == ERR_LIB_SSL &&
         ERR_GET_REASON(error) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
}

}  // namespace

CertificateFault faultOf(long verifyResult) {
  switch (verifyResult) {
    case X509_V_OK:
      return CertificateFault::None;
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return CertificateFault::Expired;
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return CertificateFault::NotYetValid;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return CertificateFault::SelfSigned;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return CertificateFault::UnknownCa;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return CertificateFault::WrongName;
    case X509_V_ERR_CERT_REVOKED:
      return CertificateFault::Revoked;
    default:
      return CertificateFault::Other;
  }
}

net::OpenFailure takeFailure(const SSL& ssl, int error) {
  const unsigned long last = ERR_peek_last_error();
  ERR_clear_error();
  const long verified = SSL_get_verify_result(&ssl);
  if (ERR_GET_LIB(last) == ERR_LIB_SSL && ERR_GET_REASON(last) == SSL_R_CERTIFICATE_VERIFY_FAILED)
    return {Kind::Certificate, faultOf(verified), X509_verify_cert_error_string(verified)};
  if (isAlert(last)) return {Kind::Alert, CertificateFault::None, alertText(last)};
  if (ERR_GET_LIB(last) == ERR_LIB_SSL && ERR_GET_REASON(last) == SSL_R_HTTP_REQUEST)
    return {Kind::PlainHttp, CertificateFault::None, "a plain HTTP request on a TLS port"};
  if (isEnd(last, error))
    return {Kind::Closed, CertificateFault::None, "closed during the TLS handshake"};
  return {Kind::Protocol, CertificateFault::None, orUnknown(ERR_reason_error_string(last))};
}

}  // namespace oxbow::tls
