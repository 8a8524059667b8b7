#include "proxy/tls/client_verification.h"

#include <openssl/x509_vfy.h>

#include <string>

#include "proxy/base/assert.h"

namespace oxbow::tls {

namespace {

using config::ClientVerify;

constexpr std::string_view kLabel = "oxbow client verification";

int modeOf(ClientVerify verify) {
  switch (verify) {
    case ClientVerify::Off:
      return SSL_VERIFY_NONE;
    case ClientVerify::Optional:
      return SSL_VERIFY_PEER;
    case ClientVerify::Require:
      return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  }
  return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
}

// The handshake goes on whatever comes out, which is then the connection's verify result. A verify
// callback that forgives would not do: verification went on, and a later error, or none, would
// stand in place of the first.
int verifyAndGoOn(X509_STORE_CTX* chain, void* /*unused*/) {
  if (X509_verify_cert(chain) != 1 && X509_STORE_CTX_get_error(chain) == X509_V_OK)
    X509_STORE_CTX_set_error(chain, X509_V_ERR_UNSPECIFIED);
  return 1;
}

}  // namespace

std::shared_ptr<const ClientVerification> ClientVerification::read(
    const config::ClientCertificates& config, const Complaints& complaints) {
  std::shared_ptr<ClientVerification> made(new ClientVerification);
  made->mode_ = *config.verify;
  if (made->mode_ == ClientVerify::Off) {
    made->identity_ = digestOf({kLabel, "off"});
    return made;
  }
  if (!readTrust(config.ca, config.crl, complaints, made->trust_)) return nullptr;
  made->depth_ = static_cast<int>(*config.verifyDepth);
  made->identity_ =
      digestOf({kLabel, made->mode_ == ClientVerify::Optional ? "optional" : "require",
                std::to_string(made->depth_), made->trust_.digest});
  return made;
}

void ClientVerification::applyTo(SSL_CTX& context) const {
  const auto* id = reinterpret_cast<const unsigned char*>(identity_.data());
  ASSERT(SSL_CTX_set_session_id_context(&context, id, static_cast<unsigned>(identity_.size())) ==
         1);
  SSL_CTX_set_verify(&context, modeOf(mode_), nullptr);
  if (mode_ == ClientVerify::Off) return;
  SSL_CTX_set_verify_depth(&context, depth_);
  SSL_CTX_set1_cert_store(&context, trust_.store.get());
  for (const CertificatePtr& authority : trust_.authorities)
    ASSERT(SSL_CTX_add_client_CA(&context, authority.get()) == 1);
  if (mode_ == ClientVerify::Optional)
    SSL_CTX_set_cert_verify_callback(&context, verifyAndGoOn, nullptr);
}

void ClientVerification::applyTo(SSL& ssl) const {
  const auto* id = reinterpret_cast<const unsigned char*>(identity_.data());
  ASSERT(SSL_set_session_id_context(&ssl, id, static_cast<unsigned>(identity_.size())) == 1);
  SSL_set_verify(&ssl, modeOf(mode_), nullptr);
  if (mode_ != ClientVerify::Off) SSL_set_verify_depth(&ssl, depth_);
}

}  // namespace oxbow::tls
